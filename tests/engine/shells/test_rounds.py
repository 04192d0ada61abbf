"""What viewers cost: one snapshot for all, measured, and no more than their share of the time."""

from __future__ import annotations

import asyncio
import time

import pytest

from engine.core.errors import PTYClosedError
from engine.core.model import Size
from engine.shells.output_log import OutputLog
from engine.shells.rounds import LONGEST_SECONDS, PERIOD_SECONDS, Rounds, metered
from engine.shells.screen import ShellScreen, Snapshot
from tests.engine.shells.virtual_time import run


class Shown:
    """A screen, and the rounds of its viewers."""

    def __init__(self) -> None:
        self.log = OutputLog(0)
        self.screen = ShellScreen(self.log, Size(), scrollback=10, reply=lambda data: None)
        self.rounds = Rounds(self.screen)

    def print(self, data: bytes) -> None:
        self.log.append(data)
        self.screen.printed()

    async def ask(self, times: int, features: tuple[str, ...] = ()) -> list[Snapshot]:
        return await asyncio.gather(*(self.rounds.next(features) for _ in range(times)))

    async def close(self) -> None:
        await self.rounds.close()
        await self.screen.close()


def now() -> float:
    return asyncio.get_running_loop().time()


def test_all_who_wait_share_one_snapshot() -> None:
    async def scene() -> None:
        shown = Shown()
        shown.print(b"first")
        ten = await shown.ask(10)
        assert all(one is ten[0] for one in ten)
        assert ten[0].at == 5
        shown.print(b"second")
        began = now()
        others = await asyncio.gather(shown.ask(5), shown.ask(5, ("margins",)))
        assert {id(one) for group in others for one in group} == {id(g[0]) for g in others}
        assert now() - began == pytest.approx(PERIOD_SECONDS, abs=0.02)
        await shown.close()

    run(scene())


def test_who_comes_while_a_round_is_drawn_waits_for_the_next() -> None:
    async def scene() -> None:
        shown = Shown()
        shown.print(b"x" * 2000)
        first = asyncio.create_task(shown.rounds.next(()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        shown.print(b"y" * 2000)
        second = await shown.rounds.next(())
        assert second.at == 4000
        assert second.at >= (await first).at
        await shown.close()

    run(scene())


def test_who_leaves_while_it_waits_changes_nothing_for_the_others() -> None:
    async def scene() -> None:
        shown = Shown()
        await shown.ask(1)
        leaver = asyncio.create_task(shown.rounds.next(()))
        stayer = asyncio.create_task(shown.rounds.next(()))
        await asyncio.sleep(0.01)
        leaver.cancel()
        assert (await stayer).at == 0
        await shown.close()

    run(scene())


def test_who_waits_at_the_end_is_told_so() -> None:
    async def scene() -> None:
        shown = Shown()
        await shown.ask(1)
        waiting = asyncio.create_task(shown.rounds.next(()))
        await asyncio.sleep(0.01)
        await shown.close()
        with pytest.raises(PTYClosedError):
            await waiting
        with pytest.raises(PTYClosedError):
            await Rounds(shown.screen).next(())

    run(scene())


def test_viewers_wait_until_their_tenth_has_paid() -> None:
    async def scene() -> None:
        rounds = Shown().rounds
        assert rounds.pause() == 0
        for _ in range(20):
            rounds.spent(0.005)
        assert rounds.pause() > 0
        began, spent = now(), 0.0
        while now() - began < 10:
            await asyncio.sleep(rounds.pause())
            rounds.spent(0.004)
            spent += 0.004
        assert spent <= 0.1 * (now() - began) + 0.01

    run(scene())


def test_however_much_they_cost_they_never_wait_for_long() -> None:
    async def scene() -> None:
        rounds = Shown().rounds
        for _ in range(100):
            rounds.spent(1.0)
        assert rounds.pause() <= LONGEST_SECONDS + 1e-6
        await asyncio.sleep(LONGEST_SECONDS + 1e-6)
        assert rounds.pause() == 0

    run(scene())


def test_a_share_that_was_not_used_is_not_saved_up_for_ever() -> None:
    async def scene() -> None:
        rounds = Shown().rounds
        rounds.spent(0.001)
        await asyncio.sleep(3600)
        rounds.spent(0.2)
        assert rounds.pause() > 0

    run(scene())


class TestMetered:
    """Only the steps count, not what is waited for; else it is as a plain await."""

    async def test_waiting_costs_nothing(self) -> None:
        spent: list[float] = []

        async def work() -> str:
            for _ in range(3):
                await asyncio.sleep(0.02)
            return "done"

        assert await metered(work(), spent.append) == "done"
        assert sum(spent) < 0.03
        assert len(spent) == 4

    async def test_working_does(self) -> None:
        spent: list[float] = []

        async def work() -> None:
            end = time.perf_counter() + 0.01
            while time.perf_counter() < end:
                pass
            await asyncio.sleep(0)

        await metered(work(), spent.append)
        assert sum(spent) >= 0.01

    async def test_errors_and_cancelling_pass_through(self) -> None:
        async def fails() -> None:
            await asyncio.sleep(0)
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await metered(fails(), lambda seconds: None)
        seen: list[str] = []

        async def waits() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        async def outer() -> None:
            await metered(waits(), lambda seconds: None)

        task = asyncio.create_task(outer())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert seen == ["cancelled"]
