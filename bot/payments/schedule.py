"""When a payment is looked at next. Waits come from the adapters; these are the rules around them."""

from __future__ import annotations

from integrations.contract.parties import Pace

#: A declined or expired prompt is asked about again after so long, doubling, for a day; then the statement decides.
RESTING_FIRST_MS = 600_000
RESTING_TOTAL_MS = 86_400_000

#: A payment that wants nothing more is looked at so often while a prompt of it may still be paid: first, and later.
BESIDE_MS = 60_000
BESIDE_LATER_MS = 900_000
#: A callback about a prompt that is over is looked into again after so long, where the operator gave no verdict.
HINT_AGAIN_MS = 300_000

#: An attempt is not asked about more often than this because of callbacks nobody vouches for (S-07).
HINT_EVERY_MS = 3_000

#: With no verdict for so long the customer is told, once: a PIN takes people a while, a token should come at once.
PROMPT_TOLD_AFTER_MS = 150_000
VEND_TOLD_AFTER_MS = 60_000
#: With none for so long a person is.
SLOW_AFTER_MS = 900_000

#: What was never sent is sent again after so long, doubling up to the most.
BACKOFF_FIRST_MS = 1_000
BACKOFF_MOST_MS = 300_000


def poll_ms(pace: Pace, asks: int) -> int:
    """The wait before the next enquiry, after so many."""
    return int(pace.polls[min(asks, len(pace.polls) - 1)] * 1000)


def resting_due(asks: int, since: int) -> int | None:
    """When a prompt that is over is asked about again, last asked `since`, so many times; None when its day is over."""
    spent = RESTING_FIRST_MS * ((1 << asks) - 1)
    return since + (RESTING_FIRST_MS << asks) if spent < RESTING_TOTAL_MS else None


def beside_due(sent_at: int, asked_at: int) -> int:
    """When a prompt that is out, and no longer waited for, is asked about again."""
    return asked_at + (BESIDE_MS if asked_at < sent_at + SLOW_AFTER_MS else BESIDE_LATER_MS)


def backoff_ms(tries: int) -> int:
    """The wait before sending what was proved not sent, capped."""
    return min(BACKOFF_FIRST_MS << min(tries, 20), BACKOFF_MOST_MS)
