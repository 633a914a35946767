"""Telegram through the Bot API: private chats with one bot. Facts and their sources are in MAPPING.md."""
