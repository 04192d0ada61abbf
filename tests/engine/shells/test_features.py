"""What a shell's program is told of features and colors: what all who control the shell have.

Joins shell, participants, emulators, screen and answers.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.control.shell import AttachedShell
from engine.core.model import ParticipantKind, Role, Size
from engine.emulator import FEATURES
from engine.shells.participant import Participant
from engine.wire.terminal import Theme
from tests.engine.shells.people import CAPABILITIES, Eyes, Room, until
from tests.engine.shells.virtual_time import run

PAGE = ("sync", "graphemes", "osc52")
"""What xterm.js can do in our page."""
ALL = b"\x1b[?65;1;2;4;6;9;15;16;17;18;21;22;28;29c"
PLAIN = b"\x1b[?65;1;2;6;9;15;16;17;18;22;29c"
"""DA1 without sixel, margins and rectangles."""
DARK = Theme("#ffffff", "#000000", "#ffffff", ("#101010",) * 16)
LIGHT = Theme("#000000", "#ffffff", "#000000", ("#e0e0e0",) * 16)


class Asked(Room):
    """A room whose program asks."""

    def guest(
        self,
        who: str,
        features: Iterable[str],
        *,
        role: Role = Role.CONTROL,
        theme: Theme | None = None,
    ) -> tuple[Participant, Eyes]:
        one = self.shell.join(ParticipantKind.GUEST, role, who=who, name=who)
        one.describe(capabilities=CAPABILITIES, features=tuple(features), theme=theme)
        eyes = Eyes()
        self.look(one, eyes, 0 if self.shell.end == 0 else None)
        return one, eyes

    def tab(self, role: Role = Role.CONTROL) -> AttachedShell:
        """One of the window's, which paints the shell's own screen."""
        return AttachedShell(
            self.shell,
            role=role,
            kind=ParticipantKind.HOST,
            name="host",
            size=Size(80, 24),
            output=None,
            ended=lambda reason, exit_code: None,
            refused=lambda reason: None,
        )

    async def answer(self, question: bytes = b"\x1b[c") -> bytes:
        """What the program gets; the answer to a second question shows that it was all."""
        before = len(self.program.typed)
        self.program.print(question + b"\x1b[5n")
        await until(lambda: self.program.typed[before:].endswith(b"\x1b[0n"))
        return self.program.typed[before:].removesuffix(b"\x1b[0n")

    async def background(self) -> bytes:
        return (await self.answer(b"\x1b]11;?\x07")).removeprefix(b"\x1b]11;rgb:")[:4]


def test_what_a_page_lacks_is_not_reported_also_after_it_left() -> None:
    async def scene() -> None:
        room = Asked()
        page, _ = room.guest("page", PAGE)
        assert await room.answer() == PLAIN
        assert await room.answer(b"\x1b[?69$p\x1b[?2026$p") == b"\x1b[?69;0$y\x1b[?2026;2$y"
        assert await room.answer(b"\x1b[?u") == b""
        page.detach(lost=True)
        assert await room.answer() == PLAIN
        await page.leave("Left", closed=False)
        assert await room.answer() == PLAIN
        await room.close()

    run(scene())


def test_a_tab_of_the_host_has_all_and_takes_away_nothing() -> None:
    async def scene() -> None:
        room = Asked()
        tab = room.tab()
        assert await room.answer() == ALL
        assert await room.answer(b"\x1b[?u") == b"\x1b[?0u"
        page, _ = room.guest("page", PAGE)
        assert await room.answer() == PLAIN
        await page.leave("Left", closed=False)
        assert await room.answer() == ALL
        page, _ = room.guest("page", PAGE)
        tab.detach()
        await until(lambda: len(room.shell.participants) == 1)
        assert await room.answer() == PLAIN
        await page.leave("Left", closed=False)
        # Nobody is there: who left last counts, until somebody comes.
        assert await room.answer() == PLAIN
        room.tab()
        assert await room.answer() == ALL
        await room.close()

    run(scene())


def test_several_have_in_common_what_all_of_them_have() -> None:
    async def scene() -> None:
        room = Asked()
        room.guest("ann", FEATURES - {"sixel"})
        room.guest("bob", FEATURES - {"margins"})
        assert await room.answer() == ALL.replace(b";4;", b";").replace(b";21;", b";")
        await room.close()

    run(scene())


def test_a_plain_guest_has_none() -> None:
    async def scene() -> None:
        room = Asked()
        room.tab()
        room.guest("old", ())
        assert await room.answer() == PLAIN
        assert await room.answer(b"\x1b[?2026$p\x1b[?2027$p") == b"\x1b[?2026;0$y\x1b[?2027;0$y"
        await room.close()

    run(scene())


def test_a_viewer_counts_from_when_it_may_type() -> None:
    async def scene() -> None:
        room = Asked()
        room.tab()
        room.guest("vic", PAGE, role=Role.VIEW)
        assert await room.answer() == ALL
        room.shell.grant_keyboard("vic")
        assert await room.answer() == PLAIN
        room.shell.open_keyboard()
        assert await room.answer() == ALL
        room.shell.set_role("vic", Role.CONTROL)
        assert await room.answer() == PLAIN
        await room.close()

    run(scene())


def test_who_comes_back_has_what_it_says_then() -> None:
    async def scene() -> None:
        room = Asked()
        page, eyes = room.guest("page", PAGE)
        page.detach(lost=True)
        page.describe(features=FEATURES)
        assert await room.answer() == PLAIN
        room.look(page, eyes, None)
        assert await room.answer() == ALL
        await room.close()

    run(scene())


def test_colors_are_those_of_the_holder_else_of_the_longest_attached_controller() -> None:
    async def scene() -> None:
        room = Asked()
        room.guest("vic", PAGE, role=Role.VIEW, theme=LIGHT)
        room.guest("old", ())
        ann, _ = room.guest("ann", PAGE, theme=DARK)
        bob, _ = room.guest("bob", PAGE, theme=LIGHT)
        assert await room.background() == b"0000"
        room.shell.grant_keyboard("bob")
        assert await room.background() == b"ffff"
        room.shell.open_keyboard()
        assert await room.background() == b"0000"
        await ann.leave("Left", closed=False)
        assert await room.background() == b"ffff"
        await bob.leave("Left", closed=False)
        # The one that is left has no theme: the last one that was known stays.
        assert await room.background() == b"ffff"
        await room.close()

    run(scene())


def test_a_tab_may_change_its_colors() -> None:
    async def scene() -> None:
        room = Asked()
        tab = room.tab()
        tab.set_theme(0xFFFFFF, 0x202020, 0xFFFFFF, (0,) * 16)
        assert await room.background() == b"2020"
        tab.set_theme(0xFFFFFF, 0x303030, 0xFFFFFF, (0,) * 16)
        assert await room.background() == b"3030"
        watch = room.tab(Role.VIEW)
        watch.set_theme(0xFFFFFF, 0x404040, 0xFFFFFF, (0,) * 16)
        assert await room.background() == b"3030"
        tab.detach()
        await until(lambda: len(room.shell.participants) == 1)
        tab.set_theme(0xFFFFFF, 0x505050, 0xFFFFFF, (0,) * 16)
        assert await room.background() == b"3030"
        await room.close()

    run(scene())
