"""What programs may ask for beyond text: tables of sequences with their answers and screens."""

from __future__ import annotations

import pytest

from engine.emulator import Host, Hyperlink, Keyboard, MouseEncoding, Terminal

COLS, ROWS = 10, 4
ST = b"\x1b\\"

SCREENS: dict[str, tuple[bytes, list[str], tuple[int, int]]] = {
    "side margins wrap": (b"\x1b[?69h\x1b[3;6sabcdef\x1b[3Gxyz123", ["abxyz1", "  23"], (1, 4)),
    "IL between side margins": (
        b"\x1b[?69h\x1b[3;6s\x1b[1;3Habcd\x1b[1;3H\x1b[L",
        ["", "  abcd"],
        (0, 2),
    ),
    "DECERA": (b"1234567890\r\n1234567890\x1b[1;2;2;4$z", ["1   567890"] * 2, (1, 9)),
    "DECSEL spares what DECSCA protects": (b'ab\x1b[1"qcd\x1b["qef\x1b[?2K', ["  cd"], (0, 6)),
    "EL does not": (b'ab\x1b[1"qcd\x1b["qef\x1b[2K', [""], (0, 6)),
    "EL spares what SPA protects": (b"ab\x1bVcd\x1bWef\x1b[2K", ["  cd"], (0, 6)),
    "DECCRA": (
        b"abcd\r\nefgh\x1b[1;1;2;2;1;3;5;1$v",
        ["abcd", "efgh", "    ab", "    ef"],
        (1, 4),
    ),
    "DECFRA": (b"\x1b[88;1;2;3;4$x", [" XXX"] * 3, (0, 0)),
    "reverse wrap": (b"0123456789a\x08\x08\x1b[?45h\x08\x08X", ["01234567X9", "a"], (0, 9)),
    "SL": (b"abc\x1b[1;2H\x1b[ @", ["bc"], (0, 1)),
    "DECIC": (b"abc\x1b[1;2H\x1b[1'}", ["a bc"], (0, 1)),
    "DECDC": (b"abc\x1b[1;2H\x1b[1'~", ["ac"], (0, 1)),
    "single shift": (b"\x1b*0\x1bNqq", ["─q"], (0, 2)),
    "a sixel picture is no text": (b"\x1bPq#0;2;0;0;0#0~~@@vv\x1b\\ok", ["ok"], (0, 2)),
    "a kitty picture is swallowed": (b"\x1b_Ga=T;AAAA\x1b\\ok", ["ok"], (0, 2)),
    "CHT and CBT": (b"\x1b[3;1Hab\x1b[Ib\x1b[3Zc", ["", "", "cb      b"], (2, 1)),
    "CBT leaves a pending wrap pending": (b"123456789a\x1b[Zb", ["123456789a", "b"], (1, 1)),
    "but no other movement does": (b"123456789a\x1b[Z\x1b[Db", ["1234567b9a"], (0, 8)),
    "1047 clears when it leaves": (b"\x1b[?1047habc\x1b[?1047l!\x1b[?47h", ["   "], (0, 4)),
    "DECSTR keeps the text": (b"a\x1b[?7l\x1b[4h\x1b[!pb\rc", ["cb"], (0, 1)),
    "skin tone": ("👍🏽x".encode(), ["👍🏽x"], (0, 3)),
    "family": ("👨\u200d👩\u200d👧x".encode(), ["👨\u200d👩\u200d👧x"], (0, 3)),
    "flag": ("🇩🇪x".encode(), ["🇩🇪x"], (0, 3)),
    "VS16 makes it wide": ("❤\ufe0fx".encode(), ["❤\ufe0fx"], (0, 3)),
    "keycap": ("1\ufe0f\u20e3x".encode(), ["1\ufe0f\u20e3x"], (0, 3)),
    "no cluster across a moved cursor": ("👍\x1b[1;3H🏽".encode(), ["👍🏽"], (0, 4)),
    "CSI in eight bits": ("a\u009b3Cb".encode(), ["a   b"], (0, 5)),
    "IND, NEL and RI in eight bits": ("a\x84b\x85c\x8dd".encode(), ["a", " d", "c"], (1, 2)),
    "SS2 in eight bits": ("\x1b*0\x8eqq".encode(), ["─q"], (0, 2)),
    "strings in eight bits": (
        "\x90q#0~\x9c\x98x\x9c\x9ex\x9c\x9fx\x9c\x9d0;t\x9cok".encode(),
        ["ok"],
        (0, 2),
    ),
    "a lone byte is no control": (b"a\x9b3Cb", ["a\ufffd3Cb"], (0, 5)),
    "UTF-8 stays": ("\x1b%@ä\x1b%Gö\x1b%/Gü".encode(), ["äöü"], (0, 3)),
    "tabs are columns after wide characters": ("日\tx\r\n".encode() * 5, ["日      x"] * 3, (3, 0)),
}


@pytest.mark.parametrize("size", [0, 1, 3])
@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, size: int) -> None:
    data, rows, cursor = SCREENS[name]
    terminal = Terminal(COLS, ROWS)
    for start in range(0, len(data), size or len(data)):
        terminal.feed(data[start : start + (size or len(data))])
    assert terminal.text() == [row.rstrip() for row in rows] + [""] * (ROWS - len(rows))
    assert terminal.cursor() == cursor


ANSWERS = {
    b"\x1b[=c": b"\x1bP!|00000000\x1b\\",
    b"\x1b[>q": b"\x1bP>|Hatchway\x1b\\",
    b"\x1b[?15n": b"\x1b[?13n",
    b"\x1b[?996n": b"\x1b[?997;1n",
    b"\x1b[4h\x1b[4$p": b"\x1b[4;1$y",
    b"\x1b[?2027$p": b"\x1b[?2027;3$y",
    b"\x1b[?1049h\x1b[?1049$p": b"\x1b[?1049;1$y",
    b"\x1b[?1000h\x1b[?1000$p": b"\x1b[?1000;1$y",
    b"\x1b[1;4:3;48;2;1;2;3m\x1bP$qm" + ST: b"\x1bP1$r0;1;4:3;48;2;1;2;3m\x1b\\",
    b"\x1b[2;3r\x1bP$qr" + ST: b"\x1bP1$r2;3r\x1b\\",
    b"\x1b[4 q\x1bP$q q" + ST: b"\x1bP1$r4 q\x1b\\",
    b"\x1bP$qz" + ST: b"\x1bP0$r\x1b\\",
    b"\x1bP+q436f" + ST: b"\x1bP1+r436F=323536\x1b\\",
    b"\x1bP+q00" + ST: b"\x1bP0+r00\x1b\\",
    b"\x1b[14t\x1b[16t": b"\x1b[4;80;100t\x1b[6;20;10t",
    b"\x1b]4;1;#102030\x07\x1b]4;1;?\x07": b"\x1b]4;1;rgb:1010/2020/3030\x07",
    b"\x1b]4;1;#102030\x07\x1b]104;1\x07\x1b]4;1;?" + ST: b"\x1b]4;1;rgb:cdcd/0000/0000\x1b\\",
    b"\x1b]11;rgb:11/22/33\x07\x1b]11;?" + ST: b"\x1b]11;rgb:1111/2222/3333\x1b\\",
    b"\x1b]12;red\x07\x1b]112\x07\x1b]12;?" + ST: b"\x1b]12;rgb:ffff/ffff/ffff\x1b\\",
    b"\x1b[>5u\x1b[>1u\x1b[?u\x1b[<u\x1b[?u": b"\x1b[?1u\x1b[?5u",
    b"\x1b[=4u\x1b[=2;2u\x1b[?u\x1b[=4;3u\x1b[?u": b"\x1b[?6u\x1b[?2u",
    b"\x1b[>4;2m\x1b[?4m": b"\x1b[>4;2m",
    b"\x1b[?2048h": b"\x1b[48;4;10;80;100t",
    b"abc\x1b[7;1;1;1;1;3*y": b"\x1bP7!~FEDA\x1b\\",
    b"\x1b]52;c;?\x07": b"",
    "\u009b6n".encode(): b"\x1b[1;1R",
    b'\x1b G\x1b[6n\x1bP$q"p' + ST: b'\x1b[1;1R\x1bP1$r65;0"p\x1b\\',
    b'\x1b G\x1b F\x1bP$q"p' + ST: b'\x1bP1$r65;1"p\x1b\\',
}


@pytest.mark.parametrize("question", ANSWERS)
def test_answer(question: bytes) -> None:
    said: list[bytes] = []
    Terminal(COLS, ROWS, said.append).feed(question)
    assert b"".join(said) == ANSWERS[question]


class Open(Host):
    """A host that allows things, and keeps what it was told."""

    may_read_titles = True

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def notify(self, title: str, body: str) -> None:
        self.told.append(("notify", title, body))

    def clipboard_write(self, selection: str, text: str) -> None:
        self.told.append(("write", selection, text))

    def clipboard_read(self, selection: str) -> str | None:
        return "hi"

    def resize(self, rows: int, cols: int) -> None:
        self.told.append(("resize", rows, cols))

    def window(self, operation: int, first: int, second: int) -> None:
        self.told.append(("window", operation, first, second))


TOLD = {
    b"\x1b]9;done\x07": [("notify", "", "done")],
    b"\x1b]9;4;1;50\x07": [],
    b"\x1b]777;notify;A;b\x1b[c" + ST: [],
    b"\x1b]777;notify;A;b" + ST: [("notify", "A", "b")],
    b"\x1b]52;c;aGk=\x07": [("write", "c", "hi")],
    b"\x1b]52;x;aGk=\x07": [],
    b"\x1b[8;30;90t": [("resize", 30, 90)],
    b"\x1b[2t": [("window", 2, 0, 0)],
    b"\x1b[?3h\x1b[?40h\x1b[?3h": [("resize", ROWS, 132)],
}


@pytest.mark.parametrize("data", TOLD)
def test_the_host_is_told(data: bytes) -> None:
    host = Open()
    Terminal(COLS, ROWS, host=host).feed(data)
    assert host.told == TOLD[data]


def test_a_host_may_let_the_clipboard_and_titles_be_read() -> None:
    said: list[bytes] = []
    terminal = Terminal(COLS, ROWS, said.append, host=Open())
    terminal.feed(b"\x1b]2;t\x07\x1b[22t\x1b]2;u\x07\x1b[21t\x1b[23t\x1b[21t\x1b]52;c;?\x07")
    assert b"".join(said) == b"\x1b]lu\x1b\\\x1b]lt\x1b\\\x1b]52;c;aGk=\x07"


def test_links_are_numbers_in_styles() -> None:
    terminal = Terminal(COLS, ROWS)
    terminal.feed(b"\x1b]8;id=a;http://x/\x07ab\x1b]8;;\x07c\x1b]8;id=a;http://x/\x07d")
    first, none, again = terminal.line(0).runs
    assert terminal.hyperlink(first.style.link) == Hyperlink("http://x/", "a")
    assert none.style.link == 0
    assert again.style.link == first.style.link


def test_prompts_are_found_in_history_too() -> None:
    terminal = Terminal(COLS, 2)
    terminal.feed(b"\x1b]133;A\x07$ ls\r\na\r\nb\r\n\x1b]133;A\x07$ ")
    assert terminal.prompts() == [0, 3]
    assert terminal.line(0 - terminal.scrolled).prompt


def test_the_theme_is_told_and_changes_are_attributes() -> None:
    said: list[bytes] = []
    terminal = Terminal(COLS, ROWS, said.append)
    terminal.set_theme(0x111111, 0x222222, 0x333333, [0x444444] * 16)
    terminal.feed(b"\x1b]10;?\x07\x1b]4;3;?\x07\x1b]11;#abcdef\x07\x1b]4;200;#010203\x07")
    assert b"".join(said) == b"\x1b]10;rgb:1111/1111/1111\x07\x1b]4;3;rgb:4444/4444/4444\x07"
    assert (terminal.foreground, terminal.background) == (None, 0xABCDEF)
    assert dict(terminal.palette) == {200: 0x010203}


def test_modes_a_window_asks_for() -> None:
    terminal = Terminal(COLS, ROWS)
    terminal.feed(b"\x1b[?1016;1003;2026h\x1b[>3u\x1b[>4;1m\x1b[?67h\x1b]7;file://h/tmp\x07")
    assert terminal.mouse_encoding is MouseEncoding.SGR_PIXELS
    assert terminal.synchronized
    assert terminal.keyboard == Keyboard.DISAMBIGUATE | Keyboard.EVENT_TYPES
    assert terminal.modify_other_keys == 1
    assert terminal.backarrow_sends_backspace
    assert terminal.working_directory == "file://h/tmp"
    terminal.feed(b"\x1b[?1049h")
    assert terminal.keyboard == Keyboard(0)
    terminal.feed(b"\x1b[?1049l\x1b[?2026l")
    assert terminal.keyboard == Keyboard.DISAMBIGUATE | Keyboard.EVENT_TYPES
    assert not terminal.synchronized
