"""Questions to the host in a tty: which one is shown, and which keys answer it. No I/O.

A question appears while somebody types for a program. So keys go on to the program until there
was none for QUIET_SECONDS; only then ``~`` and a letter answer. Any other key puts the question
off and goes to the program, too: no key is lost, and none meant for the program answers.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from engine.core.events import ApprovalRequested, KeyboardAsked
from engine.core.model import Role
from engine.core.text import shown

QUIET_SECONDS: Final = 1.0
MAX_NAME: Final = 40
"""Characters of a guest's name."""
MAX_QUESTIONS: Final = 256
"""Questions that may wait; further ones are not shown."""

_TILDE: Final = ord("~")
_REPORTS: Final = re.compile(
    rb"(?:\x1b\[(?:[IO]|M...|[<>?][0-9;:]*[\x20-\x2f]*[@-~]|[0-9;]+[Rcnt])"
    rb"|\x1b[P\]_][^\x07\x1b]*(?:\x07|\x1b\\))+",
    re.DOTALL,
)
"""What the terminal sends of itself: focus, mouse, answers to queries. Those are no keys."""


def after_a_key(data: bytes) -> bytes:
    """What follows the key that took lines of ours away: a character, or all that begins with an
    escape. A ``~`` does so, too, and begins a command."""
    if data[:1] == b"\x1b":
        return b""
    if data[:1] == b"~":
        return data
    return data[1:].lstrip(bytes(range(0x80, 0xC0)))


class Answer(enum.Enum):
    YES = "a"
    WATCH = "v"
    NO = "d"


@dataclass(frozen=True, slots=True)
class Question:
    """``id`` is the session of a guest who asks to join, or the participant who asks for the
    keyboard. ``lines`` are what is asked. ``role``: what YES allows; None for the keyboard."""

    id: str
    lines: tuple[str, ...]
    answers: tuple[tuple[Answer, str], ...]
    role: Role | None = None

    @classmethod
    def to_join(cls, event: ApprovalRequested) -> Question:
        guest, types = event.guest, event.role is Role.CONTROL
        name = shown(guest.label, MAX_NAME)
        where = f" from {shown(guest.address, MAX_NAME)}" if guest.address else ""
        what = "open" if types else "watch"
        answers = [(Answer.YES, "allow typing" if types else "allow")]
        if types:
            answers.append((Answer.WATCH, "allow watching"))
        return cls(
            event.session_id,
            (
                f"{name}{where} asks to {what} {shown(event.target, MAX_NAME)}.",
                f"Short code: {event.code}. Compare it with the guest's.",
            ),
            (*answers, (Answer.NO, "deny")),
            event.role,
        )

    @classmethod
    def for_keyboard(cls, event: KeyboardAsked) -> Question:
        name = shown(event.name, MAX_NAME) or "A guest"
        return cls(
            event.participant,
            (
                f"{name} asks for the keyboard.",
                "With it only they type, until you take it back (Enter ~k).",
            ),
            ((Answer.YES, "give it"), (Answer.NO, "refuse")),
        )


class Questions:
    """Those that wait, oldest first. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._waiting: dict[str, Question] = {}
        self._shown = False
        self._quiet_from = 0.0
        self._after_tilde = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def current(self) -> Question | None:
        """The one that is shown."""
        return next(iter(self._waiting.values()), None) if self._shown else None

    def add(self, question: Question, now: float) -> None:
        if len(self._waiting) < MAX_QUESTIONS:
            self._waiting[question.id] = question
            if not self._shown:
                self.show(now)

    def settle(self, question_id: str, now: float) -> None:
        """It needs no answer any more."""
        current = self.current
        if self._waiting.pop(question_id, None) is not None and current is not self.current:
            self.show(now)

    def show(self, now: float) -> None:
        """Show the first one, if there is any."""
        self._shown = bool(self._waiting)
        self._after_tilde = False
        self._quiet_from = now

    def put_off(self) -> None:
        self._shown = self._after_tilde = False

    def answers_from(self) -> float:
        """When keys begin to answer."""
        return self._quiet_from + QUIET_SECONDS

    def lines(self, now: float) -> list[str]:
        """What is shown; [] for nothing."""
        question = self.current
        if question is None:
            return []
        more = len(self._waiting) - 1
        lines = [*question.lines]
        if more:
            lines[0] += f" ({more} more)"
        if now < self.answers_from():
            lines.append("Keys go to the program until you pause.")
        else:
            keys = "   ".join(f"~{answer.value} {words}" for answer, words in question.answers)
            lines.append(f"{keys}   Other keys: later (Enter ~q)")
        return lines

    def read(self, data: bytes, now: float) -> Iterator[bytes | tuple[Question, Answer]]:
        """Bytes for the program, and answers. Call it while a question is shown."""
        question = self.current
        if question is None or _REPORTS.fullmatch(data):
            yield data
            return
        if now < self.answers_from():
            self._quiet_from = now
            yield data
            return
        at = 0
        if not self._after_tilde:
            self._after_tilde = data[:1] == b"~"
            at = 1
        if self._after_tilde and at < len(data):
            answers = {ord(answer.value): answer for answer, _ in question.answers}
            if (answer := answers.get(data[at])) is not None:
                self.settle(question.id, now)
                yield question, answer
                if rest := data[at + 1 :]:
                    yield rest
                return
            self.put_off()
            yield b"~" * (1 - at) + data
        elif not self._after_tilde:
            self.put_off()
            yield data
