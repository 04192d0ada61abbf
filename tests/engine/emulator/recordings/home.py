# ruff: noqa: E501
"""The made-up home folder that recorded programs are shown.

Owns its files: source, prose, CJK and emoji, scripts, a web page, a Git
repository, files of many kinds. The same every time. Does not own what is
done with them (programs.py).
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = '''\
"""A sample: words are counted, and the most frequent ones come first."""

from collections import Counter


class Words:
    """Counts words.\tA tab was here."""

    LIMIT = 0x1F  # how many are kept

    def __init__(self, text: str) -> None:
        self.counter = Counter(text.lower().split())

    def top(self, limit: int = LIMIT) -> list[tuple[str, int]]:
        if limit < 0:
            raise ValueError(f"no such limit: {limit!r}")
        return self.counter.most_common(limit)

    def __len__(self) -> int:
        return sum(self.counter.values())


def report(words: Words) -> str:
    lines = [f"{word:<20}{count:>6}" for word, count in words.top()]
    return "\\n".join(lines)


if __name__ == "__main__":
    print(report(Words(open("notes.txt").read())))
'''

NOTES = "".join(
    f"line {n:>3}: the terminal shows {'a much longer line than the others, which has to go on in the next row, ' if n % 7 == 0 else ''}"
    f"{('words', 'columns and rows', 'tabs	here', 'Größe, naïve, façade', '░▒▓█ ┌─┐ │ └─┘')[n % 5]}\n"
    for n in range(1, 121)
)

CJK = "".join(
    f"{n:>2} {text}\n"
    for n, text in enumerate(
        (
            "日本語のテキスト：端末は文字を表示します。",
            "中文文本：终端显示字符，宽字符占两列。",
            "한국어 텍스트: 터미널은 글자를 표시합니다.",
            "ｆｕｌｌｗｉｄｔｈ ＡＢＣ　１２３",
            "ﾊﾝｶｸｶﾀｶﾅ half width",
            "mixed 日本 and 中文 and 한글, 混ぜる",
            "長い行：" + "あいうえおかきくけこさしすせそ" * 6,
            "x" + "一二三四五六七八九十" * 9,
            "combining: é ñ ạ̈ o̊ ก็ नमस्ते",
            "Ελληνικά, русский, עברית, العربية",
        )
        * 3,
        1,
    )
)

EMOJI = "".join(
    f"{text}|\n"
    for text in (
        "plain 😀 😃 🚀 🎉 🐍",
        "skin 👍🏻 👍🏽 👍🏿 🙋🏾",
        "zwj 👨‍👩‍👧‍👦 👩‍💻 🏳️‍🌈 🧑🏽‍🚀",
        "flags 🇩🇪 🇯🇵 🇧🇷 🇺🇳",
        "vs16 ❤️ ☺️ ✈️ ⚠️ ☎️",
        "vs15 ❤︎ ☺︎ ⌚︎",
        "keycaps 1️⃣ #️⃣ *️⃣",
        "text ☺ ♥ ✈ ⚠ ✔ ★ → ∞",
        "wide bmp ⌚ ⏰ ☕ ⚡ ⛄ ✨ ❌ ⭐",
        "a😀b👍🏽c👩‍💻d🇩🇪e",
        "🟥🟧🟨🟩🟦🟪" * 12,
        "x" + "🎈" * 70,
        "tag 🏴󠁧󠁢󠁥󠁮󠁧󠁿 end",
    )
)

TPUT = """
tput clear; tput cup 2 5; echo home; tput smul; echo under; tput rmul; tput rev; echo reverse; tput sgr0
tput civis; tput cnorm; tput sc; tput cup 5 20; echo saved; tput rc; tput dim; echo dim; tput sgr0
tput smacs; echo lqqqk; echo x; echo mqqqj; tput rmacs; tput csr 3 8; tput cup 8 0; echo scrolls; echo on
tput csr 0 $(($(tput lines) - 1)); tput cup 9 0; tput il 2; tput cup 4 0; tput dl 1; tput cup 4 2; tput ich 3
tput dch 1; tput ech 4; tput cup 10 0; for c in 0 1 2 3 4 5 6 7 8 9 196 232; do tput setab $c; printf ' %s ' $c
done; tput op; echo; tput smso; echo standout; tput rmso; tput sitm; echo italic; tput ritm; tput el1; tput ed
tput hpa 4; echo x; tput vpa 7; tput cuu 2; tput cud1; tput cuf 3; tput cub 1; echo y; tput ri; tput ind; tput bel
tput rep x 5 2>/dev/null; tput cbt; echo t; tput hts; tput tbc; tput sgr0; echo done
"""

COLORS = r"""
for s in 0 1 2 3 4 5 7 8 9 21 53; do printf '\033[%sm sgr %s \033[0m' $s $s; done; echo
for s in 1 2 3 4 5; do printf '\033[4:%sm under %s \033[24m' $s $s; done; echo
printf '\033[4;58;5;196mcolored\033[59m line\033[0m \033[58:2::1:2:3m\033[4mtrue\033[0m\n'
i=0; while [ $i -lt 256 ]; do printf '\033[48;5;%sm\033[38;5;%sm%3s\033[0m' $i $((255 - i)) $i
i=$((i + 1)); [ $((i % 16)) -ne 0 ] || echo; done
i=0; while [ $i -lt 64 ]; do printf '\033[48;2;%s;%s;%sm \033[38:2::%s:0:9mx\033[0m' $((i * 4)) $((255 - i * 4)) 99 $i
i=$((i + 1)); done; echo
for c in 30 31 37 90 97; do for b in 40 44 47 100 107; do printf '\033[%s;%sm%s/%s\033[m ' $c $b $c $b; done; echo; done
printf '\033[44mto the end\033[K\033[0m\n\033[41m\033[2Kwhole\033[m\n'
"""

PROGRESS = r"""
printf 'Fetching\n'
for n in 0 10 20 30 40 50 60 70 80 90 100; do
printf '\r\033[K%3d%% [%-20s]' $n "$(printf '%*s' $((n / 5)) '' | tr ' ' '#')"; done; echo
printf 'a\nb\nc\n\033[3A'; for l in one two three; do printf '\r\033[2K%s done\n' $l; done
printf '\033[?25lspin '; for c in '|' / - '\\'; do printf '\b%s' "$c"; done; printf '\033[?25h\n'
printf '\033]0;a title\007\033]8;;https://example.org/\033\\a link\033]8;;\033\\ and on\n'
printf 'back\010\010\010\010BA\ttab\tstops\r\n\0331;\033[1;3Hmoved\033[u\n'
"""

DIALOGS = """
dialog --ok-label Go --form 'A form' 0 0 0 Name: 1 1 '' 1 10 20 30 Place: 2 1 'here' 2 10 20 30 2>/dev/null
dialog --checklist 'Several' 0 0 0 a Alpha on b Beta off c 語 off 2>/dev/null
(for n in 5 40 80 100; do echo $n; sleep 0.1; done) | dialog --gauge 'Working…' 7 40 0
dialog --calendar 'Which day?' 0 0 2 1 2026 2>/dev/null
dialog --textbox notes.txt 0 0 2>/dev/null
"""

WHIPTAILS = """
whiptail --checklist 'Several of these' 15 38 4 a Alpha on b Beta off c Gamma off 2>/dev/null
whiptail --inputbox 'Your name?' 9 36 Demo 2>/dev/null
(for n in 5 40 80 100; do echo $n; sleep 0.1; done) | whiptail --gauge 'Working' 7 36 0
whiptail --yesno 'Really?' 8 30
"""

PAGE = (
    "<html><head><title>A page</title></head><body><h1>Terminals</h1>"
    + "".join(
        f"<h2>Part {n}</h2><p>Some <b>bold</b>, <i>italic</i> and <a href='#{n}'>linked</a> words. "
        + "A paragraph that goes on for long enough to be filled and broken into lines. " * 3
        + "</p><ul><li>one<li>two 日本</ul><table border=1><tr><td>a<td>b<tr><td>c<td>d</table>"
        for n in range(1, 6)
    )
    + "</body></html>\n"
)

MANUAL = ".TH HATCHWAY 1\n.SH NAME\nhatchway \\- terminals, peer to peer\n" + "".join(
    f".SH PART {n}\n.TP\n\\fB\\-{n}\\fR, \\fB\\-\\-sort\\fR=\\fIWORD\\fR\nSort by WORD; "
    + "words go on for long enough to be filled and broken into lines. " * 4
    + "\n.PP\nSee \\fBls\\fR(1) \\(em or \\(lqanother\\(rq page.\n"
    for n in range(1, 9)
)

FILES = {
    "hatchway.1": MANUAL,
    "src/sample.py": SAMPLE,
    "src/other.c": '#include <stdio.h>\n\nint main(void)\n{\n\tputs("hello");\n\treturn 0;\n}\n',
    "notes.txt": NOTES,
    "cjk.txt": CJK,
    "emoji.txt": EMOJI,
    "tput.sh": TPUT,
    "colors.sh": COLORS,
    "progress.sh": PROGRESS,
    "dialogs.sh": DIALOGS,
    "whiptails.sh": WHIPTAILS,
    "page.html": PAGE,
    "mixed/archive.tar.gz": "not really",
    "mixed/picture.png": "not really",
    "mixed/sound.ogg": "not really",
    "mixed/日本語.txt": "名前\n",
    "mixed/with space.txt": "space\n",
    "mixed/deep/er/file.txt": "deep\n",
    "mixed/run.sh": "#!/bin/sh\necho run\n",
    # Settings that keep a program from showing the machine.
    ".config/btop/btop.conf": 'show_uptime=False\nshow_disks=False\nshown_boxes="cpu mem proc"\n'
    "show_battery=False\ncheck_temp=False\nshow_cpu_freq=False\nupdate_ms=500\n",
}
COMMITS = (
    ("Begin", "src/sample.py", SAMPLE),
    ("Say more in the notes", "notes.txt", NOTES.replace("shows", "displays")),
    ("fix: shorter names, and a line for 語", "src/sample.py", SAMPLE.replace("counter", "count")),
    (
        "fix the limit",
        "src/sample.py",
        SAMPLE.replace("0x1F", "0x0F").replace("words.top()", "words.top(9)"),
    ),
    ("Tell of terminals again", "notes.txt", NOTES),
)
DAY = "2026-01-0{}T12:00:00+0000"


def _git(folder: Path, day: int, *arguments: str) -> None:
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (
            ("NAME", "Demo"),
            ("EMAIL", "demo@example.org"),
            ("DATE", DAY.format(day)),
        )
    }
    alone = {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "HOME": str(folder),
    }
    subprocess.run(
        ["git", "-C", str(folder), *arguments],
        check=True,
        capture_output=True,
        env={"PATH": os.environ["PATH"], **who, **alone},
    )


def make_home(folder: Path) -> None:
    """Write it all into ``folder``, which must not exist."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "mixed/run.sh").chmod(0o755)
    (folder / "mixed/link").symlink_to("run.sh")
    (folder / "mixed/broken").symlink_to("nowhere")
    os.mkfifo(folder / "mixed/pipe")
    _git(folder, 1, "init", "-q", "-b", "main")
    for day, (message, name, text) in enumerate(COMMITS, 1):
        (folder / name).write_text(text, encoding="utf-8")
        _git(folder, day, "add", name)
        _git(folder, day, "commit", "-q", "-m", message)
        if day == 2:
            _git(folder, day, "tag", "v1")
    for path in sorted(folder.rglob("*")):
        os.utime(path, (1767225600, 1767225600), follow_symlinks=False)
