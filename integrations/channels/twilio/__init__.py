"""WhatsApp and SMS through Twilio. What Twilio does on the wire, and how sure we are of it: MAPPING.md."""
