"""Whatever a channel does, in whatever order it is told: money facts arrive or are a person's, and no SMS goes twice.

The channel here keeps its own truth: which messages there are, and which of them the person has. It loses answers,
loses requests, reports before it answers, reports twice and out of order, and can be asked what it has.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from integrations.contract.channel import NO_WAYBILL, Arrival, Arrived, Knock, Obstacle, Report, Undelivered, Waybill
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.message import Delivered, Gone, Malformed, Message, Sending, Throttled, plain
from tests.outbox.post import DAY, HOUR, MINUTE, Post, Windowed

KINDS = ("receipt", "receipt", "fact", "question", "say")
SEEDS = range(25)


@dataclass
class Made:
    """One message there is at the channel."""

    sid: str
    text: str
    made_at: float
    reaches: bool


@dataclass
class Fickle(Windowed):
    """A channel of bad luck."""

    luck: random.Random = field(default_factory=lambda: random.Random(1))
    post: Post | None = None
    made: list[Made] = field(default_factory=list)
    untold: list[Report] = field(default_factory=list)
    calm: bool = False

    async def send(self, address: str, message: Message, _deadline: float, waybill: Waybill = NO_WAYBILL) -> Sending:
        assert address.startswith("+")
        return await self._try(plain(message), waybill)

    async def knock(self, address: str, knock: Knock, _deadline: float, waybill: Waybill) -> Sending:
        assert address.startswith("+")
        if self.luck.random() < 0.1:
            return Malformed("paused")
        return await self._try(f"knock {' '.join(knock.values)}", waybill)

    async def _try(self, text: str, waybill: Waybill) -> Sending:
        assert self.post is not None
        there = self._there(text, waybill)
        if there:
            return Delivered(there[-1].sid)
        roll = 1.0 if self.calm else self.luck.random()
        if roll < 0.25:
            return self.luck.choice((Unknown("cut off"), NotSent("no network"), Throttled(5), Gone("blocked")))
        made = Made(
            f"{self.name}-{len(self.made)}", text, self.post.clock.seconds, self.calm or self.luck.random() < 0.6
        )
        self.made.append(made)
        reports = self._reports(made, waybill.own)
        early = [report for report in reports if self.luck.random() < 0.3]
        self.untold += [report for report in reports if report not in early]
        for report in early:
            await self.post.report(report)
        return Unknown("the answer was lost") if roll < 0.5 else Delivered(made.sid)

    def _there(self, text: str, waybill: Waybill) -> list[Made]:
        """What a look-up finds: nobody tells it what became of a message."""
        if waybill.tried_at is None:
            return []
        assert self.post is not None
        since = self.post.clock.seconds - (self.post.clock.now() - waybill.tried_at).total_seconds() - 2 * MINUTE
        return [
            made
            for made in self.made
            if made.text == text and made.made_at >= since and made.sid not in waybill.known
        ]  # fmt: skip

    def _reports(self, made: Made, own: str) -> list[Report]:
        sent: list[Report] = [Arrived(own, made.sid, Arrival.SENT)] if self.luck.random() < 0.5 else []
        if made.reaches:
            return [*sent, Arrived(own, made.sid, Arrival.DELIVERED), Arrived(own, made.sid, Arrival.READ)]
        obstacle = self.luck.choice(list(Obstacle))
        return [*sent, Undelivered(own, made.sid, obstacle, "6301")]

    def tell(self) -> Iterator[Report]:
        """Some of what was not told yet, and some of it twice."""
        self.luck.shuffle(self.untold)
        for _ in range(self.luck.randint(0, len(self.untold))):
            report = self.untold.pop()
            yield report
            if self.luck.random() < 0.3:
                yield report


def truth(line: Fickle) -> Counter[str]:
    """How often the person has each text."""
    return Counter(made.text for made in line.made if made.reaches)


async def lived_through(post: Post, seed: int) -> tuple[Fickle, Fickle, list[tuple[int, str]]]:
    """An hour of bad luck, then a calm day in which the person writes now and then."""
    luck = random.Random(seed)
    whatsapp, sms = Fickle(luck=luck, post=post), Fickle("sms", luck=luck, post=post)
    sms.limits = post.with_sms().limits
    post.whatsapp, post.sms = whatsapp, sms
    told: list[tuple[int, str]] = []
    for step in range(120):
        if luck.random() < 0.15 and len(told) < 12:
            kind = luck.choice(KINDS)
            told.append((await post.tell(kind, f"{kind} {step}"), kind))
        if luck.random() < 0.1:
            await post.hear()
        if luck.random() < 0.05:
            await post.hint("conversation", "vamina", heard_at=post.now - int(DAY * 1000) - 1)
        for line in (whatsapp, sms):
            parcels = await post.claim(line, luck.choice((1, 64)))
            if luck.random() < 0.9:  # else the process ended before it sent
                await post.work(line, *parcels)
            for report in line.tell():
                assert await post.report(report)
        post.clock.pass_by(luck.choice((0.0, 1.0, 10.0, 60.0)))
    whatsapp.calm = sms.calm = True
    for _ in range(30):
        await post.hear()
        await post.pass_(2 * HOUR, step=600)
        for line in (whatsapp, sms):
            while line.untold:
                assert await post.report(line.untold.pop())
    return whatsapp, sms, told


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_is_about_money_arrives_or_is_a_persons_and_no_sms_goes_twice(post: Post, seed: int) -> None:
    whatsapp, sms, told = await lived_through(post, seed)
    by_whatsapp, by_sms = truth(whatsapp), truth(sms)
    owned = {row["id"].split(":")[1] for row in await post.rows("SELECT id FROM trouble_case")}
    stand_ins = {row["stands_for"]: str(row["id"]) for row in await post.stand_ins()}
    for number, kind in told:
        [text] = [f"{kind} {step}" for step in range(120) if (number, f"{kind} {step}") in await _texts(post)]
        row = await post.row(number)
        assert row["done"] == 1, (text, row["outcome"])
        if kind in {"receipt", "fact"}:
            has = by_whatsapp[text] + by_sms[text]
            assert has or {str(number), stand_ins.get(number)} & owned, (text, row["outcome"])
        else:
            assert number not in stand_ins
    assert len(stand_ins) == len(await post.stand_ins())
    assert await post.rows("SELECT id FROM outbox WHERE done = 0") == []


async def _texts(post: Post) -> set[tuple[int, str]]:
    import orjson

    from flows.text import body_from_json
    from tests.outbox.post import SEAL

    found = set()
    for row in await post.rows("SELECT id, body_sealed FROM outbox WHERE stands_for IS NULL"):
        body = body_from_json(orjson.loads(SEAL.open(row["body_sealed"], "outbox.body"))["body"])
        found.add((int(row["id"]), str(body[0].values["words"])))
    return found
