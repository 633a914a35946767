"""The parties and rules that payments are carried through with; put together by `bot/app.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.payments.limits import Caps
from bot.store.seal import Seal
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
