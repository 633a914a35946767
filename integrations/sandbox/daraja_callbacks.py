"""The callbacks the sandbox's Daraja posts: their exact shape, and everything that can befall them on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping

from integrations.contract.exchange import Request, Response
from integrations.contract.money import Money
from integrations.sandbox.daraja_config import LATE_CALLBACK_SECONDS, DarajaSideConfig
from integrations.sandbox.daraja_truth import CANCELLED, CURRENCY, NAIROBI, PAID, PinPrompt, Verdict
from integrations.sandbox.far_side import DELIVERY_TIMEOUT_SECONDS, DueList, World

ONE_SHILLING = Money.of(1, CURRENCY)


class Callbacks:
    """Tells the merchant's callback address about verdicts, from the due list."""

    def __init__(self, world: World, config: DarajaSideConfig, due: DueList) -> None:
        self._world = world
        self._config = config
        self._due = due
        self._held: set[str] = set()

    def schedule(self, prompt: PinPrompt) -> None:
        """Call back about the verdict a prompt has just got, once Daraja has thought about it."""
        takes = self._world.faults.takes
        if prompt.id in self._held or takes("lose_callback"):
            return
        seconds = LATE_CALLBACK_SECONDS if takes("late_callback") else self._config.thinking_seconds
        body = self._body(prompt)
        self._after(seconds, prompt, body)
        if takes("double_callback"):
            self._after(seconds, prompt, body)
        if takes("contradicting_callback"):
            self._after(seconds + 1.0, prompt, self._opposite(prompt))

    def forge(self, prompt: PinPrompt) -> None:
        """Let a stranger call back success for a prompt nobody has paid."""
        self._after(self._config.thinking_seconds, prompt, self._told_paid(prompt, "SKF0RGED99", prompt.amount))

    def hold(self, prompt: PinPrompt) -> None:
        """Schedule nothing for this prompt: `deliver_held` will bring its callback."""
        self._held.add(prompt.id)

    async def deliver_held(self, prompt: PinPrompt) -> None:
        """Call back about a held prompt at once."""
        self._held.discard(prompt.id)
        await self._deliver(prompt, self._body(prompt), self._config.callback_tries)

    def _after(self, seconds: float, prompt: PinPrompt, body: bytes) -> None:
        self._due.after(seconds, lambda: self._deliver(prompt, body, self._config.callback_tries))

    async def _deliver(self, prompt: PinPrompt, body: bytes, tries: int) -> None:
        request = Request("POST", prompt.asked.callback_url, {"content-type": "application/json"}, body)
        answer = await self._world.send(request, self._world.clock.monotonic() + DELIVERY_TIMEOUT_SECONDS)
        taken = isinstance(answer, Response) and 200 <= answer.status < 300
        if not taken and tries > 1:
            self._due.after(
                self._config.callback_retry_seconds,
                lambda: self._deliver(prompt, body, tries - 1),
            )

    def _body(self, prompt: PinPrompt) -> bytes:
        verdict, takes = prompt.verdict or CANCELLED, self._world.faults.takes
        if verdict is not PAID or takes("bare_callback"):
            return self._told(prompt, verdict)
        amount = prompt.amount - ONE_SHILLING if takes("wrong_amount_callback") else prompt.amount
        return self._told_paid(prompt, prompt.receipt, amount)

    def _told(self, prompt: PinPrompt, verdict: Verdict, metadata: Mapping[str, object] | None = None) -> bytes:
        """A callback body. A failure carries no CallbackMetadata at all."""
        fields: dict[str, object] = {
            "MerchantRequestID": prompt.merchant_request_id,
            "CheckoutRequestID": prompt.id,
            "ResultCode": verdict.code if self._config.callback_code == "str" else int(verdict.code),
            "ResultDesc": verdict.text,
        }
        if metadata is not None:
            fields["CallbackMetadata"] = metadata
        return json.dumps({"Body": {"stkCallback": fields}}).encode()

    def _told_paid(self, prompt: PinPrompt, receipt: str, amount: Money) -> bytes:
        at = (prompt.paid_at or self._world.clock.now()).astimezone(NAIROBI)
        items: list[dict[str, object]] = [
            {"Name": "Amount", "Value": "@amount@"},
            {"Name": "MpesaReceiptNumber", "Value": receipt},
            {"Name": "Balance"},
            {"Name": "TransactionDate", "Value": int(at.strftime("%Y%m%d%H%M%S"))},
            {"Name": "PhoneNumber", "Value": int(prompt.msisdn)},
        ]
        # Daraja writes whole shillings as 500.0; put in as text, so that no float is made of money here either.
        body = self._told(prompt, PAID, {"Item": items})
        return body.replace(b'"@amount@"', f"{amount.whole}.0".encode())

    def _opposite(self, prompt: PinPrompt) -> bytes:
        if prompt.verdict is PAID:
            return self._told(prompt, CANCELLED)
        return self._told_paid(prompt, "SKC0NTRAD1", prompt.amount)
