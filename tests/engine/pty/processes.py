"""What still runs in a container, seen from outside it: needs no help from the container."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker.models.containers import Container


def living(container: Container) -> list[str]:
    """The arguments of all processes but the container's first.

    One in the act of dying has given back its memory, and its arguments with it: ps shows its
    name in brackets, as "[sh]". It runs no instruction of its program any more, whatever its
    state is: R on its way out, Z or X at the end of it.
    """
    container.reload()
    first = str(container.attrs["State"]["Pid"])
    rows = container.top(ps_args="-eo pid,args")["Processes"] or []
    return [args for pid, args in rows if pid != first and not args.startswith("[")]
