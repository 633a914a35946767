"""M-Pesa as a MobileMoney: it finds a token, asks, and hands the answer to `wire`. Quirks and sources: MAPPING.md."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from integrations.contract.exchange import NotSent, Request, Response, Send, Unknown, json_response
from integrations.contract.money import Money
from integrations.contract.outcomes import (
    CallbackRejected,
    CallbackSeen,
    CannotAsk,
    CollectionOutcome,
    PromptOutcome,
    Reason,
    Refused,
)
from integrations.contract.parties import AfterNotFound, AmountRules, Collection, Pace
from integrations.contract.people import Phone, Secret
from integrations.contract.seams import Clock, Random
from integrations.money.mpesa import wire
from integrations.money.mpesa.callbacks import read_callback
from integrations.money.mpesa.config import MpesaConfig
from integrations.money.mpesa.wire import Token, TokenRefused

Outcome = TypeVar("Outcome")


class Mpesa:
    """Safaricom's M-PESA Express. It never repeats a push, save one that Daraja refused at its gate unprocessed."""

    name = "mpesa"
    title = "M-Pesa"
    currency = wire.CURRENCY
    #: Daraja signs nothing, so the operator is asked before a callback's money counts (S-07).
    callbacks_proved = False

    def __init__(self, config: MpesaConfig, send: Send, clock: Clock) -> None:
        self._config = config
        self._send = send
        self._clock = clock
        self._tokens = _Tokens(config, send, clock)
        self.merchant = config.merchant
        self.rules = AmountRules(
            minimum=Money.of(config.minimum, self.currency),
            maximum=Money.of(config.maximum, self.currency),
            step=Money.of(1, self.currency),
        )
        # A push carries no key by which Daraja would know a second one for the first, so nobody but a
        # person, statement in hand, may decide that one which is "not found" was never there.
        self.pace = Pace(config.timeout_seconds, config.polls_seconds, config.settle_seconds, AfterNotFound.A_PERSON)

    def new_reference(self, clock: Clock, random: Random) -> str:  # noqa: ARG002  the contract's signature
        """Twelve letters and digits: what fits into TransactionDesc, and 60 bits against collision."""
        return random.letters(wire.REFERENCE_LENGTH)

    def serves(self, phone: Phone) -> bool:
        """Whether the number is in Safaricom's ranges; it may have been ported since."""
        national = phone.reveal().removeprefix("+254")
        return wire.is_kenyan_mobile(phone) and national.startswith(self._config.prefixes)

    async def prompt(self, collection: Collection, deadline: float) -> PromptOutcome:
        """Ask for the PIN. Money: once a byte has left, only a listed refusal proves that no prompt was shown."""
        refused = wire.unfit(self._config, self.rules, collection)
        if refused:
            return refused

        def push(bearer: Secret) -> Request:
            return wire.push_request(self._config, bearer, collection, self._clock.now())

        outcome = await self._authorised(push, wire.push_answer, deadline)
        if isinstance(outcome, TokenRefused):  # twice, so it is our credentials or their environment (F-022)
            return Refused(Reason.OUR_FAULT, outcome.code)
        return outcome

    async def enquire(self, ours: str, theirs: str | None, deadline: float) -> CollectionOutcome:  # noqa: ARG002
        """Ask what became of a prompt. Daraja knows only its own id; with that lost there is no asking (F-014)."""
        if theirs is None:
            return CannotAsk()

        def query(bearer: Secret) -> Request:
            return wire.query_request(self._config, bearer, theirs, self._clock.now())

        def read(response: Response) -> CollectionOutcome | TokenRefused:
            return wire.query_answer(self._config, response, theirs)

        outcome = await self._authorised(query, read, deadline)
        if isinstance(outcome, TokenRefused):
            return Unknown(f"query: no token, {outcome.code}")
        return outcome

    def callback(self, request: Request) -> CallbackSeen | CallbackRejected:
        """Read a callback by its bytes, whatever content type it claims (F-038)."""
        if request.method != "POST":
            return CallbackRejected("not a POST")
        return read_callback(request.body)

    def callback_answer(self) -> Response:
        """The same words for every callback, known or not (S-11)."""
        return json_response(b'{"ResultCode":0,"ResultDesc":"Accepted"}')

    async def _authorised(
        self,
        build: Callable[[Secret], Request],
        read: Callable[[Response], Outcome],
        deadline: float,
        *,
        again: bool = True,
    ) -> Outcome | TokenRefused | NotSent | Unknown:
        """Send with a token; once more with a fresh one when Daraja's gate refused the first unprocessed (F-015)."""
        bearer = await self._tokens.current(deadline)
        if not isinstance(bearer, Secret):
            return bearer
        answer = await self._send(build(bearer), deadline)
        if not isinstance(answer, Response):
            return answer
        outcome = read(answer)
        if not isinstance(outcome, TokenRefused):
            return outcome
        self._tokens.forget(bearer)
        return await self._authorised(build, read, deadline, again=False) if again else outcome


class _Tokens:
    """The access token everybody shares, fetched by one at a time and only when there is no good one."""

    def __init__(self, config: MpesaConfig, send: Send, clock: Clock) -> None:
        self._config = config
        self._send = send
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._fetched: Secret | TokenRefused | NotSent = NotSent("no token yet")
        self._good_until = float("-inf")
        self._fetches = 0

    async def current(self, deadline: float) -> Secret | TokenRefused | NotSent:
        """A token to use now; NotSent when none could be had, since then the request proper never leaves."""
        if self._clock.monotonic() < self._good_until:
            return self._fetched
        known = self._fetches
        async with self._one_at_a_time:
            # Who waited here for somebody else's fetch takes its result, a failure too: fifty payments
            # that find no token ask for it once, not fifty times one after the other.
            if known == self._fetches:
                self._fetched = await self._fetch(deadline)
                self._fetches += 1
            return self._fetched

    def forget(self, bearer: Secret) -> None:
        """Daraja refused this token; the one fetched since, if any, stays."""
        if bearer == self._fetched:
            self._good_until = float("-inf")

    async def _fetch(self, deadline: float) -> Secret | TokenRefused | NotSent:
        asked_at = self._clock.monotonic()
        limit = min(deadline, asked_at + self._config.token_timeout_seconds)
        answer = await self._send(wire.token_request(self._config), limit)
        token = wire.token_answer(answer) if isinstance(answer, Response) else answer
        match token:
            case Token(bearer, lifetime_seconds):
                self._good_until = asked_at + lifetime_seconds - self._config.token_margin_seconds
                return bearer
            case TokenRefused():
                return token
            case NotSent(cause) | Unknown(cause):
                return NotSent(f"no token: {cause}")
