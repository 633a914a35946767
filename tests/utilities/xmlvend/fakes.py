"""What these tests share: a clock that only moves when told, counted randomness, a network, fixtures and settings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from integrations.contract.exchange import NoAnswer, NotSent, Request, Response, Sent, Unknown
from integrations.contract.money import Money
from integrations.contract.parties import VendOrder
from integrations.contract.people import MeterNumber, Secret
from integrations.sandbox.far_side import FaultPlan, World
from integrations.sandbox.xmlvend import XmlVendSide, XmlVendSideConfig
from integrations.utilities.xmlvend.adapter import XmlVend
from integrations.utilities.xmlvend.config import XmlVendConfig
from integrations.utilities.xmlvend.ids import MessageId
from tests.seams import HandClock

WIRE = Path(__file__).parent / "wire"

#: The message ids, meter and amount that every fixture is about.
QUESTION = MessageId("20260131101530", "500104")
SALE = MessageId("20260131101500", "000102")
METER = MeterNumber("14123456783")
AMOUNT = Money.of(500, "KES")
ORDER = VendOrder("20260131101500-000102-0000000000002", METER, AMOUNT)

CONFIG = XmlVendConfig(
    url="http://vending.test/xmlvend",
    client_id="6009999000001",
    terminal_ids=("0000000000001", "0000000000002"),
    operator_name="BOT",
    password=Secret("test-password"),
)


def fixture(name: str) -> Response:
    """A recorded answer as our HTTP shell hands it over: faults with 500, the rest with 200."""
    return Response(500 if name.startswith("fault_") else 200, {}, (WIRE / name).read_bytes())


class FakeClock(HandClock):
    """Starts at the fixtures' moment, 10:15:00 in Nairobi."""

    def __init__(self) -> None:
        super().__init__(datetime(2026, 1, 31, 7, 15, tzinfo=UTC))


@dataclass
class FakeRandom:
    """Digits that differ from call to call and are the same in every run."""

    state: int = 7

    def digits(self, count: int) -> str:
        self.state = self.state * 6364136223846793005 + 1442695040888963407 & (1 << 127) - 1
        return f"{self.state % 10**count:0{count}}"

    def letters(self, count: int) -> str:
        return self.digits(count)

    def secret(self, size_bytes: int) -> str:
        return self.digits(size_bytes * 2)

    def hexadecimal(self, size_bytes: int) -> str:
        return self.digits(size_bytes * 2)

    def fraction(self) -> float:
        return int(self.digits(6)) / 10**6


@dataclass
class Network:
    """Carries requests to one far side on the fake clock, as `http.py` would; what it lost is Unknown."""

    side: XmlVendSide
    clock: FakeClock
    sent: list[Request] = field(default_factory=list)

    async def send(self, request: Request, deadline: float) -> Sent:
        if self.clock.monotonic() >= deadline:
            return NotSent("deadline")
        self.sent.append(request)
        try:
            return await self.side.serve(replace(request, url=request.url.removeprefix("http://vending.test")))
        except NoAnswer:
            self.clock.seconds = deadline
            return Unknown("timeout")


async def unreachable(_request: Request, _deadline: float) -> Sent:
    """A network without the other end."""
    return NotSent("refused")


@dataclass
class Bench:
    """The adapter in front of its far side."""

    clock: FakeClock
    faults: FaultPlan
    side: XmlVendSide
    network: Network
    utility: XmlVend

    @property
    def deadline(self) -> float:
        return self.clock.monotonic() + self.utility.pace.timeout

    def order(self, meter: str = METER.reveal(), shillings: int = 500) -> VendOrder:
        reference = self.utility.new_reference(self.clock, self.side.world.random)
        return VendOrder(reference, MeterNumber(meter), Money.of(shillings, "KES"))


def bench(config: XmlVendConfig = CONFIG, *, side: XmlVendSideConfig | None = None) -> Bench:
    """A fresh adapter and a fresh utility that know each other."""
    clock, random, faults = FakeClock(), FakeRandom(), FaultPlan()
    agreed = XmlVendSideConfig(CONFIG.client_id, CONFIG.operator_name, CONFIG.password)
    far = XmlVendSide(World(unreachable, clock, random, faults), side or agreed)
    network = Network(far, clock)
    return Bench(clock, faults, far, network, XmlVend(config, network.send, clock, random))
