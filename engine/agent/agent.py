"""The engine's composition root: builds, connects, starts and stops every part.

Owns only the wiring, and what engine.control needs from it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
import socket
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psutil

from engine.access import identity
from engine.access.admission import Admission
from engine.access.guests import Guests
from engine.access.kept_guests import KeptGuests
from engine.access.kept_links import KeptLinks
from engine.access.returns import Returns
from engine.agent.candidates import HeldCandidates, IceHandler
from engine.agent.disconnects import DisconnectHandler
from engine.agent.offers import OfferHandler
from engine.client.peer import ANSWERING, CAPABILITIES, PeerHandlers, TerminalPeer
from engine.client.selftest import SelfTest
from engine.core import events as ev
from engine.core.errors import (
    DockerError,
    HatchwayError,
    HostStoppedError,
    SettingsError,
    ShellNotFoundError,
    TargetNotFoundError,
    TargetNotRunningError,
)
from engine.core.model import (
    LOCAL_TARGET,
    AfterRemoval,
    EndCode,
    RelayInfo,
    RelayState,
    SessionInfo,
    Size,
    Target,
    TargetKind,
    TargetState,
)
from engine.core.selftest_report import SelfTestReport, StageResult
from engine.core.settings import Settings, config_dir
from engine.core.tasks import TaskOwner
from engine.core.tls import client_context
from engine.docker.engines import DockerEngines
from engine.pty.base import PTY
from engine.pty.create import create_pty_session
from engine.pty.ends.container_processes import list_session_processes
from engine.pty.ends.ends import TerminalEnds
from engine.relay import Relay
from engine.sessions.manager import WebRTCSessionManager
from engine.sessions.session import Session
from engine.shells.recorder import Recorder, RecordingMeta
from engine.shells.recordings import Recordings, is_wanted
from engine.shells.shell import Shell
from engine.signaling.guest import RelayAddress
from engine.signaling.handlers import Handlers
from engine.signaling.host import SignalingClient
from engine.signaling.ice_policy import IcePolicy
from engine.signaling.in_process import InProcessSignaling
from engine.signaling.relay_url import without_credentials
from engine.targets.catalogue import TargetCatalogue
from engine.transport import tuning
from engine.wire import signaling as wire

logger = logging.getLogger(__name__)

CATALOGUE_SECONDS = 3.0
"""How long starting waits for the Docker engines' first answer."""
START_SECONDS = 10.0
"""How long a container that was started may take to be listed as running."""
ICE_SERVERS_SECONDS = 15.0
"""For the relay's reply to ``ice:servers``."""
STOP_SECONDS = 15.0
"""For each part of stopping; most have their own, shorter limit."""
ENDS_SECONDS = 10.0
"""How long stopping waits for the processes of closed terminals to end. The rest (a paused
container, an unreachable engine) is recorded on disk, and the next start ends it."""

_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Agent:
    """One per process. ``start()``, then everything else, then ``stop()``."""

    def __init__(
        self, settings: Settings, events: ev.EventBus | None = None, *, temporary: str = ""
    ) -> None:
        """``temporary``: why the agent's id and key are valid for this run only; by default they
        are those of the profile."""
        tuning.apply()
        self.settings = settings
        self.events = events or ev.EventBus()
        self._docker = DockerEngines(settings.docker)
        self.targets = TargetCatalogue(self._docker, self.events)
        self.targets.set_shared(settings.share.targets)
        self._ice = IcePolicy(settings.ice, self._ask_ice)
        self._tasks = TaskOwner("agent", self.events.publish)
        self.ends = TerminalEnds(
            self._docker, events=self.events, folder=config_dir(), on_kept=self._kept
        )
        returns = Returns()
        self.manager = WebRTCSessionManager(
            settings, self.events, self._open_pty, self._ice, self._let_in, returns
        )
        self.admission = Admission(
            settings.share,
            self.events,
            self.manager,
            self.targets.find,
            self._link_base,
            kept=KeptLinks(config_dir()),
            guests=Guests(KeptGuests(config_dir())),
            returns=returns,
        )
        self.recordings = Recordings.of_profile(settings.recording)
        self._identity = (
            identity.temporary(temporary)
            if temporary
            else identity.load(config_dir(), settings.agent.id)
        )
        self.agent_id = self._identity.agent_id
        self.name = settings.agent.name or socket.gethostname()
        self._relay: Relay | None = None
        self._relay_info = RelayInfo(
            without_credentials(settings.relay.url), settings.relay.guest_token, False
        )
        self._client: SignalingClient | None = None
        self._in_process = InProcessSignaling()
        self._offers: OfferHandler | None = None
        self._markers: dict[str, str] = {}
        """The mark of each running shell's processes."""
        self._links_problem = ""
        self._peers: set[TerminalPeer] = set()
        self._unsubscribe: Callable[[], None] = lambda: None
        self._registering = False
        self._starting: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def relay_state(self) -> ev.RelayStateChanged:
        if self._client is not None:
            return self._client.state
        return ev.RelayStateChanged(state=RelayState.STOPPED, url=self._relay_info.url)

    @property
    def identity_problem(self) -> str:
        """Why the id and the key are valid for this run only; empty when they are stored."""
        return self._identity.problem

    @property
    def links_problem(self) -> str:
        """Why kept links do not work in this run; empty when they do."""
        return self._links_problem

    def relay_info(self) -> RelayInfo:
        return self._relay_info

    def _link_base(self) -> str:
        return without_credentials(self.settings.relay.public_url or self._relay_info.url)

    async def start(self) -> None:
        """Start every part, once. An unreachable Docker or relay is a state, not an error.

        Raises SettingsError when a setting cannot be used, such as a port in use, and
        HostStoppedError when stop() was called before or meanwhile. A start that fails or
        is cancelled stops everything again.
        """
        if self._stopping is not None or self._starting is not None:
            raise HostStoppedError("The host was already started; it can start only once")
        self._starting = asyncio.create_task(self._start(), name="agent start")
        try:
            await self._starting
        except asyncio.CancelledError:
            by_stop = self._stopping is not None
            await self.stop()
            task = asyncio.current_task()
            if by_stop and not (task and task.cancelling()):
                raise HostStoppedError("The host was stopped while it started") from None
            raise
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        relay = self.settings.relay
        token = relay.token
        context = client_context(relay)
        kept_port = await self.admission.restore()
        if not relay.url:
            self._relay = Relay(relay.token, relay.guest_token, publish=self.events.publish)
            url = await self._listen(self._relay, kept_port)
            token = self._relay.agent_token
            self._relay_info = RelayInfo(url, self._relay.guest_token, True)
        await self.ends.start()
        await self.manager.start()
        await self.targets.start()
        # Register only once the targets are known: the first guest may be waiting.
        await self.targets.settled(CATALOGUE_SECONDS)
        self.admission.create_requested()
        held = HeldCandidates()
        self._offers = OfferHandler(
            self.manager,
            self.targets.find,
            self.admission.authenticator,
            self.admission.links,
            held,
        )
        handlers: Handlers = {
            wire.OFFER: self._offers,
            wire.ICE: IceHandler(self.manager, held),
            wire.DISCONNECT: DisconnectHandler(self.manager),
        }
        self._in_process.serve(handlers)
        self._client = SignalingClient(
            [relay.url or self._relay_info.url, *relay.others],
            auth={"token": token, "role": "agent", "agent_id": self.agent_id, "name": self.name},
            handlers=handlers,
            events=self.events,
            registration=self._registration,
            ssl_context=context,
            heartbeat_interval=relay.heartbeat,
            key=self._identity.key,
            listener=self._ice,
        )
        self._tasks.supervise("The refresh of ICE servers", self._ice.run)
        await self._client.start()
        self._unsubscribe = self.events.subscribe(self._on_event)

    async def _listen(self, built_in: Relay, kept_port: int) -> str:
        """Start the relay, at the port that kept links need if the settings leave it open."""
        relay = self.settings.relay
        try:
            url = await built_in.start(relay.host, relay.port or kept_port)
        except SettingsError:
            if relay.port or not kept_port:
                raise
            url = await built_in.start(relay.host, 0)
            self._links_problem = (
                f"Kept links do not work until Hatchway starts while port {kept_port}, which is "
                "in their URLs, is free; another program uses it now"
            )
            logger.warning("%s", self._links_problem)
        self.admission.relay_listens(urlsplit(url).port or 0)
        return url

    async def stop(self) -> None:
        """Refuse offers, then close peers, sessions and connections; bounded; idempotent.

        Once begun it finishes, even when the caller is cancelled.
        """
        # Offers that still come get an error with the reason.
        self.manager.refuse()
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(), name="agent stop")
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])
        self._unsubscribe()
        for step in (
            self._close_peers,
            self._close_offers,
            self.manager.stop,
            self.admission.close,
            self._finish_ends,
            self._stop_signaling,
            self.targets.stop,
            self.ends.stop,
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
        """End guests' sessions after ``seconds`` without input and output; 0: never."""
        self.manager.set_timeout(seconds)

    def set_grace(self, seconds: float) -> None:
        """End guests' shells that nobody is attached to after ``seconds``; 0: never."""
        self.manager.set_grace(seconds)

    def set_recording(self, on: bool) -> None:
        """Record every shell that starts from now on, or no longer."""
        recording = msgspec.structs.replace(self.settings.recording, enabled=on)
        self.settings = msgspec.structs.replace(self.settings, recording=recording)

    def set_shared(self, target_id: str, shared: bool) -> None:
        """Let guests open ``target_id`` without a link, or no longer. Live sessions continue."""
        names = set(self.targets.shared())
        if shared:
            names.add(target_id)
        elif "*" in names and target_id not in ("*", LOCAL_TARGET):
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

        def watch(event: ev.Event) -> None:
            if isinstance(event, ev.RelayStateChanged) and event.state is RelayState.CONNECTED:
                connected.set()

        unsubscribe = self.events.subscribe(watch)
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
        """A terminal in a target, connected as a peer; it needs no relay. Raises HatchwayError."""
        if self._stopping is not None:
            raise HostStoppedError
        handlers = PeerHandlers(on_output, on_end)
        # Whoever shows it answers the program's queries, as a terminal does.
        peer = self._owned(self._peer(target_id, size, handlers, ANSWERING, relay=False))
        await peer.connect()
        return peer

    def successor(
        self,
        lost: TerminalPeer,
        on_output: Callable[[bytes], None],
        on_end: Callable[[str, int | None], None],
    ) -> TerminalPeer:
        """A peer that resumes the session of ``lost`` once the caller connects it."""
        if self._stopping is not None:
            raise HostStoppedError
        return self._owned(lost.successor(on_output, on_end))

    def _owned(self, peer: TerminalPeer) -> TerminalPeer:
        """Store ``peer`` so that stop() closes it even when its caller was cancelled."""
        self._peers = {other for other in self._peers if not other.is_closed} | {peer}
        return peer

    async def self_test(
        self,
        target_id: str,
        on_stage: Callable[[StageResult], None] = lambda result: None,
        *,
        relay: bool = True,
    ) -> SelfTestReport:
        """Run the loopback test against one target; failures are in the report.

        ``relay``: whether signaling goes through the relay or stays in this process.
        """

        async def leftovers(session_id: str) -> list[str]:
            return await self._leftovers(target_id, session_id)

        def make_peer(handlers: PeerHandlers) -> TerminalPeer:
            return self._peer(target_id, Size(), handlers, relay=relay)

        return await SelfTest(target_id, make_peer, leftovers, on_stage, relay=relay).run()

    def _peer(
        self,
        target_id: str,
        size: Size,
        handlers: PeerHandlers,
        capabilities: Collection[str] = CAPABILITIES,
        *,
        relay: bool,
    ) -> TerminalPeer:
        """An own peer, which reaches this agent through its relay or in the process."""
        info, ice = self._relay_info, self._ice.current()
        token = info.guest_token or self.settings.relay.token
        return TerminalPeer(
            RelayAddress(self.settings.relay.url or info.url, token, self.agent_id),
            target_id,
            size,
            handlers,
            own_secret=self.admission.authenticator.own_secret,
            # This peer is local, but with relay-only it must not reveal addresses either.
            ice=ice if ice.relay_only else self.settings.ice,
            ssl_context=client_context(self.settings.relay) if relay else None,
            capabilities=capabilities,
            make_end=None if relay else self._in_process.guest,
        )

    async def _ask_ice(self) -> dict[str, Any]:
        if self._client is None:
            return {}
        # Nobody waits for this reply, so the time limit is generous.
        return await self._client.call(wire.ICE_SERVERS, {}, ICE_SERVERS_SECONDS)

    async def _open_pty(self, session: Session, device_id: str, size: Size) -> PTY:
        target = await self.admission.connect(session, device_id)
        self._markers[session.shell_id] = process_marker(session.id)
        return await create_pty_session(
            target,
            session_id=process_marker(session.id),
            size=size,
            docker=self._docker,
            settings=self.settings.terminal,
            ends=self.ends,
        )

    async def _let_in(self, session: Session, shell_id: str) -> None:
        await self.admission.attach(session, lambda: self.manager.shell_facts(shell_id))

    async def start_target(self, target_id: str) -> None:
        """Start or unpause a container. Raises TargetNotFoundError, DockerError, and
        TargetNotRunningError when it is not listed as running within START_SECONDS."""
        target = self.targets.find(target_id)
        if target.state is TargetState.RUNNING:
            return
        paused = target.state is TargetState.PAUSED

        runs = asyncio.Event()

        def look(event: ev.Event) -> None:
            if isinstance(event, ev.TargetsChanged) and any(
                one.ref == target.ref and one.state is TargetState.RUNNING for one in event.targets
            ):
                runs.set()

        unsubscribe = self.events.subscribe(look)
        try:
            await self._docker.call(
                target.engine,
                lambda client: (client.api.unpause if paused else client.api.start)(target.ref),
            )
            async with asyncio.timeout(START_SECONDS):
                await runs.wait()
        except TimeoutError:
            raise TargetNotRunningError(f"{target.name} was started, but does not run") from None
        finally:
            unsubscribe()

    async def open_shell(self, target_id: str, size: Size, command: tuple[str, ...] = ()) -> str:
        """Start an own shell; its id. Raises HatchwayError."""
        if self._stopping is not None:
            raise HostStoppedError
        self.manager.make_room()
        target = self.targets.find(target_id)
        shell_id = secrets.token_hex(8)
        self._markers[shell_id] = shell_id
        pty = await create_pty_session(
            target,
            session_id=shell_id,
            size=size,
            docker=self._docker,
            settings=self.settings.terminal,
            ends=self.ends,
            command=command,
        )
        try:
            self.manager.make_room()
            shell = self.manager.shells.add(pty, shell_id=shell_id, target=target_id, own=True)
        except HatchwayError:
            await pty.close()
            raise
        shell.start()
        return shell.id

    async def end_shell(self, shell_id: str, reason: str, *, everything: bool = False) -> None:
        """End a shell; ``everything``: also what asked to keep running. An unknown one is not an
        error."""
        if everything and shell_id in self._markers:
            self.ends.include_everything(self._markers[shell_id])
        await self.manager.shells.end(shell_id, reason)

    async def remove_guest(self, shell_id: str, participant_id: str, then: AfterRemoval) -> None:
        """Remove a participant for good. Raises ShellNotFoundError."""
        shell = self.manager.shells.require(shell_id)
        participant = shell.participant(participant_id)
        if participant is None:
            raise ShellNotFoundError("This person has left")
        if shell.ends_with(participant) and shell_id in self._markers:
            # What it left running is not wanted either.
            self.ends.include_everything(self._markers[shell_id])
        if not await self.admission.remove(participant.session_id, then):
            await participant.leave("Removed by the host", EndCode.REMOVED, closed=False)

    async def record(self, shell_id: str, *, on: bool) -> None:
        """Start or stop recording a shell. Raises ShellNotFoundError."""
        shell = self.manager.shells.require(shell_id)
        if not on:
            await shell.stop_recording()
            return
        await shell.record(self._begin_recording)

    def _begin_recording(self, meta: RecordingMeta, size: Size, screen: bytes) -> Recorder:
        def report(text: str) -> None:
            self.events.publish(ev.RecordingProblem(target=meta.target, text=text))

        return self.recordings.start(
            meta,
            size,
            screen,
            input=self.settings.recording.input,
            on_gap=report,
            on_problem=report,
        )

    def _kept(self, marker: str, text: str) -> None:
        """Publish that processes of a session's terminal keep running (nohup, setsid)."""
        ids = (session.id for session in self.manager.sessions())
        session_id = next((one for one in ids if process_marker(one) == marker), marker)
        self.events.publish(ev.SessionNote(session_id=session_id, text=text))

    async def _leftovers(self, target_id: str, session_id: str) -> list[str]:
        """What a closed session left: itself, or processes with its marker.

        Processes that asked to keep running do not count: a shell profile may start an
        ssh-agent.
        """
        left = []
        # The guest's end of the channel closes a little before the session is gone.
        await self.manager.settled(session_id)
        if self.manager.get_session(session_id) is not None:
            left.append("the session itself")
        try:
            target = self.targets.find(target_id)
        except TargetNotFoundError:
            return left
        marker = process_marker(session_id)
        if target.kind is TargetKind.LOCAL:
            local = await asyncio.to_thread(_local_processes, marker)
            kept = self.ends.kept(marker)
            left += [f"{name} ({pid})" for pid, name in local if pid not in kept]
        elif target.kind is TargetKind.CONTAINER:
            try:
                found = await list_session_processes(self._docker, target, marker)
            except DockerError as error:
                return [*left, f"unknown, because the container cannot be queried: {error}"]
            kept = self.ends.kept(marker)
            left += [f"{one.name} ({one.pid})" for one in found if one.pid not in kept]
        return left

    def _registration(self) -> dict[str, Any]:
        """What the relay may show guests: only shared targets, and links."""
        return {
            "agent_id": self.agent_id,
            "name": self.name,
            "targets": [_shown(target) for target in self.targets.list() if target.shared],
            "links": self.admission.registration(),
        }

    def _on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.ShellEnded):
            self._markers.pop(event.shell.id, None)
        if isinstance(event, ev.ShellStarted):
            shell = self.manager.shells.find(event.shell.id)
            if shell is not None and self._is_recorded(shell):
                self._tasks.start(shell.record(self._begin_recording), "record")
        if isinstance(event, ev.TargetsChanged | ev.SharesChanged) and not self._registering:
            self._registering = True
            self._tasks.start(self._register_again(), "register again")

    def _is_recorded(self, shell: Shell) -> bool:
        """Whether it is recorded from its start: by the settings, or by the link that opened it."""
        wanted = is_wanted(self.settings.recording, shell.target)
        return wanted or self.admission.links.records(shell.link_id)

    async def _register_again(self) -> None:
        """Once for all changes of a turn of the loop: each registration has all links."""
        await asyncio.sleep(0)
        self._registering = False
        if self._client is not None:
            await self._client.re_register()

    async def _finish_ends(self) -> None:
        await self.ends.finish(ENDS_SECONDS)

    async def _close_peers(self) -> None:
        peers, self._peers = self._peers, set()
        await asyncio.gather(*(peer.close() for peer in peers))

    async def _close_offers(self) -> None:
        if self._offers is not None:
            await self._offers.close()

    async def _stop_signaling(self) -> None:
        await self._tasks.close()
        await self._in_process.close()
        if self._client is not None:
            await self._client.stop()
        if self._relay is not None:
            await self._relay.stop()


def process_marker(session_id: str) -> str:
    """The value of HATCHWAY_SESSION: the id, or its digest if an environment cannot hold it."""
    if _PLAIN_ID.fullmatch(session_id):
        return session_id
    return hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()


def _shown(target: Target) -> dict[str, str]:
    return {
        "id": target.id,
        "kind": target.kind.value,
        "name": target.name,
        "state": target.state.value,
    }


def _local_processes(marker: str) -> list[tuple[int, str]]:
    found = []
    for process in psutil.process_iter(["pid", "name", "status"]):
        try:
            if process.environ().get("HATCHWAY_SESSION") == marker:
                found.append((process.info["pid"], process.info["name"]))
        except psutil.Error:
            continue
    return found
