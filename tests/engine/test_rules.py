"""Rules of the engine's code that no type checker knows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AWAITED = {
    "agent/agent.py": 2,  # start() and stop() await their own
    "agent/repetitions.py": 1,  # the caller of the offer awaits it
    "cli/main.py": 1,  # awaited in the next line
    "client/peer.py": 1,  # waits for two events at once
    "pty/docker_exec.py": 1,  # open() awaits it, also when cancelled
    "pty/ends/ends.py": 1,  # start() or stop() awaits it
    "relay/http/sockets.py": 1,  # listen() awaits it, also when cancelled
    "sessions/guest_connection.py": 1,  # answer() awaits it, _close() its rest
    "signaling/host.py": 1,  # waits for two things at once
    "transport/tuning/gathering.py": 3,  # run() awaits them, or close() cancels its rest
    "transport/connection.py": 1,  # make_offer() or answer_offer() awaits it
    "core/tasks.py": 1,
    "core/socketio_adapter.py": 1,
}
"""Tasks that asyncio starts for us without an owner: by file, how many, and who awaits them."""


def calls(file: Path) -> list[str]:
    """The last names of all that the file calls."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [ast.unparse(func).rpartition(".")[2] for func in found]


@pytest.mark.parametrize(
    "file", sorted((ROOT / "engine").rglob("*.py")), ids=lambda f: str(f.relative_to(ROOT))
)
def test_every_task_has_an_owner(file: Path) -> None:
    bare = sum(name in ("create_task", "ensure_future") for name in calls(file))
    most = AWAITED.get(str(file.relative_to(ROOT / "engine")), 0)
    assert bare <= most, "use engine.core.tasks (start, supervise), or say here who awaits it"
