"""What Twilio reports of a message of ours later on. Any order, any number of times, none at all: all happen."""

from __future__ import annotations

from integrations.channels.twilio.wire.codes import obstacle_of
from integrations.channels.twilio.wire.form import Form, read_query
from integrations.contract.channel import Arrival, Arrived, Report, Undelivered
from integrations.contract.message import Ignored

#: The parameter of our own address by which a report names our message: it may come before we know Twilio's id.
OWN = "m"

ARRIVALS = {"sent": Arrival.SENT, "delivered": Arrival.DELIVERED, "read": Arrival.READ}
FAILURES = ("failed", "undelivered")


def read_report(form: Form, url: str) -> Report | Ignored:
    """One report. `url` is the path and query it came to."""
    own, sid = read_query(url).first(OWN), form.first("MessageSid")
    status = form.first("MessageStatus").lower()
    if not sid:
        return Ignored("no id")
    if status in ARRIVALS:
        return Arrived(own, sid, ARRIVALS[status])
    if status in FAILURES:
        code = form.first("ErrorCode")
        obstacle, listed = obstacle_of(code)
        return Undelivered(own, sid, obstacle, code, unlisted=not listed)
    return Ignored(status or "no status")
