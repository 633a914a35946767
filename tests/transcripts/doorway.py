"""Where the sandbox is reached: what the customer sees is noted here, and here a worker dies after its call."""

from __future__ import annotations

from integrations.contract.exchange import Request, Response
from integrations.sandbox.daraja import TOKEN_PATH
from integrations.sandbox.host import SandboxHost
from tests.transcripts.chats import Chat
from tests.transcripts.transcript import message_lines


class Crash(BaseException):
    """A worker dies. Its call was made; what came of it is stored nowhere."""


class Doorway:
    """Stands where the sandbox is reached: notes what the customer sees, and lets the worker of one call die."""

    def __init__(self, sandbox: SandboxHost, chat: Chat, crash_at: int) -> None:
        self.calls = 0
        self.messages = 0
        self.lines: list[str] = []
        self.crash_at = crash_at
        self.crashed = False
        self._sandbox = sandbox
        self._chat = chat
        self._seen: dict[str, tuple[str, ...]] = {}

    async def serve(self, request: Request) -> Response:
        """Pass a call on. Fetching an access token is part of the call it is fetched for."""
        # A crash before the call acted would be another story: M-Pesa cannot be asked about a prompt it did not get.
        counts = not request.url.startswith(TOKEN_PATH)
        self.calls += counts
        try:
            return await self._sandbox.serve(request)
        finally:
            self._look()
            if counts and self.calls == self.crash_at:
                self.crashed = True
                raise Crash

    def take(self) -> list[str]:
        """The lines noted since the last time."""
        self._look()
        lines, self.lines = self.lines, []
        return lines

    def _look(self) -> None:
        chat = self._chat.shown()
        for message in chat:
            before = self._seen.get(message.id)
            if before == message.look or (before and not message.edited):
                continue
            self._seen[message.id] = message.look
            self.messages += before is None
            mark = "SMS" if message.by_sms else "" if before is None else "*" if message is chat[-1] else "**"
            self.lines += message_lines(message.text, message.buttons, message.key, mark, message.rows)
