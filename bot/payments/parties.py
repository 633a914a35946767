"""The parties and rules that payments are carried through with; put together by `bot/app.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.payments.limits import Caps
from bot.store.seal import Seal
from bot.work import Lease
from flows.customer import Trade
from integrations.contract.parties import MobileMoney, Utility
from integrations.contract.seams import Clock, Random


@dataclass(frozen=True)
class Parties:
    """Everything a payment needs of the outside, by name. `callback_base` is where operators reach us, or empty."""

    money: Mapping[str, MobileMoney]
    utilities: Mapping[str, Utility]
    trade: Trade
    seal: Seal
    clock: Clock
    random: Random
    callback_base: str = ""
    caps: Caps = field(default_factory=Caps)

    @property
    def lease(self) -> Lease:
        """How long a claimed payment is held: by the slowest party."""
        paces = [party.pace for party in self.money.values()] + [party.pace for party in self.utilities.values()]
        return Lease.for_calls_of(max(pace.timeout for pace in paces))
