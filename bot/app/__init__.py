"""The composition root: settings in, a running service out. The only package that names concrete adapters."""

from bot.app.checks import check
from bot.app.commands import chat, run_sandbox, serve
from bot.app.parties import channels, mpesa_config, parties, telegram_config, twilio_config, xmlvend_config
from bot.app.running import running
from bot.app.sandbox import sandbox_config
from bot.app.telegram import commands
from bot.app.templates import templates

__all__ = [
    "channels", "chat", "check", "commands", "mpesa_config", "parties", "run_sandbox", "running", "sandbox_config",
    "serve", "telegram_config", "templates", "twilio_config", "xmlvend_config",
]  # fmt: skip
