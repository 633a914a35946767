"""The settings of one XMLVend server: who we are to it, how it writes money, how patient we are with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integrations.contract.money import EXPONENTS, Money
from integrations.contract.outcomes import VendReason
from integrations.contract.people import Secret

_MINIMUM, _MAXIMUM = Money.of(50, "KES"), Money.of(35_000, "KES")


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlVendConfig:
    """What the utility agreed with us. A wrong setting raises ValueError that names every problem at once."""

    url: str
    #: Our EAN at the utility (13 digits nominally; short names are seen too).
    client_id: str
    #: Our terminals. Where there are several, the first only asks questions and the others only sell, because a
    #: strict server keeps one last response per client and terminal and a question would push a sale's answer out.
    terminal_ids: tuple[str, ...]
    operator_name: str
    password: Secret
    title: str = "Umoja Power"
    currency: str = "KES"
    #: Currency symbols this server writes; the first is the one we send. Compared without case.
    symbols: tuple[str, ...] = ("KES", "KSh")
    meter_lengths: tuple[int, ...] = (11, 13)
    #: Whether the last digit of this utility's meter numbers is Luhn's. A misfit only warns.
    luhn: bool = True
    minimum: Money = _MINIMUM
    maximum: Money = _MAXIMUM
    #: The zone of the server's wall clock, in which a message id is written.
    time_zone: str = "Africa/Nairobi"
    timeout_seconds: float = 60.0
    #: A "no such transaction" sooner than this after the sale was sent proves nothing (F-054).
    settle_seconds: float = 180.0
    #: Waits before each enquiry, in seconds; the last one repeats.
    polls: tuple[float, ...] = (5.0, 15.0, 30.0, 60.0, 120.0, 180.0, 600.0, 1800.0, 3600.0)
    #: True only where the utility says in writing that it keeps the response to every message. Else "no such
    #: transaction" may mean "overwritten by the terminal's next sale", and a person decides instead of a second sale.
    keeps_every_response: bool = False
    #: This server's own texts and fault codes behind SystemEx that prove no sale: text or code → reason. Without case.
    known_texts: Mapping[str, VendReason] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if problems := _problems(self):
            raise ValueError("; ".join(problems))

    @property
    def question_terminal(self) -> str:
        """The terminal that looks up and quotes."""
        return self.terminal_ids[0]

    @property
    def sale_terminals(self) -> tuple[str, ...]:
        """The terminals that sell."""
        return self.terminal_ids[1:] or self.terminal_ids

    @property
    def zone(self) -> ZoneInfo:
        """The server's zone."""
        return ZoneInfo(self.time_zone)


def _problems(config: XmlVendConfig) -> list[str]:
    address = urlsplit(config.url)
    checks = (
        (address.scheme in {"http", "https"} and bool(address.netloc), "url is not an absolute http address"),
        (bool(config.client_id.strip()), "client_id is empty"),
        (bool(config.terminal_ids) and all(config.terminal_ids), "terminal_ids names no terminal, or an empty one"),
        (len(set(config.terminal_ids)) == len(config.terminal_ids), "terminal_ids names a terminal twice"),
        (bool(config.operator_name), "operator_name is empty"),
        (bool(config.password.reveal()), "password is empty"),
        (config.currency in EXPONENTS, "currency is not in the table of minor units"),
        (bool(config.symbols), "symbols is empty"),
        (bool(config.meter_lengths), "meter_lengths is empty"),
        ({config.minimum.currency, config.maximum.currency} == {config.currency}, "limits are in another currency"),
        (0 < config.minimum.minor <= config.maximum.minor, "minimum and maximum are not a range"),
        (config.timeout_seconds > 0, "timeout_seconds is not positive"),
        (config.settle_seconds >= config.timeout_seconds, "settle_seconds is shorter than one call"),
        (bool(config.polls) and all(wait > 0 for wait in config.polls), "polls is empty or not positive"),
        (_is_zone(config.time_zone), "time_zone is unknown on this machine"),
    )
    return [problem for holds, problem in checks if not holds]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
