"""The engine's composition root: builds every part, joins them, starts and ends them.

Owns the wiring and the public face the window and the command line use. Does
not own any behaviour of its own beyond choosing who gets what.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
import secrets
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import psutil

from engine import events as ev
from engine.agent_key import kept_key
from engine.docker_engines import DockerEngines
from engine.errors import DockerError, SettingsError, TargetNotFoundError
from engine.guest_line import RelayAddress
from engine.loopback import SelfTest
from engine.model import EndCode, RelayState, Size, Target, TargetKind
from engine.peer import TerminalPeer
from engine.peer_progress import PeerHandlers
from engine.pty.base import PTY
from engine.pty.create import create_pty_session
from engine.pty.exec_session import list_session_processes
from engine.relay import Relay
from engine.selftest_model import SelfTestReport, StageResult
from engine.sessions.manager import WebRTCSessionManager
from engine.sessions.session import Session, SessionInfo
from engine.settings import Settings, config_dir
from engine.sharing import Sharing
from engine.signaling import ice_servers
from engine.signaling.client import SignalingClient
from engine.signaling.disconnect import DisconnectHandler
from engine.signaling.ice import IceHandler
from engine.signaling.offer import HeldCandidates, OfferHandler
from engine.signaling.tls import client_context
from engine.targets import TargetCatalogue
from engine.wire import signaling as wire

logger = logging.getLogger(__name__)

AGENT_ID_FILE = "agent-id"
CATALOGUE_SECONDS = 3.0
"""How long starting waits for the Docker engines' first word."""
STOP_SECONDS = 15.0
"""How long stopping may take in all; each part has a bound of its own below this."""

_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class RelayInfo:
    """How guests reach this agent. ``embedded``: the relay is ours, and so is the token."""

    url: str
    guest_token: str
    embedded: bool


class Agent:
    """One per process. ``start()``, then everything else, then ``stop()``."""

    def __init__(self, settings: Settings, events: ev.EventBus | None = None) -> None:
        self.settings = settings
        self.events = events or ev.EventBus()
        self._docker = DockerEngines(settings.docker)
        self.targets = TargetCatalogue(self._docker, self.events)
        self.targets.set_shared(settings.share.targets)
        self.manager = WebRTCSessionManager(settings, self.events, self._open_pty)
        self.sharing = Sharing(
            settings.share, self.events, self.manager, self.targets.find, self._link_base
        )
        self.agent_id = settings.agent.id or _kept_agent_id()
        self._key = kept_key(config_dir())
        self.name = settings.agent.name or socket.gethostname()
        self._relay: Relay | None = None
        self._relay_info = RelayInfo(settings.relay.url, settings.relay.guest_token, False)
        self._client: SignalingClient | None = None
        self._offers: OfferHandler | None = None
        self._peers: set[TerminalPeer] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ice_timer: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def relay_state(self) -> ev.RelayStateChanged:
        if self._client is not None:
            return self._client.state
        return ev.RelayStateChanged(state=RelayState.STOPPED, url=self._relay_info.url)

    def relay_info(self) -> RelayInfo:
        return self._relay_info

    def _link_base(self) -> str:
        return (self.settings.relay.public_url or self._relay_info.url).rstrip("/")

    async def start(self) -> None:
        """Start every part. Docker or the relay being away are states, not errors.

        Raises SettingsError when a setting cannot be used, such as a port that is taken.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        relay = self.settings.relay
        token = relay.token
        context = client_context(relay)
        if not relay.url:
            self._relay = Relay(relay.token, relay.guest_token)
            url = await self._relay.start(relay.host, relay.port)
            token = self._relay.agent_token
            self._relay_info = RelayInfo(url, self._relay.guest_token, True)
        await self.manager.start()
        await self.targets.start()
        # The first guest may be waiting: tell nobody we are here before we know what we have.
        await self.targets.settled(CATALOGUE_SECONDS)
        self.sharing.create_wished()
        held = HeldCandidates()
        self._offers = OfferHandler(self.manager, self.targets.find, self.sharing.policy, held)
        self._client = SignalingClient(
            [self._relay_info.url, *relay.others],
            auth={"token": token, "role": "agent", "agent_id": self.agent_id, "name": self.name},
            handlers={
                wire.OFFER: self._offers,
                wire.ICE: IceHandler(self.manager, held),
                wire.DISCONNECT: DisconnectHandler(self.manager),
            },
            events=self.events,
            registration=self._registration,
            ssl_context=context,
            heartbeat_interval=relay.heartbeat,
            key=self._key,
            on_registered=self._fetch_ice,
        )
        await self._client.start()
        self._unsubscribe = self.events.subscribe(self._on_event)

    async def stop(self) -> None:
        """Close sessions, peers, connections, in this order; bounded in time; idempotent."""
        self._unsubscribe()
        self.sharing.close()
        for step in (
            self._close_peers,
            self._close_offers,
            self.manager.stop,
            self._stop_signaling,
            self.targets.stop,
            self._docker.close,
        ):
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await step()
            except TimeoutError:
                logger.warning("Stopping took too long at %s", step.__qualname__)
            except Exception:
                logger.exception("Stopping failed at %s", step.__qualname__)

    def sessions(self) -> tuple[SessionInfo, ...]:
        return self.manager.infos()

    async def close_session(
        self,
        session_id: str,
        reason: str = "Closed by the host",
        code: EndCode = EndCode.CLOSED,
    ) -> None:
        await self.manager.close_session(session_id, reason, code)

    def keep_open(self, session_id: str) -> bool:
        """Keep a session that is about to end as idle; False when there is no such session."""
        return self.manager.keep_open(session_id)

    def set_guest_timeout(self, seconds: float) -> None:
        """End guests' sessions after so long without input and output, from now on; 0: never."""
        self.manager.set_timeout(seconds)

    def set_shared(self, target_id: str, shared: bool) -> None:
        """Let guests open ``target_id`` without asking, or no longer. Live sessions go on."""
        names = set(self.targets.shared())
        if shared:
            names.add(target_id)
        elif "*" in names and target_id != "*":
            names -= {"*", target_id}
            names.update(
                t.id
                for t in self.targets.list()
                if t.kind is TargetKind.CONTAINER and t.id != target_id
            )
        else:
            names.discard(target_id)
        self.targets.set_shared(sorted(names))

    async def wait_registered(self, seconds: float) -> bool:
        """Whether the relay has confirmed our targets and links within ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                if self._client is not None:
                    await self._client.registered.wait()
                    return True
        except TimeoutError:
            pass
        return False

    async def wait_for_relay(self, seconds: float) -> bool:
        """Whether the relay is connected within ``seconds``."""
        connected = asyncio.Event()

        def look(event: ev.Event) -> None:
            if isinstance(event, ev.RelayStateChanged) and event.state is RelayState.CONNECTED:
                connected.set()

        unsubscribe = self.events.subscribe(look)
        try:
            if self.relay_state.state is RelayState.CONNECTED:
                return True
            await asyncio.wait_for(connected.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            unsubscribe()
        return True

    async def open_terminal(
        self,
        target_id: str,
        size: Size,
        on_output: Callable[[bytes], None],
        on_end: Callable[[str, int | None], None],
    ) -> TerminalPeer:
        """A terminal in a target, connected as a peer through the relay. Raises HatchwayError."""
        peer = self._peer(target_id, size, PeerHandlers(on_output, on_end))
        # Until it is closed: a caller that is cancelled leaves the closing to stop().
        self._peers = {other for other in self._peers if not other.is_closed} | {peer}
        await peer.connect()
        return peer

    async def self_test(
        self, target_id: str, on_stage: Callable[[StageResult], None] = lambda result: None
    ) -> SelfTestReport:
        """The loopback test against one target; what fails is in the report."""

        async def leftovers(session_id: str) -> list[str]:
            return await self._leftovers(target_id, session_id)

        def make_peer(handlers: PeerHandlers) -> TerminalPeer:
            return self._peer(target_id, Size(), handlers)

        return await SelfTest(target_id, make_peer, leftovers, on_stage).run()

    def _peer(self, target_id: str, size: Size, handlers: PeerHandlers) -> TerminalPeer:
        info = self._relay_info
        token = info.guest_token or self.settings.relay.token
        return TerminalPeer(
            RelayAddress(info.url, token, self.agent_id),
            target_id,
            size,
            handlers,
            own_secret=self.sharing.policy.own_secret,
            ice=self.settings.ice,
            ssl_context=client_context(self.settings.relay),
        )

    async def _fetch_ice(self) -> None:
        """Ask the relay for its ICE servers now and before they expire, while connected to it."""
        client, ice = self._client, self.settings.ice
        if client is None or (ice.from_relay == "off" and not ice.relay_only):
            return
        handed = ice_servers.read(await client.call(wire.ICE_SERVERS, {}))
        self.manager.ice = ice_servers.merged(ice, handed)
        loop = asyncio.get_running_loop()
        self._stop_ice_timer()
        self._ice_timer = loop.call_later(
            ice_servers.refresh_after(handed), lambda: self._begin(self._fetch_ice())
        )

    def _stop_ice_timer(self) -> None:
        if self._ice_timer is not None:
            self._ice_timer.cancel()

    def _begin(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open_pty(self, session: Session, device_id: str, size: Size) -> PTY:
        target = self.targets.find(device_id)
        await self.sharing.may_start(session, target)
        return await create_pty_session(
            target,
            session_id=process_marker(session.id),
            size=size,
            docker=self._docker,
            settings=self.settings.terminal,
        )

    async def _leftovers(self, target_id: str, session_id: str) -> list[str]:
        """What a closed session left: its row, or processes that carry its mark."""
        left = []
        if self.manager.get_session(session_id) is not None:
            left.append("the session itself")
        try:
            target = self.targets.find(target_id)
        except TargetNotFoundError:
            return left
        marker = process_marker(session_id)
        if target.kind is TargetKind.LOCAL:
            left += await asyncio.to_thread(_local_processes, marker)
        elif target.kind is TargetKind.CONTAINER:
            try:
                found = await list_session_processes(self._docker, target, marker)
            except DockerError as error:
                return [*left, f"unknown, the container cannot be asked: {error}"]
            left += [str(process) for process in found]
        return left

    def _registration(self) -> dict[str, Any]:
        """What the relay may tell guests: only what is shared."""
        return {
            "agent_id": self.agent_id,
            "name": self.name,
            "targets": [_shown(target) for target in self.targets.list() if target.shared],
            "links": self.sharing.registration(),
        }

    def _on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.TargetsChanged | ev.SharesChanged) and self._client is not None:
            self._begin(self._client.re_register())

    async def _close_peers(self) -> None:
        peers, self._peers = self._peers, set()
        await asyncio.gather(*(peer.close() for peer in peers))

    async def _close_offers(self) -> None:
        if self._offers is not None:
            await self._offers.close()

    async def _stop_signaling(self) -> None:
        self._stop_ice_timer()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))
        if self._client is not None:
            await self._client.stop()
        if self._relay is not None:
            await self._relay.stop()


def process_marker(session_id: str) -> str:
    """The value of HATCHWAY_SESSION: the id itself, or a digest of an id no environment takes."""
    if _PLAIN_ID.fullmatch(session_id):
        return session_id
    return hashlib.sha256(session_id.encode()).hexdigest()


def _shown(target: Target) -> dict[str, str]:
    return {
        "id": target.id,
        "kind": target.kind.value,
        "name": target.name,
        "state": target.state.value,
    }


def _local_processes(marker: str) -> list[str]:
    found = []
    for process in psutil.process_iter(["pid", "name", "status"]):
        try:
            if process.environ().get("HATCHWAY_SESSION") == marker:
                found.append(f"{process.info['name']} ({process.info['pid']})")
        except psutil.Error:
            continue
    return found


def _kept_agent_id() -> str:
    """This installation's id: made at first start, kept beside the settings."""
    path = config_dir() / AGENT_ID_FILE
    try:
        kept = path.read_text(encoding="utf-8").strip()
        if _PLAIN_ID.fullmatch(kept):
            return kept
    except (OSError, UnicodeDecodeError):
        pass
    made = secrets.token_hex(16)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(made + "\n")
    except OSError as error:
        raise SettingsError(str(path), f"cannot be written: {error.strerror}") from None
    return made
