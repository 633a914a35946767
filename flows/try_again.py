"""One more prompt for a payment whose last one ended without money, at the customer's wish."""

from __future__ import annotations

from collections.abc import Mapping

from flows import words
from flows.customer import Customer
from flows.lookups import may_retry
from flows.talk import Commit, Say
from flows.text import Json

REVISION = 1


async def try_again(_who: Customer, args: Mapping[str, Json]) -> None:
    """Ask whether it may still be prompted, then wish for it. The wish is bound to the attempt that ended (I-04)."""
    sorry = await may_retry(args["payment"], args["after"])
    if sorry is not None:
        await Say(sorry.why, words.MENU)
        return
    await Commit("retry_payment", {"payment": args["payment"], "after": args["after"]})
