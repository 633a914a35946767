"""The process ends anywhere and begins again on the same database: everything converges (I-34)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from integrations.contract.exchange import Request, Response
from tests.payments.scene import HOUR, MINUTE, Scene, scene
from tests.town import SANDBOX


def steps(one: Scene) -> list[Callable[[], Awaitable[int]]]:
    """The parts of the service and of the world, each to be stepped by itself."""
    sandbox, service = one.town.sandbox, one.service
    return [
        service.payments.step,
        service.outboxes["telegram"].step,
        sandbox.daraja.due.drain,
        service.turns.step,
        service.lookups.step,
        sandbox.telegram.due.drain,
    ]


async def test_I34_a_restart_after_every_single_step_changes_nothing(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order(settle=False)
        restarts = 0
        for second in range(12):
            if second == 3:
                await one.town.sandbox.daraja.enter_pin(one.prompts[0].id, "1234")
            for place in range(len(steps(one))):
                if await steps(one)[place]():
                    await one.town.tasks.quiet()
                    await one.town.reboot()
                    restarts += 1
            one.town.clock.pass_(1)
        await one.pass_(MINUTE)
        assert restarts >= 8
        assert (await one.state(payment), one.pushes, one.taken, one.sales) == ("vended", 1, 510, 1)
        await one.sound()


class PowerCut(BaseException):
    """The power goes before a request has left, or after it was acted upon."""


class Socket:
    """Where the power goes at one call; afterwards everything is as it was."""

    def __init__(self, one: Scene, at: int, *, acted: bool) -> None:
        self.calls = 0
        self.cut = ""
        self._at, self._acted = at, acted
        self._serve = one.town.sandbox.serve
        one.town.network.hosts[SANDBOX] = self.serve

    async def serve(self, request: Request) -> Response:
        self.calls += 1
        if self.calls != self._at:
            return await self._serve(request)
        self.cut = request.url.partition("?")[0]
        if self._acted:
            await self._serve(request)
        raise PowerCut


async def until_it_is_over(one: Scene, seconds: float) -> None:
    """Time passes; where the power went, the process begins again."""
    end = one.town.clock.monotonic() + seconds
    while (left := end - one.town.clock.monotonic()) > 0:
        try:
            await one.pass_(left)
        except PowerCut:
            await one.town.reboot()


@pytest.mark.parametrize("acted", [True, False], ids=["after the call", "before the call"])
@pytest.mark.parametrize("at", range(1, 9))
async def test_F137_I34_a_power_cut_at_any_call_ends_as_a_run_without_one_or_with_a_person(
    at: int, acted: bool, sqlite_url: str
) -> None:
    async with scene(sqlite_url) as one:
        socket = Socket(one, at, acted=acted)
        payment = await one.order(settle=False)
        await until_it_is_over(one, 5)
        for prompt in one.shown:
            await one.town.sandbox.daraja.enter_pin(prompt.id, "1234")
        await until_it_is_over(one, 3 * HOUR)
        assert socket.cut, f"there were {socket.calls} calls"
        state, cases = await one.state(payment), await one.cases(payment)
        # Nobody can ask M-Pesa about a push of which not even the answer is known, so a person does.
        person = "processrequest" in socket.cut or "oauth" in socket.cut
        unknown = person and not one.prompts
        assert (state, one.sales, one.taken) == (("prompting", 0, 0) if unknown else ("vended", 1, 510))
        assert ("prompt_unknown" in cases) is unknown
        assert one.pushes <= 2
        assert len(one.prompts) <= 1
        await one.sound()
