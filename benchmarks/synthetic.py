"""A child that holds bare data channels: one end of a synthetic link.

``python -m benchmarks.synthetic KIND``. Owns the choice of stack and loop; a
stock kind imports nothing of ours. Does not own the measuring.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, cast

from benchmarks import loops
from benchmarks.process import claim_output, serve
from benchmarks.service import LinkService


def _aiortc(name: str) -> Callable[[], Any]:
    from benchmarks import links

    return cast("Callable[[], Any]", getattr(links, name))


def _ldc(name: str) -> Callable[[], Any]:
    from benchmarks import ldc

    return cast("Callable[[], Any]", getattr(ldc, name))


KINDS: dict[str, tuple[loops.LoopName, Callable[[str], Callable[[], Any]], str]] = {
    "ours": ("gui", _aiortc, "OursLink"),
    "ours-asyncio": ("asyncio", _aiortc, "OursLink"),
    "stock": ("qasync", _aiortc, "StockLink"),
    "asyncio": ("asyncio", _aiortc, "StockLink"),
    "ldc": ("asyncio", _ldc, "LdcLink"),
}
"""The loop and the link of each kind."""


class Synthetic(LinkService):
    def __init__(self, make: Callable[[], Any]) -> None:
        super().__init__()
        self._make = make
        self._execs: Any = None

    async def op_offer(self) -> dict[str, Any]:
        link = self._make()
        key = self.add(link)
        return {"key": key, "sdp": await link.offer()}

    async def op_answer(self, sdp: str, impairment: dict[str, Any] | None = None) -> dict[str, Any]:
        link = self._make()
        key = self.add(link)
        answer = await link.answer(sdp)
        if impairment:
            from tests.engine.impairment import Impairment, impair

            impair(link.pc, Impairment(**impairment))
        return {"key": key, "sdp": answer}

    async def op_accept(self, key: str, sdp: str) -> None:
        await self.links[key].accept(sdp)

    async def op_opened(self, key: str) -> None:
        await self.links[key].opened()

    async def op_attach(self, key: str, target: str, ref: str, program: str) -> None:
        """Put ``program`` in a container behind a link; see benchmarks.attached."""
        from benchmarks.attached import attach
        from benchmarks.raw_exec import RawExec

        if self._execs is None:
            self._execs = RawExec()
        self.links[key] = await attach(self._execs, self.links[key], target, ref, program)

    async def close(self) -> None:
        await super().close()
        if self._execs is not None:
            await self._execs.close()


def main() -> None:
    pipe = claim_output()
    loop, load, name = KINDS[sys.argv[1]]

    async def work() -> None:
        await serve(Synthetic(load(name)), pipe)

    loops.run(loop, work)


if __name__ == "__main__":
    main()
