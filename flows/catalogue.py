"""The flows by name, with the revision their journals were written under."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flows import buy_power, my_meters, try_again
from flows.turn import Script

FLOWS: Final[Mapping[str, Script]] = {
    "buy_power": Script(buy_power.REVISION, buy_power.buy_power),
    "buy_again": Script(buy_power.REVISION, buy_power.buy_again),
    "my_meters": Script(my_meters.REVISION, my_meters.my_meters),
    "try_again": Script(try_again.REVISION, try_again.try_again),
}
