"""Twilio's forms and JSON to our values and back. Pure: no I/O, no clock. Its words are explained in MAPPING.md."""
