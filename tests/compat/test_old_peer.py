"""The older Python peer, in a process of its own, at an agent of now."""

from __future__ import annotations

import pytest

from tests.compat.conftest import ways
from tests.compat.guests import old_guest
from tests.compat.use import use, use_much
from tests.engine.hosting import House

pytestmark = pytest.mark.takes(15)


@pytest.mark.parametrize("by", ["link", "token"])
async def test_it_types_resizes_returns_and_exits(new_host: House, by: str) -> None:
    async with old_guest() as guest:
        await use(guest, (await ways(new_host))[by])


async def test_it_passes_more_than_the_window_both_ways(new_host: House) -> None:
    async with old_guest() as guest:
        await use_much(guest, (await ways(new_host))["link"])
