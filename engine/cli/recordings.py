"""``recordings``: list the recordings of this profile, or delete some of them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from engine.cli.exit_codes import FAILED
from engine.core import stdio
from engine.core.errors import HatchwayError
from engine.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.cli.parser import CommandLine
    from engine.core.model import RecordingInfo
    from engine.core.settings import Settings


async def run(line: CommandLine, settings: Settings) -> int:
    """List, or delete what --delete names; 1 when one of those could not be deleted."""
    from engine.control.listing import delete_recording, list_recordings

    if "delete" in line.options:
        code = 0
        for recording_id in line.options["delete"]:
            try:
                await delete_recording(settings, recording_id)
            except HatchwayError as error:
                stdio.warn(f"Error: {error}")
                code = FAILED
        return code
    found = await list_recordings(settings)
    if "json" in line.options:
        _print_json(found)
    elif found:
        _print_table(found)
    else:
        stdio.warn("There are no recordings.")
    return 0


def _print_json(found: Sequence[RecordingInfo]) -> None:
    rows = [
        {"id": r.id, "path": r.path, "target": r.target, "shell": r.shell,
         "started_at": r.started_at, "seconds": r.seconds, "bytes": r.bytes,
         "running": r.running} for r in found
    ]  # fmt: skip
    stdio.say(json.dumps({"recordings": rows}))


def _print_table(found: Sequence[RecordingInfo]) -> None:
    lines = []
    for one in found:
        began = datetime.fromtimestamp(one.started_at).astimezone().strftime("%Y-%m-%d %H:%M")
        running = "  running" if one.running else ""
        row = f"{one.id}  {began}  {_time(one.seconds):>8}  {_size(one.bytes):>9}  {one.target}"
        lines.append(shown(row.rstrip() + running))
    stdio.say("\n".join(lines))


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
