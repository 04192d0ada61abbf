"""One running program behind a PTY, and everything of it that outlives connections.

Owns the PTY, the output log, the screen, the participants, the keyboard, the size and the
recorder, and joins them: output goes from the PTY into the log and from there to each
participant at its own pace; input enters in turns, if role and keyboard allow. The fastest
attached controller paces the program; nobody else does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.core.errors import AccessDeniedError, HatchwayError, LimitError, PTYClosedError
from engine.core.model import (
    EndCode,
    ExitStatus,
    KeyboardState,
    ParticipantKind,
    Person,
    Role,
    ShellInfo,
    Size,
)
from engine.core.tasks import TaskOwner, start
from engine.emulator import FEATURES
from engine.pty.base import PTY
from engine.shells.answers import Answers, Passed
from engine.shells.emulators import Emulators
from engine.shells.keyboard import Keyboard
from engine.shells.output_log import BLOCK, OutputLog
from engine.shells.participant import Participant, Sink
from engine.shells.recorder import Recorder, RecordingMeta
from engine.shells.rounds import Rounds
from engine.shells.screen import ShellScreen, Snapshot
from engine.shells.size import SizePolicy
from engine.shells.size_log import SizeChange, SizeLog
from engine.shells.traffic import Counter
from engine.shells.turns import Turns
from engine.wire.terminal import MUTE, Theme

logger = logging.getLogger(__name__)

LEAD = 4 * 1024
"""Bytes that are read from the program ahead of the fastest controller. More makes nothing faster,
and all others wait longer for the loop: 64 KiB cost them 1.5 ms."""
COPY = 64 * 1024
"""Bytes that are copied from the log at once."""
HELD_BYTES = 256 * 1024
"""Output that waits, unseen, for a lost guest; beyond it the program waits."""
BEHIND_BYTES, BEHIND_SECONDS = 256 * 1024, 1.0
"""Who is so far behind for so long gets a snapshot."""
VIEWER_BEHIND_BYTES = 64 * 1024
"""A viewer that is so far behind gets a snapshot instead of the bytes."""
HISTORY_LINES = 1000
"""Lines of history in a snapshot, and behind the screens of guests' shells."""
MOST_HISTORY_LINES = 10_000
"""The most lines of history that somebody can ask for."""
_REPORT = re.compile(rb"(?:\x1b\[(?:[IO]|M.{3}|<[\d;]*[mM]))+", re.DOTALL)
"""Reports of focus and mouse: they are sent without a key being pressed."""
RESIZE_SECONDS = 0.2
"""How long what was typed waits for a new size of the terminal."""
TRIM_SECONDS = 0.5
"""After a flood: until the log is looked at again."""
LAST_SECONDS = 1.0
"""How long people may take, after the end, to get what they have not got yet."""
PEOPLE_SECONDS = 0.5
"""The least time between two lists of people."""
TYPING_SECONDS = 2.0
"""How long somebody counts as typing after a key."""


@dataclass(frozen=True, slots=True)
class ShellLimits:
    """Settings that concern one shell. Sizes in bytes, times in seconds."""

    replay_bytes: int = 64 * 1024
    resume_window: float = 120.0
    scrollback: int = HISTORY_LINES
    max_participants: int = 64


class Shell:
    """One shell. ``start()`` once, ``end()`` at last; both may be called in any state.

    ``own``: opened by the host, for itself. ``owner`` and ``link_id``: the guest that opened it, as
    limits count them (engine.access.limits). ``ended`` is called once, when the program or the
    shell has ended; ``changed`` whenever what ``info()`` returns may have changed.
    """

    def __init__(
        self,
        pty: PTY,
        *,
        shell_id: str = "",
        target: str = "",
        own: bool = False,
        owner: str = "",
        link_id: str = "",
        limits: ShellLimits = ShellLimits(),
        position: int = 0,
        clock: Callable[[], float] = time.monotonic,
        changed: Callable[[Shell], None] = lambda shell: None,
        asked: Callable[[Shell, Participant], None] = lambda shell, participant: None,
        ended: Callable[[Shell, ExitStatus], None] = lambda shell, status: None,
    ) -> None:
        self.id = shell_id or secrets.token_hex(8)
        self.target = target or pty.label
        self.own = own
        self.owner = owner
        self.link_id = link_id
        self.started_at = time.time()
        self.counter = Counter()
        self._pty = pty
        self._limits = limits
        self._changed = changed
        self._asked = asked
        self._on_ended = ended
        self._begin = position
        self._clock = clock
        self._alone_since: float | None = clock()
        self._log = OutputLog(limits.replay_bytes, position)
        self._screen = ShellScreen(
            self._log, pty.size, scrollback=limits.scrollback, reply=self._answer
        )
        self._keyboard = Keyboard()
        self._turns = Turns(pty.write, lambda: pty.taken)
        self._answers = Answers()
        self._emulators: Emulators[Theme] = Emulators()
        self._sizes = SizePolicy(pty.size)
        self._rounds = Rounds(self._screen)
        self._size = pty.size
        self._size_log = SizeLog(pty.size)
        """Changes of the size with smaller numbers are no longer known."""
        self._people: dict[str, Participant] = {}
        self._controllers: tuple[Participant, ...] = ()
        """Those who are attached."""
        self._opener = ""
        self._recorder: Recorder | None = None
        self._tasks = TaskOwner(f"shell {self.id}")
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._pinned: Size | None = None
        self._resizing = False
        self._settling = False
        """Nothing is read until the screen has come to the position of a change of its size."""
        self._resized = asyncio.Event()
        self._resized_by = 0.0
        self._reader: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._status: ExitStatus | None = None
        self._over = False
        self._room = asyncio.Event()
        self._room.set()
        self._active = False
        self._held_for = ""
        self._held_from: int | None = None
        """The output from here on is held for a lost controller."""
        self._theme: Theme | None = None
        self._last_people: tuple[Person, ...] = ()
        self._people_at = 0.0

    # What it is.

    @property
    def is_connected(self) -> bool:
        """Whether the program takes input."""
        return not self._over and self._ending is None

    @property
    def label(self) -> str:
        return self._pty.label

    @property
    def current_size(self) -> Size:
        return self._size

    @property
    def exit_status(self) -> ExitStatus | None:
        """How it ended; None while it runs."""
        return self._status if self._over else None

    @property
    def screen(self) -> ShellScreen:
        """The agent's own screen of it."""
        return self._screen

    @property
    def begin(self) -> int:
        return self._begin

    @property
    def end(self) -> int:
        return self._log.end

    def size_at(self, position: int) -> Size:
        """The size of the terminal at a position of the output; the oldest known before that."""
        return self._size_log.at(position)

    @property
    def opener(self) -> str:
        """The id of the participant that opened it; empty once that has left."""
        return self._opener

    @property
    def participants(self) -> tuple[Participant, ...]:
        return tuple(self._people.values())

    @property
    def alone_since(self) -> float | None:
        """Since when nobody is attached, on ``clock``; None while somebody is."""
        return self._alone_since

    @property
    def has_guests(self) -> bool:
        return any(one.kind is ParticipantKind.GUEST for one in self._people.values())

    @property
    def keyboard_state(self) -> KeyboardState:
        return self._keyboard.state

    def take_activity(self) -> bool:
        """Whether there was input or output since this was last asked."""
        active, self._active = self._active, False
        return active

    def participant(self, who: str) -> Participant | None:
        return self._people.get(who)

    def info(self) -> ShellInfo:
        now = self._now()
        return ShellInfo(
            id=self.id,
            target=self.target,
            own=self.own,
            title=self._screen.terminal.title,
            size=self._size,
            pinned=self._pinned,
            started_at=self.started_at,
            participants=tuple(one.info(now, TYPING_SECONDS) for one in self._people.values()),
            keyboard=self._keyboard.state,
            holder=self._keyboard.holder,
            asking=tuple(self._keyboard.asking()),
            recording_since=self._recorder.since if self._recorder else None,
            exit=self.exit_status,
        )

    # Its people.

    def start(self) -> None:
        """Start reading the program. Idempotent."""
        if self._reader is None:
            self._reader = start(self._read_loop(), f"PTY read loop of {self.id}")
            logger.info("PTY bridge connected: %s in shell %s", self.label, self.id)

    def join(
        self,
        kind: ParticipantKind,
        role: Role,
        *,
        who: str = "",
        opens: bool = False,
        name: str = "",
        session_id: str = "",
        counter: Counter | None = None,
        input_position: int = 0,
        on_activity: Callable[[], None] = lambda: None,
        on_end: Callable[[ExitStatus], None] = lambda status: None,
        on_role: Callable[[Role], None] = lambda role: None,
    ) -> Participant:
        """A new participant. Raises LimitError, PTYClosedError once it has ended, and ValueError
        when ``who`` is a participant already.

        ``who`` becomes its id. ``opens``: the shell was started for it. ``input_position``: the
        bytes it had typed in an earlier shell of the same conversation.
        """
        if not self.is_connected:
            raise PTYClosedError("The terminal has ended")
        if len(self._people) >= self._limits.max_participants:
            raise LimitError(f"No more than {self._limits.max_participants} people can be in it")
        who = who or secrets.token_hex(4)
        self._keyboard.join(who, role, kind)
        participant = Participant(
            self,
            who,
            kind,
            name=name,
            session_id=session_id,
            counter=counter,
            on_activity=on_activity,
            on_end=on_end,
            on_role=on_role,
        )
        self._people[who] = participant
        self._turns.drop(who, input_position)
        if opens:
            self._opener = who
        self.permission_changed(participant)
        return participant

    # engine.shells.participant.Owner

    def read(self, position: int, limit: int) -> bytes:
        return self._log.read(position, limit)

    def holds(self, position: int) -> bool:
        return position >= self._log.start

    def next_size(self, number: int) -> SizeChange | None:
        return self._size_log.next(number)

    def sizes_from(self, position: int) -> int:
        return self._size_log.number_from(position)

    def must_skip(self, participant: Participant) -> bool:
        if not self.holds(participant.position):
            return True
        if participant.next_size < self._size_log.forgotten:
            return True
        if participant.role is Role.VIEW:
            return self._log.end - participant.position > VIEWER_BEHIND_BYTES
        if participant is self._pacer():
            return False
        behind = participant.fell_behind(self._now(), least=BEHIND_BYTES)
        return behind >= BEHIND_SECONDS

    def pause(self, participant: Participant) -> float:
        return self._rounds.pause() if participant.role is Role.VIEW else 0.0

    def spent(self, participant: Participant, seconds: float) -> None:
        if participant.role is Role.VIEW:
            self._rounds.spent(seconds)

    async def picture(self, participant: Participant, *, joins: bool) -> Snapshot:
        if participant.role is Role.VIEW and not joins:
            return await self._rounds.next(participant.features)
        wanted = participant.history
        history = HISTORY_LINES if wanted is None else min(wanted, MOST_HISTORY_LINES)
        picture = await self._screen.snapshot(history=history, features=participant.features)
        self.spent(participant, picture.seconds)
        return picture

    def progressed(self) -> None:
        self._trim()
        self._update_room()

    def attached(self, participant: Participant) -> None:
        self.start()
        self._alone_since = None
        self._keyboard.return_(participant.id, self._now())
        self._note_controllers()
        if participant.role is Role.CONTROL:
            self._release()
        if MUTE not in participant.capabilities and participant.streams:
            may = self._refusal(participant) is None
            first = self._log.end == self._begin
            self._answers.join(participant.id, may_type=may, now=self._now(), first=first)
        self.window_changed(participant)
        self._emulator_attached(participant)
        self._update_room()
        self._introduce(participant)
        self._people_changed()

    def detached(self, participant: Participant, *, lost: bool) -> None:
        self._note_controllers()
        if participant.id == self._held_for and not lost:
            self._release()
        elif lost and participant.role is Role.CONTROL and not self._controllers:
            self._hold_for(participant)
        before = self._roles()
        self._keyboard.leave(participant.id, self._now(), lost=lost)
        if self._alone_since is None and not any(p.is_attached for p in self._people.values()):
            self._alone_since = self._clock()
        self._answers.leave(participant.id)
        self._emulators.leave(participant.id)
        self._send_answers()
        if not lost:
            # Who was lost may be back before the others would have to wait for long.
            self._turns.cut(participant.id)
        self._sizes.leave(participant.id)
        self._update_size()
        self._rights_changed(before)

    async def typed(self, participant: Participant, data: bytes) -> None:
        who, now = participant.id, self._now()
        if not self.is_connected:
            self._turns.drop(who, len(data))
            raise PTYClosedError("The terminal has ended")
        parts = self._answers.typed(who, data, now)
        self._send_answers()
        self._active = True
        if not _REPORT.fullmatch(data) and self._keyboard.typed(who):
            self._rights_changed(self._roles())
        participant.touched(now)
        self._people_changed()
        if self._resizing and now < self._resized_by:
            # What was typed after a window had changed is for the new size. A Docker engine may
            # take seconds to set it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._resized_by - now):
                    await self._resized.wait()
        await self._write(participant, parts)

    async def _write(self, participant: Participant, parts: Sequence[Passed]) -> None:
        who = participant.id
        before = self._turns.entered(who)
        try:
            if len(parts) == 1 and not parts[0].dropped:
                await self._turns.write(who, parts[0].data)
            else:
                await self._turns.write_parts(who, [(one.data, one.dropped) for one in parts])
        finally:
            participant.count_input(self._turns.entered(who) - before)
        if self._recorder is not None:
            for one in parts:
                self._recorder.typed(one.data)

    def typed_by_others(self, who: str) -> int:
        return self._turns.entered_by_others(who)

    def input_taken(self, who: str) -> int:
        return self._turns.taken(who)

    async def settled(self, who: str) -> int:
        return await self._turns.settled(who)

    def permission_changed(self, participant: Participant) -> None:
        self._turns.permit(participant.id, self._refusal(participant))
        self.window_changed(participant)

    def window_changed(self, participant: Participant) -> None:
        if participant.is_attached:
            window = participant.window
            self._sizes.join(
                participant.id,
                controls=participant.role is Role.CONTROL and participant.permission.resize,
                window=window,
                hidden=window is None and not participant.streams,
            )
        self._update_size()

    def role_of(self, who: str) -> Role:
        return self._keyboard.role(who)

    def ends_with(self, participant: Participant) -> bool:
        """Whether it would end if this participant closed it."""
        others = [one for one in self._controllers if one is not participant]
        return participant.id == self._opener and not others

    async def leave(
        self, participant: Participant, reason: str, code: EndCode, *, closed: bool
    ) -> None:
        who = participant.id
        if self._people.pop(who, None) is None:
            return
        opened, self._opener = who == self._opener, "" if who == self._opener else self._opener
        self.detached(participant, lost=False)
        self._turns.leave(who)
        if opened and closed and not self._controllers:
            await self.finish(reason, code)

    # The host.

    def set_role(self, who: str, role: Role) -> None:
        """Raises KeyError for an unknown participant; so do the next ones."""
        before = self._roles()
        self._keyboard.set_role(self._people[who].id, role)
        self._rights_changed(before)

    def take_keyboard(self, who: str) -> None:
        """The participant alone may type from now on."""
        self._on_keyboard(lambda: self._keyboard.take(self._people[who].id))

    def grant_keyboard(self, who: str) -> None:
        """Give the keyboard to a participant, which becomes a controller while it has it."""
        self._on_keyboard(lambda: self._keyboard.grant(self._people[who].id))

    def deny_keyboard(self, who: str) -> None:
        """Answer its question with no."""
        self._on_keyboard(lambda: self._keyboard.deny(self._people[who].id))

    def open_keyboard(self) -> None:
        """Hand the keyboard back: every controller types."""
        self._on_keyboard(lambda: self._keyboard.hand_back(self._keyboard.holder))

    def freeze(self) -> None:
        """No guest types from now on."""
        self._on_keyboard(self._keyboard.freeze)

    def thaw(self) -> None:
        """Undo freeze(): role and keyboard are what they were."""
        self._on_keyboard(self._keyboard.thaw)

    def ask_keyboard(self, who: str, on: bool) -> None:
        """A participant asks for the keyboard; False: it no longer does, or hands it back."""
        if not on and self._keyboard.holder == who:
            self.open_keyboard()
            return
        if who not in self._people:
            return  # a message that came while it left
        before = self._keyboard.asking()
        self._keyboard.ask(who, on, self._now())
        if who in self._keyboard.asking() and who not in before:
            self._asked(self, self._people[who])
        self._keyboard_changed()

    def theme_changed(self, participant: Participant) -> None:
        """A participant has other colors."""
        if participant.is_attached:
            self._emulator_attached(participant)

    def pin(self, size: Size | None) -> None:
        """Fix the size; None: the smallest controller decides again."""
        self._pinned = size
        self._sizes.pin(size)
        self._update_size()
        self._changed(self)

    async def record(self, begin: Callable[[RecordingMeta, Size, bytes], Recorder]) -> None:
        """Start to record, with the screen as it is now; nothing when it does already."""
        while self._recorder is None and self.is_connected:
            try:
                picture = await self._screen.snapshot(history=HISTORY_LINES)
            except PTYClosedError:
                return
            if picture.resizes == self._size_log.count:
                self._record_from(picture, begin)

    def _record_from(
        self, picture: Snapshot, begin: Callable[[RecordingMeta, Size, bytes], Recorder]
    ) -> None:
        if self._recorder is not None or not self.is_connected:
            return
        meta = RecordingMeta(target=self.target, shell=self.id, title=self._screen.terminal.title)
        self._recorder = begin(meta, self._size, b"".join(picture.data))
        at = picture.at
        while data := self._log.read(at, COPY):
            # What came while the screen was written.
            self._recorder.printed(data)
            at += len(data)
        self._tell_recording()

    async def stop_recording(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            self._tell_recording()
            await recorder.close()

    def warn_idle(self, seconds: float | None) -> None:
        """Warn everybody that it ends as idle in ``seconds``; None: no longer."""
        for one in self._people.values():
            one.tell(lambda sink: sink.idle(seconds))

    def touch(self) -> None:
        """Somebody wants it to stay open."""
        self._active = True

    async def finish(self, reason: str, code: EndCode = EndCode.CLOSED) -> None:
        """End the program and the shell; the first reason counts. Idempotent."""
        self.finish_soon(reason, code)
        if self._ending is not None:
            await asyncio.shield(self._ending)

    def finish_soon(self, reason: str, code: EndCode = EndCode.CLOSED) -> None:
        """Begin to end it without waiting."""
        if self._ending is None:
            self._ending = start(self._end(reason, code), f"end shell {self.id}")

    # Reading.

    async def _read_loop(self) -> None:
        try:
            while data := await self._pty.read():
                self._printed(data)
                await self._screen.room()
                while not self._has_room():
                    self._room.clear()
                    await self._room.wait()
        except Exception:
            # An error in the backend must not leave people with a dead terminal.
            logger.exception("Reading the PTY of shell %s failed", self.id)
        finally:
            logger.info("PTY read loop ended: shell %s", self.id)
        if self._ending is None:
            self._is_over(self._pty.exit_status or ExitStatus(None, "The terminal ended"))

    def _printed(self, data: bytes) -> None:
        at = self._log.end
        self._active = True
        self.counter.printed(len(data))
        self._log.append(data)
        self._screen.printed()
        if self._recorder is not None:
            self._recorder.printed(data)
        for one in self._people.values():
            one.printed(data, at)
        self._trim()

    def _has_room(self) -> bool:
        if self._settling:
            return False
        pacer = self._pacer()
        if pacer is not None:
            return not pacer.streams or self._log.end - pacer.position <= LEAD
        if self._held_from is None:
            return True
        return self._log.end - self._held_from <= HELD_BYTES

    def _update_room(self) -> None:
        if not self._room.is_set() and self._has_room():
            self._room.set()

    def _trim(self) -> None:
        if self._log.end - self._log.start < self._limits.replay_bytes + BLOCK:
            return
        needed = self._screen.needed
        pacer = self._pacer()
        if pacer is not None and pacer.streams:
            needed = min(needed, pacer.rendered)
        elif pacer is None and self._held_from is not None:
            needed = min(needed, self._held_from)
        # Other controllers need not be skipped for the sake of a short burst.
        most = self._log.end - self._limits.replay_bytes - BEHIND_BYTES
        slowest = min((one.position for one in self._controllers if one.streams), default=needed)
        self._log.trim(min(needed, max(slowest, most)))
        if self._screen.behind and self._log.start < most and "trim" not in self._timers:
            # What the screen has not read yet is kept for it, and it may read without new output.
            self._after("trim", TRIM_SECONDS, self._trim)
        self._size_log.forget_before(self._log.start)

    def _note_controllers(self) -> None:
        """To be called when somebody is attached, detached, or gets another role."""
        self._controllers = tuple(
            one for one in self._people.values() if one.is_attached and one.role is Role.CONTROL
        )

    def _pacer(self) -> Participant | None:
        """The attached controller that is furthest; None without one."""
        if len(self._controllers) == 1:
            return self._controllers[0]
        return max(
            self._controllers,
            key=lambda one: one.position if one.streams else self._screen.position,
            default=None,
        )

    def _hold_for(self, participant: Participant) -> None:
        """The only controller was lost: what it has not seen waits, so that it misses nothing."""
        if self.own or not self._limits.resume_window:
            return
        self._held_for, self._held_from = participant.id, participant.rendered
        self._after("held", self._limits.resume_window, self._release)

    def _release(self) -> None:
        """Nobody is waited for any more: the program runs on."""
        self._held_for, self._held_from = "", None
        if (timer := self._timers.pop("held", None)) is not None:
            timer.cancel()
        self._trim()
        self._update_room()

    # Writing.

    def _refusal(self, participant: Participant) -> Callable[[], HatchwayError] | None:
        if (refused := participant.permission.refused_input) is not None:
            return refused
        if self._keyboard.may_type(participant.id):
            return None
        if participant.role is Role.VIEW:
            return lambda: AccessDeniedError("You can view this terminal but not type")
        if self._keyboard.state is KeyboardState.FROZEN:
            return lambda: AccessDeniedError("The host has frozen the keyboard")
        holder = self._people.get(self._keyboard.holder)
        name = (holder.name if holder else "") or "Somebody else"
        return lambda: AccessDeniedError(f"{name} has the keyboard")

    def _answer(self, reply: bytes) -> None:
        """The screen answers a query of the program."""
        self._turns.answer(self._answers.asked(reply, self._now()))
        self._send_answers()

    def _send_answers(self) -> None:
        """Write the answers that are due, and see to it that late ones follow."""
        now = self._now()
        self._turns.answer(self._answers.tick(now))
        if (at := self._answers.next_at) is not None:
            self._after("answers", at - now, self._answers_due)

    def _answers_due(self) -> None:
        for who in self._answers.held():
            if (participant := self._people.get(who)) is not None:
                self._tasks.start(self._write_held(participant), "input that was held")
        self._send_answers()

    async def _write_held(self, participant: Participant) -> None:
        # Here, so that no newer input gets between.
        if data := self._answers.release(participant.id, self._now()):
            with contextlib.suppress(HatchwayError):
                await self._write(participant, (Passed(data),))

    def _emulator_attached(self, participant: Participant) -> None:
        self._emulators.join(
            participant.id,
            controls=participant.role is Role.CONTROL,
            features=participant.features,
            theme=participant.theme,
        )
        self._update_emulator()

    def _update_emulator(self) -> None:
        """Answer what the program asks as everybody who controls it can do, and in the colors
        that they see."""
        self._screen.set_features(self._emulators.features(FEATURES))
        theme = self._emulators.theme(self._keyboard.holder)
        if theme is None or theme is self._theme:
            return
        self._theme = theme
        foreground, background, cursor, *palette = (
            int(color[1:], 16)
            for color in (theme.foreground, theme.background, theme.cursor, *theme.palette)
        )
        self._screen.set_theme(foreground, background, cursor, tuple(palette))

    # Keyboard and roles.

    def _on_keyboard(self, change: Callable[[], object]) -> None:
        before = self._roles()
        change()
        self._rights_changed(before)

    def _roles(self) -> dict[str, Role]:
        return {who: self._keyboard.role(who) for who in self._people}

    def _rights_changed(self, before: dict[str, Role]) -> None:
        """Enforce first, then tell."""
        self._note_controllers()
        for who, one in self._people.items():
            self.permission_changed(one)
            self._answers.may_type(who, self._refusal(one) is None)
            self._emulators.control(who, one.role is Role.CONTROL)
        self._send_answers()
        self._update_emulator()
        for who, one in self._people.items():
            if before.get(who, one.role) is not one.role:
                self.window_changed(one)
                one.role_changed(one.role)
        self._keyboard_changed()
        self._people_changed()
        if self._controllers:
            self._release()  # whoever controls it paces it
        self._update_room()

    def _keyboard_changed(self) -> None:
        now = self._now()
        for who, one in self._people.items():
            one.show_keyboard(self._keyboard.view(who, now))
        if (at := self._keyboard.next_at) is not None:
            self._after("keyboard", at - now, self._keyboard_due)
        self._changed(self)

    def _keyboard_due(self) -> None:
        self._on_keyboard(lambda: self._keyboard.tick(self._now()))

    # Size.

    def _update_size(self) -> None:
        now = self._now()
        due = self._sizes.wanted(now) != self._size
        if due and not self._resizing and self.is_connected:
            self._resizing = True
            self._resized_by = now + RESIZE_SECONDS
            self._resized.clear()
            self._tasks.start(self._resize(), "resize")
        if (at := self._sizes.next_at) is not None:
            self._after("size", at - now, self._update_size)

    async def _resize(self) -> None:
        try:
            while (wanted := self._sizes.wanted(self._now())) != self._size:
                await self._change_size(wanted)
                try:
                    await self._pty.resize(wanted)
                except Exception as error:
                    logger.warning("Shell %s: resizing the PTY failed: %r", self.id, error)
        finally:
            self._resizing = False
            self._resized.set()
        self._changed(self)

    async def _change_size(self, size: Size) -> None:
        """All screens change at one position, so that nobody sees another wrapping."""
        self._settling = True
        try:
            while self._screen.position < self._log.end:
                await self._screen.bring_up()
        finally:
            self._settling = False
            self._update_room()
        self._size = size
        self._screen.resize(size)
        self._size_log.add(self._log.end, size, self._sizes.by)
        self._trim()
        if self._recorder is not None:
            self._recorder.resized(size)
        for one in self._people.values():
            one.wake()

    # Telling.

    def _introduce(self, participant: Participant) -> None:
        """Tell a connection that has just come how things stand."""
        now = self._now()
        view = self._keyboard.view(participant.id, now)
        people = self._list_people(now)
        since = self._recorder.since if self._recorder else None

        def tell(sink: Sink) -> None:
            sink.keyboard(view)
            sink.people(people)
            if since is not None:
                sink.recording(since)

        participant.tell(tell)

    def _list_people(self, now: float) -> tuple[Person, ...]:
        return tuple(
            Person(one.id, one.name, one.role, one.kind, one.info(now, TYPING_SECONDS).typing)
            for one in self._people.values()
            if one.is_attached
        )

    def _people_changed(self) -> None:
        if "people" not in self._timers:
            pause = self._people_at + PEOPLE_SECONDS - self._now()
            self._after("people", max(0.0, pause), self._tell_people)

    def _tell_people(self) -> None:
        now = self._people_at = self._now()
        people = self._list_people(now)
        if people != self._last_people:
            self._last_people = people
            for one in self._people.values():
                one.tell(lambda sink: sink.people(people))
            self._changed(self)
        if any(person.typing for person in people):
            self._after("people", PEOPLE_SECONDS, self._tell_people)

    def _tell_recording(self) -> None:
        since = self._recorder.since if self._recorder else None
        for one in self._people.values():
            one.tell(lambda sink: sink.recording(since))
        self._changed(self)

    # Ending.

    def _is_over(self, status: ExitStatus) -> None:
        if self._over:
            return
        self._status, self._over = status, True
        self._room.set()
        for one in tuple(self._people.values()):
            one.program_ended(status)
        self._on_ended(self, status)
        self._changed(self)
        if self._ending is None:
            self._ending = start(self._clean_up(), f"clean up shell {self.id}")

    async def _end(self, reason: str, code: EndCode) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        await self._close_pty()
        self._is_over(ExitStatus(None, reason, code))
        await self._clean_up()

    async def _close_pty(self) -> None:
        try:
            await self._pty.close()
        except Exception as error:
            logger.warning("Shell %s: closing the PTY failed: %r", self.id, error)

    async def _clean_up(self) -> None:
        await self._close_pty()
        for timer in self._timers.values():
            timer.cancel()
        await self.stop_recording()
        await self._turns.close()
        await self._tasks.close()
        self._resized.set()
        with contextlib.suppress(TimeoutError):
            # Who is behind gets the last screen, if it takes that.
            async with asyncio.timeout(LAST_SECONDS):
                for one in tuple(self._people.values()):
                    await one.finished()
        await self._rounds.close()
        await self._screen.close()

    # Time.

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _after(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        """Call it once, later; a second request of the same name replaces the first."""
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
        if self._over:
            return

        def due() -> None:
            self._timers.pop(name, None)
            call()

        self._timers[name] = asyncio.get_running_loop().call_later(max(0.0, seconds), due)
