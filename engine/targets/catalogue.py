"""The catalogue of targets: this computer and the containers of every configured engine.

It also holds each engine's state and which targets are shared.

One task per engine follows Docker's event stream on the loop, which needs no worker thread,
and lists all containers after each event: events only trigger a refresh. An unreachable engine
is retried for ever, with growing pauses.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
import re
import sys
from typing import TYPE_CHECKING, Any

from engine.core.errors import (
    DockerAbsentError,
    DockerError,
    DockerFailedError,
    DockerRefusedError,
    TargetNotFoundError,
)
from engine.core.events import DockerStatusChanged, TargetsChanged
from engine.core.model import (
    LOCAL_TARGET,
    DockerStatus,
    EngineState,
    Target,
    TargetKind,
    TargetState,
)
from engine.core.tasks import TaskOwner
from engine.docker.events import open_events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.core.events import EventBus
    from engine.docker.engines import DockerEngines
    from engine.docker.events import EventStream

logger = logging.getLogger(__name__)

ALL_CONTAINERS = "*"
"""The sharing pattern for every container. It does not include this computer."""
RETRY_FIRST_SECONDS = 1.0
RETRY_MOST_SECONDS = 5.0
SETTLE_SECONDS = 0.3
"""After a change the list is refreshed once more: Docker sends "die" shortly before its
own list is updated."""
PAUSE_FIRST_SECONDS = 0.05
PAUSE_MOST_SECONDS = 1.0
"""Between two refreshes; it doubles while changes keep coming, as with two hundred services that
start at once."""
RESYNC_SECONDS = 30.0
"""Without events the list is refreshed this often, which also detects a remote engine that
disappeared silently."""
MAX_CONTAINERS = 5_000
"""Containers listed per engine; more are left out, with a warning in the log."""

_ACTIONS = ("create", "start", "die", "stop", "rename", "pause", "unpause", "destroy")
_STATES = {"running": TargetState.RUNNING, "paused": TargetState.PAUSED}
_EXIT_CODE = re.compile(r"Exited \((\d+)\)")


class TargetCatalogue:
    """Publishes TargetsChanged and DockerStatusChanged when something changed."""

    def __init__(
        self,
        docker: DockerEngines,
        events: EventBus,
        *,
        local: bool = True,
        retry: tuple[float, float] = (RETRY_FIRST_SECONDS, RETRY_MOST_SECONDS),
    ) -> None:
        self._docker = docker
        self._events = events
        self._local = local and sys.platform != "win32"
        self._retry = retry
        self._containers: dict[str, tuple[Target, ...]] = {}
        self._statuses: dict[str, DockerStatus] = {
            name: DockerStatus(name, docker.endpoint(name).url, EngineState.CONNECTING)
            for name in docker.names
        }
        self._patterns: tuple[str, ...] = ()
        self._tasks = TaskOwner("targets", events.publish)
        self._targets = self._put_together()
        self._settled = asyncio.Event()

    async def start(self) -> None:
        """Start following every engine. Does not wait for them: see settled()."""
        self._check_settled()
        for name in self._docker.names:
            self._tasks.supervise(
                f"Following the Docker engine {name}", functools.partial(self._follow, name)
            )

    async def stop(self) -> None:
        """Stop at once; the catalogue stays as it is."""
        await self._tasks.close()

    async def settled(self, timeout: float) -> bool:
        """Wait until every engine has been listed or failed; False after ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._settled.wait()
        except TimeoutError:
            return False
        return True

    def list(self) -> tuple[Target, ...]:
        """This computer first, then containers by engine and name; stopped ones too."""
        return self._targets

    def find(self, device_id: str) -> Target:
        """Raises TargetNotFoundError."""
        for target in self._targets:
            if target.id == device_id:
                return target
        raise TargetNotFoundError(device_id)

    def statuses(self) -> tuple[DockerStatus, ...]:
        """One per configured engine, in the order of the settings."""
        return tuple(self._statuses.values())

    def set_shared(self, patterns: Iterable[str]) -> None:
        """Set which targets guests may open without approval: ids, or ALL_CONTAINERS."""
        self._patterns = tuple(dict.fromkeys(patterns))
        self._publish_targets()

    def shared(self) -> tuple[str, ...]:
        """The patterns last set."""
        return self._patterns

    # -- one engine

    async def _follow(self, engine: str) -> None:
        first, most = self._retry
        pause = first
        while True:
            try:
                stream = await open_events(self._docker.endpoint(engine), _ACTIONS)
                try:
                    await self._refresh(engine)
                    await self._set_ready(engine)
                    pause = first
                    await self._watch(engine, stream)
                finally:
                    await stream.close()
                # Docker ended the stream: it stops or restarts.
                self._set_away(engine, EngineState.CONNECTING, "Docker stopped; reconnecting")
            except DockerAbsentError as error:
                self._set_away(engine, EngineState.ABSENT, str(error))
            except DockerRefusedError as error:
                self._set_away(engine, EngineState.REFUSED, str(error))
            except DockerError as error:
                self._set_away(engine, EngineState.FAILED, str(error))
            except Exception as error:
                # No answer of an engine may end this loop.
                logger.exception("Following the Docker engine %s failed", engine)
                problem = f"Docker's answer cannot be used: {error}"
                self._set_away(engine, EngineState.FAILED, problem)
            await asyncio.sleep(pause)
            pause = min(pause * 2, most)

    async def _watch(self, engine: str, stream: EventStream) -> None:
        """Keep the list up to date until the stream ends."""
        loop = asyncio.get_running_loop()
        wait, pause, earliest = RESYNC_SECONDS, PAUSE_FIRST_SECONDS, 0.0
        while True:
            try:
                async with asyncio.timeout(wait):
                    events = await stream.batch()
            except TimeoutError:
                wait, pause = RESYNC_SECONDS, PAUSE_FIRST_SECONDS
            else:
                if not events:
                    return
                wait = SETTLE_SECONDS
                await asyncio.sleep(max(0.0, earliest - loop.time()))
            await self._refresh(engine)
            earliest, pause = loop.time() + pause, min(2 * pause, PAUSE_MOST_SECONDS)

    async def _refresh(self, engine: str) -> None:
        raw = await self._docker.call(engine, lambda client: client.api.containers(all=True))
        if len(raw) > MAX_CONTAINERS:
            logger.warning(
                "Docker engine %s has %d containers; only %d are listed",
                engine,
                len(raw),
                MAX_CONTAINERS,
            )
        prefix = "" if engine == self._docker.default else f"{engine}/"
        try:
            found = tuple(_target(facts, engine, prefix) for facts in raw[:MAX_CONTAINERS])
        except (KeyError, TypeError, AttributeError) as error:
            raise DockerFailedError(
                f"Docker sent a malformed list of containers: {error!r}"
            ) from error
        self._containers[engine] = tuple(target for target in found if target.name)
        self._publish_targets()

    async def _set_ready(self, engine: str) -> None:
        facts = await self._docker.call(engine, lambda client: dict(client.api.version()))
        version = str(facts.get("Version", ""))[:100]
        self._set_status(engine, EngineState.READY, "", version)

    def _set_away(self, engine: str, state: EngineState, detail: str) -> None:
        if self._containers.pop(engine, None):
            self._publish_targets()
        self._set_status(engine, state, detail)

    def _set_status(
        self, engine: str, state: EngineState, detail: str = "", version: str = ""
    ) -> None:
        old = self._statuses[engine]
        status = DockerStatus(engine, old.url, state, detail, version)
        if status != old:
            logger.info("Docker engine %s: %s %s", engine, state, detail or version)
            self._statuses[engine] = status
            self._events.publish(DockerStatusChanged(status=status))
        self._check_settled()

    def _check_settled(self) -> None:
        if all(s.state is not EngineState.CONNECTING for s in self._statuses.values()):
            self._settled.set()

    # -- the whole

    def _put_together(self) -> tuple[Target, ...]:
        targets = []
        if self._local:
            targets.append(
                Target(
                    id=LOCAL_TARGET,
                    kind=TargetKind.LOCAL,
                    name=LOCAL_TARGET,
                    shared=LOCAL_TARGET in self._patterns,
                )
            )
        for engine in self._docker.names:
            containers = self._containers.get(engine, ())
            targets += [self._with_sharing(target) for target in sorted(containers, key=_order)]
        return tuple(targets)

    def _with_sharing(self, target: Target) -> Target:
        shared = ALL_CONTAINERS in self._patterns or target.id in self._patterns
        return target if shared == target.shared else dataclasses.replace(target, shared=shared)

    def _publish_targets(self) -> None:
        targets = self._put_together()
        # Labels do not take part in the comparison of targets.
        changed = [(t, t.labels) for t in targets] != [(t, t.labels) for t in self._targets]
        self._targets = targets
        if changed:
            self._events.publish(TargetsChanged(targets=targets))


def _order(target: Target) -> tuple[str, str]:
    return target.name.casefold(), target.name


def _target(facts: dict[str, Any], engine: str, prefix: str) -> Target:
    """A container as the Docker API lists it (``GET /containers/json``)."""
    # A container that others link to has more names, "/other/alias".
    names = [name[1:] for name in facts["Names"] or () if name.count("/") == 1]
    name = str(names[0]) if names else ""
    state = str(facts["State"])
    exited = _EXIT_CODE.match(str(facts.get("Status", "")))
    return Target(
        id=prefix + name,
        kind=TargetKind.CONTAINER,
        name=name,
        state=_STATES.get(state, TargetState.STOPPED),
        engine=engine,
        ref=str(facts["Id"]),
        image=str(facts.get("Image", "")),
        # Docker's own text includes the time since, which changes all the time.
        status=f"{state} ({exited[1]})" if exited else state,
        labels={str(k): str(v) for k, v in (facts.get("Labels") or {}).items()},
    )
