"""What comes in from outside: verified, stored, and only then acknowledged. No flow code runs here.

The route alone decides who verifies (S-01). A message is stored under the channel's own id, so the same one again is no
news (F-071); a callback is stored raw, whether or not anyone knows its attempt, and wakes an enquiry of the attempt its
address names (I-21 to I-24). When the store is away the answer is 503, and the sender's own retry is our queue.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace

import orjson
import structlog

from bot import inputs
from bot.i18n import Languages
from bot.identities import Whose, customer_of, names_of, read_known, whose
from bot.metrics import CALLBACKS, INPUTS, REPORTS
from bot.payments.parties import Parties
from bot.payments.plan import callback_hash
from bot.payments.rows import AttemptRow, AttemptState, Said
from bot.payments.schedule import HINT_EVERY_MS
from bot.reports import Reports
from bot.store.change import Change, Done, Insert, Row, Sql, StoreUnavailable, Update
from bot.store.store import Store
from bot.undelivered import SMS
from integrations.contract import channel as contract
from integrations.contract.channel import Channel
from integrations.contract.exchange import Request, Response
from integrations.contract.message import Ignored, Received, Rejected
from integrations.contract.outcomes import CallbackRejected, CallbackSeen

log = structlog.get_logger()

#: Senders whose conversation is known, so that a message costs one insert and no reading. Forgetting one costs a read;
#: each is forgotten now and then, because another replica may have seen an address change hands.
KNOWN_MAX = 100_000
KNOWN_SECONDS = 3600.0

#: A message that comes so long after it was written was lost on its way and asked for later.
LATE_MS = 120_000

AWAY = Response(503, {"retry-after": "5"})


class Ingress:
    """The Serve of the service's own paths, but for health and metrics."""

    def __init__(self, channels: Mapping[str, Channel], parties: Parties, languages: Languages, store: Store) -> None:
        self.parties = parties
        self.languages = languages
        self.store = store
        self.reports = Reports(store, parties.clock, SMS in channels)
        self._by_path = {f"webhooks/{channel.path}": channel for channel in channels.values()}
        reporting = [channel for channel in channels.values() if isinstance(channel, contract.Reports)]
        # Channels of one provider share an address; the first one reads what is said there.
        self._reporting = {f"webhooks/{channel.reports_path}": channel for channel in reversed(reporting)}
        #: By channel and lasting name, else address: the address last written from, and the chat.
        self._known: dict[tuple[str, str], tuple[str, str]] = {}
        self._forget_at = 0.0

    async def serve(self, request: Request) -> Response:
        """Route by path."""
        path = request.url.partition("?")[0].strip("/")
        match path.split("/"):
            case ["c", secret] if request.method in {"POST", "PUT"}:
                return await self._or_away(self._callback(secret, request))
            case ["webhooks", *_] if request.method == "POST" and path in self._by_path:
                return await self._or_away(self._webhook(self._by_path[path], request))
            case ["webhooks", *_] if request.method == "POST" and path in self._reporting:
                return await self._or_away(self._report(self._reporting[path], request))
            case _:
                return Response(404)

    async def _or_away(self, answer: Awaitable[Response]) -> Response:
        try:
            return await answer
        except StoreUnavailable:
            log.warning("ingress.store_unavailable")
            return AWAY
        except Exception as error:  # noqa: BLE001  whatever it was, nothing is acknowledged that may not be stored
            # The words of an error may quote a body, so only its kind is written down.
            log.warning("ingress.failed", error=type(error).__name__)
            return AWAY

    # --- messages

    async def _webhook(self, channel: Channel, request: Request) -> Response:
        received = channel.receive(request)
        if isinstance(received, Rejected):
            INPUTS.labels(channel.name, "rejected").inc()
            return Response(received.status)
        return channel.acknowledge(received) if await self.keep(channel, received) else AWAY

    async def keep(self, channel: Channel, received: Sequence[Received | Ignored]) -> bool:
        """Store inputs; whether they are stored. Only then may the channel be told."""
        messages = [one for one in received if isinstance(one, Received)]
        INPUTS.labels(channel.name, "ignored").inc(len(received) - len(messages))
        if not messages:
            return True
        change = Change()
        met: dict[tuple[str, str], tuple[str, str]] = {}
        self._forget_in_time()
        for message in messages:
            sender = (channel.name, message.person or message.address)
            address, chat = met.get(sender) or self._known.get(sender) or ("", "")
            if not chat or address != message.address:
                found = await self._whose(channel.name, message)
                chat, change = found.conversation_id, change + found.change
            met[sender] = message.address, chat
            change += Change(inserts=(self._input(channel.name, chat, message),))
        if not isinstance(await self.store.write(change), Done):
            self._known.clear()
            return False
        INPUTS.labels(channel.name, "stored").inc(len(messages))
        self._known |= met
        return True

    def _forget_in_time(self) -> None:
        now = self.parties.clock.monotonic()
        if now >= self._forget_at or len(self._known) > KNOWN_MAX:
            self._known.clear()
            self._forget_at = now + KNOWN_SECONDS

    def _input(self, channel: str, chat: str, message: Received) -> Insert:
        # What comes late was still written then: it is no answer to a question that was asked after it (F-082).
        at = min(self._now(), int(message.at.timestamp() * 1000)) if self._is_late(message) else self._now()
        return inputs.message_input(self.parties.seal, chat, channel, message, at)

    async def _whose(self, channel: str, message: Received) -> Whose:
        """The chat of a sender not met since the start, with the rows of one who is new."""
        names = names_of(self.parties.seal, channel, message)
        now = self._now()
        found = whose(names, await self.store.read(lambda sql: read_known(sql, names)), message.address, now)
        if found.change.updates:
            self._known.clear()  # an address changes hands, and whoever had it may be among these
        if not found.new:
            return found
        chat, customer = found.conversation_id, customer_of(found.conversation_id)
        person: Row = {"id": customer, "language": self.languages.match(message.language), "created_at": now}
        row: Row = {
            "id": chat,
            "customer_id": customer,
            "channel": channel,
            "address": message.address,
            "created_at": now,
        }
        begun = (
            Insert("customer", {**person, **self._own_phone(message, now)}, or_ignore=True),
            Insert("conversation", row, or_ignore=True),
        )
        if found.change.updates:
            # An address passes to this chat, which must be there first. Twice does no harm.
            await self.store.write(Change(inserts=begun))
            return found
        return replace(found, change=Change(inserts=begun) + found.change)

    def _own_phone(self, message: Received, now: int) -> dict[str, str | int]:
        """The number a channel vouches for, where an operator of ours knows it; it is shown before it pays (F-060)."""
        phone = message.phone
        if phone is None or not any(money.serves(phone) for money in self.parties.money.values()):
            return {}
        seal = self.parties.seal
        sealed, hashed = seal.seal(phone.reveal(), "phone"), seal.hashed(phone.reveal(), "phone")
        return {"phone_sealed": sealed, "phone_hash": hashed, "phone_proven_at": now}

    def _is_late(self, message: Received) -> bool:
        return self._now() - int(message.at.timestamp() * 1000) > LATE_MS

    def _now(self) -> int:
        return int(self.parties.clock.now().timestamp() * 1000)

    # --- reports

    async def _report(self, channel: contract.Reports, request: Request) -> Response:
        match channel.report(request):
            case Rejected(status=status):
                REPORTS.labels("rejected").inc()
                return Response(status)
            case Ignored():
                REPORTS.labels("ignored").inc()
                return channel.acknowledge([])
            case report:
                return channel.acknowledge([]) if await self.reports.keep(report) else AWAY

    # --- callbacks

    async def _callback(self, secret: str, request: Request) -> Response:
        address = callback_hash(_plain(secret))
        attempt = await self._attempt_at(address)
        # An address nobody knows is answered like one that is known (S-11).
        money = self.parties.money[attempt.party] if attempt else next(iter(self.parties.money.values()))
        seen = money.callback(request)
        verdict = "unknown" if attempt is None else "malformed" if isinstance(seen, CallbackRejected) else "seen"
        change = self._raw(address, attempt, verdict, request)
        if attempt is not None and isinstance(seen, CallbackSeen) and await self._may_name(attempt, seen.theirs):
            change += hint(attempt, seen, self._now())
        CALLBACKS.labels(money.name, verdict).inc()
        return money.callback_answer() if isinstance(await self.store.write(change), Done) else AWAY

    async def _attempt_at(self, address: str) -> AttemptRow | None:
        def read(sql: Sql) -> AttemptRow | None:
            rows = sql.rows("SELECT * FROM attempt WHERE callback_hash = :address", address=address)
            return AttemptRow.of(rows[0]) if rows else None

        return await self.store.read(read)

    async def _may_name(self, attempt: AttemptRow, theirs: str) -> bool:
        """Whether the operator's id in a callback can be this attempt's: its own, or a new one where none is known."""
        if attempt.theirs is not None:
            known = attempt.theirs == theirs
        else:
            other = "SELECT 1 AS one FROM attempt WHERE party = :party AND theirs = :theirs AND id <> :id LIMIT 1"

            def read(sql: Sql) -> bool:
                return not sql.rows(other, party=attempt.party, theirs=theirs, id=attempt.id)

            known = await self.store.read(read)
        if not known:
            log.warning("callback.other_reference", attempt=attempt.id)
        return known

    def _raw(self, address: str, attempt: AttemptRow | None, verdict: str, request: Request) -> Change:
        """The callback as it came. Its path is a secret and is not kept."""
        headers = {_plain(name): _plain(value) for name, value in request.headers.items()}
        raw = [request.method, headers, request.body.decode("utf-8", "backslashreplace")]
        row: dict[str, int | str | None] = {
            "address_hash": address,
            "attempt_id": attempt.id if attempt else None,
            "verdict": verdict,
            "raw_sealed": self.parties.seal.seal(orjson.dumps(raw).decode(), "callback.raw"),
            "remote": request.remote,
            "stored_at": self._now(),
        }
        return Change(inserts=(Insert("callback", row),))


def hint(attempt: AttemptRow, seen: CallbackSeen, now: int) -> Change:
    """What a callback writes: it wakes an enquiry of this attempt, and touches nothing else.

    What is known already wakes nobody. A claim of success stays when a failure is claimed after it: only a success
    brings a receipt number, and the enquiry decides between them (F-029).
    """
    if attempt.state is AttemptState.YES and seen.claims_success and seen.proof in {None, attempt.proof}:
        return Change()
    said = Said(seen.claims_success, seen.theirs, seen.proof, seen.amount)
    if attempt.said and attempt.said.success and not seen.claims_success:
        said = attempt.said
    # A failure never writes over a success that came while it was being read.
    seen_as = {} if seen.claims_success else {"claim": attempt.said.text() if attempt.said else ""}
    # Later than any due time that can have been claimed by now, so that the finish of a call under way keeps it.
    due = max(now + 1, attempt.asked_at + HINT_EVERY_MS)
    return Change(
        updates=(
            Update("attempt", attempt.id, {"hinted": 1, "claim": said.text()}, only_if=seen_as),
            Update("payment", attempt.payment_id, {"due_at": due}),
        )
    )


def _plain(text: str) -> str:
    """A header or an address whose bytes were no text, as text that can be stored."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
