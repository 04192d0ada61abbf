# ruff: noqa: E501
"""What is recorded: real programs, and the keys typed into each.

Owns the table. Does not own how a program is run and written down
(scripts/record_terminal.py). Adding a row and recording it is all it takes:
the tests find the recordings by their files.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Do(Enum):
    """A step that is no key."""

    RESIZE = auto()
    """Take the next of the recording's other sizes (SIZES)."""
    WAIT = auto()
    """Let it run for another while."""


SIZES: dict[tuple[int, int], tuple[tuple[int, int], ...]] = {
    (80, 24): ((132, 43), (62, 20), (80, 24)),
    (132, 43): ((80, 24), (150, 50), (100, 30)),
    (40, 12): ((80, 24), (40, 12), (57, 17)),
}
"""Columns and rows a recording begins with, and those its RESIZE steps go to."""

UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
APP_UP, APP_DOWN, APP_RIGHT, APP_LEFT = "\x1bOA", "\x1bOB", "\x1bOC", "\x1bOD"
PAGE_UP, PAGE_DOWN, HOME, END, DELETE = "\x1b[5~", "\x1b[6~", "\x1bOH", "\x1bOF", "\x1b[3~"
F1, F2, F3, F4, F5, F9, F10 = (
    "\x1bOP",
    "\x1bOQ",
    "\x1bOR",
    "\x1bOS",
    "\x1b[15~",
    "\x1b[20~",
    "\x1b[21~",
)
ESC, ENTER, TAB = "\x1b", "\r", "\t"
RESIZE, WAIT = Do.RESIZE, Do.WAIT
SHELL = "exec bash --norc --noprofile"
EXAMPLES = "/usr/libexec/ncurses-examples/"


@dataclass(frozen=True)
class Program:
    """``command`` is run by sh in the demo home folder; ``keys`` are typed one by one."""

    name: str
    command: str
    keys: tuple[str | Do, ...]
    longest: float = 1.0
    """Seconds a step may take; a program that never rests gets all of them."""
    sizes: tuple[tuple[int, int], ...] = tuple(SIZES)
    prompt: str = ""
    """What the output ends with when the next key may be typed; "" when it only has to rest."""


def shell(name: str, *lines: str | Do) -> Program:
    """Lines typed at a shell's prompt; the screen is redrawn (^L) after a resize."""
    keys: list[str | Do] = []
    for line in lines:
        keys += [RESIZE, "\x0c"] if line is RESIZE else [line if line is WAIT else f"{line}\r"]
    return Program(name, SHELL, (*keys, "exit\r"), 8.0, prompt="$ ")


def demo(name: str, *keys: str | Do, longest: float = 0.6) -> Program:
    """One of the ncurses examples."""
    title = f"ncurses-{name}".replace("_", "-")
    return Program(title, EXAMPLES + name, keys, longest, ((80, 24), (132, 43)))


# fmt: off
PROGRAMS: tuple[Program, ...] = (
    # Shells and what prints lines.
    Program(
        "bash-editing",
        SHELL,
        (
            "echo one two three\r",
            "x" * 130,
            "\x01",
            "echo ",
            "\x05",
            "\x17",
            "\r",
            UP + UP,
            LEFT * 5 + "MID",
            "\x15",
            "cat no\t",
            "\x15",
            "\x12two",
            "\x07",
            "printf 'no newline at the end'\r",
            RESIZE,
            "\x0c",
            "for i in 1 2 3; do echo $i 日本語 🎉; done\r",
            UP + "\x01" + RIGHT * 20 + "é" + "\x08",
            "\x03",
            "!!\r",
            RESIZE,
            "\x0c",
            "PS1='\\[\\e[1;32m\\]\\u@\\h\\[\\e[0m\\]:\\[\\e[34m\\]\\w\\[\\e[0m\\]\\n> '\r",
            "\x1b.",
            "\x03",
            "exit\r",
        ),
    ),
    shell("ls-color", "ls --color=always -la", "ls --color", RESIZE, "ls -C --color src", RESIZE,
          "ls -l --color --time-style=iso mixed", "ls --color -R | tail -n 30"),
    shell("tree", "tree -C", RESIZE, "tree -C -pug mixed", RESIZE, "tree --charset=utf-8 src"),
    shell("git-log", "git --no-pager log --color --graph --stat", RESIZE,
          "git --no-pager log --oneline --decorate --color", RESIZE,
          "git --no-pager show --color HEAD~1"),
    Program("git-diff", "git -c color.ui=always diff HEAD~3 | less -R",
            (" ", " ", "b", "/def\r", "n", RESIZE, "n", "N", RESIZE, "G", "g", "q")),
    Program("git-log-pager", "git log --graph --color --patch | less -RS",
            (" ", RIGHT, RIGHT, LEFT, RESIZE, "G", "?fix\r", RESIZE, "g", "q")),
    shell("apt", "apt list bash coreutils grep less sed tar vim 2>/dev/null", RESIZE,
          "apt show vim 2>/dev/null | grep -v http", "apt-get --version", RESIZE,
          "apt-get -s -o APT::Color=1 remove vim 2>&1 | head -n 20"),
    shell("emoji", "cat emoji.txt", RESIZE, "cat emoji.txt", RESIZE, "head -n 5 emoji.txt"),
    shell("cjk", "cat cjk.txt", RESIZE, "cat cjk.txt | head -n 12", RESIZE, "cat cjk.txt"),
    Program("less-cjk", "less cjk.txt", (" ", "b", "/語\r", "n", RESIZE, "G", RESIZE, "g", "q")),
    Program("vim-emoji", "vim -u NONE -N -c 'set ruler' emoji.txt",
            ("jjj", "lll", "x", "A 🎉日本\x1b", "o한국어 é\x1b", RESIZE, "dd", "p", "0", "Rüö語\x1b",
             RESIZE, "\x0c", ":q!\r")),
    shell("tput", "sh tput.sh", RESIZE, "sh tput.sh", RESIZE, "tput setaf 3; tput bold; echo x; "
          "tput sgr0", "tput cup 3 10; printf here; tput el; echo"),
    shell("figlet", "figlet -w $COLUMNS Hatchway", RESIZE, "figlet -f slant -c 'P2P terminals'",
          RESIZE, "figlet -k wide as can be"),
    shell("toilet", "toilet --gay Hatchway", "toilet -f term --filter border -- bordered", RESIZE,
          "toilet --metal -f future 'future é'", RESIZE, "toilet -F border --rainbow x"),
    shell("lolcat", "/usr/games/cowsay -f tux hello | /usr/games/lolcat -f -S 7", RESIZE,
          "ls -l | /usr/games/lolcat -f -S 3 -t", RESIZE, "/usr/games/cowsay moo"),
    shell("cal", "cal -3", "ncal -y 2026 | head -n 30", RESIZE, "cal -y 2026 | head -n 24", RESIZE),
    shell("bat", "batcat --paging=never --color=always --decorations=always src/sample.py", RESIZE,
          "batcat --paging=never --color=always --decorations=always --diff src/sample.py", RESIZE,
          "batcat --paging=never -p --color=always notes.txt | head -n 20"),
    shell("progress", "sh progress.sh", RESIZE, "sh progress.sh", RESIZE),
    shell("colors", "sh colors.sh", RESIZE, "sh colors.sh | head -n 12", RESIZE),
    # Pagers and manuals.
    Program("less", "less notes.txt",
            (" ", " ", "b", "d", "u", "/terminal\r", "n", "n", "&line 1\r", "&\r", RESIZE, " ",
             "-N\r", "-S\r", RIGHT, RESIZE, "50g", "G", "h", "q", "q")),
    Program("man", "man --no-hyphenation ./hatchway.1",
            (" ", " ", "/sort\r", "n", RESIZE, "g", "\x0c", RESIZE, "G", "q"), 2.0),
    Program("more", "more notes.txt", (" ", "\r", " ", RESIZE, " ", "q")),
    Program("lynx", "lynx -nocolor page.html", (DOWN, DOWN, " ", RESIZE, "\x0c", RESIZE, "\x0c", "qy")),
    Program("w3m", "w3m page.html", ("j", "j", " ", TAB, RESIZE, "\x0c", RESIZE, "\x0c", "qy")),
    # Editors.
    Program("vim", "vim -u NONE -N -c 'syntax on' -c 'set ruler hlsearch' src/sample.py",
            ("\x06", "\x06", "\x02", "/def\r", "n", "n", "ggO# a comment\x1b", "5jdd", "u", ":split\r",
             "\x17w", "10\x05", RESIZE, "Vjjj", ">", ":vsplit notes.txt\r", "\x04", RESIZE,
             ":set number list\r", "\x17=", ":%s/self/this/g\r", "\x16jjll", "d", ":help\r",
             RESIZE, ":qa!\r")),
    Program("vim-color",
            "vim -u NONE -N -c 'set tgc bg=dark cursorline number' -c 'syntax on' src/sample.py",
            ("jjj", "\x05\x05\x05", "\x06", RESIZE, "zz", ":set spell\r", RESIZE, "ggVG", ESC, "ZQ")),
    Program("neovim", "nvim --clean -c 'set number cursorline' src/sample.py",
            ("\x06", "jjj", "ohello world\x1b", ":vsplit\r", RESIZE, "/def\r", ":terminal\r",
             "iecho hi\r", "\x1c\x0e", RESIZE, ":qa!\r"), 1.5),
    Program("nano", "nano --ignorercfiles -lc notes.txt",
            ("hello nano", ENTER, DOWN * 3, "\x0b", "\x15\x15", "\x17line 30\r", PAGE_DOWN, RESIZE,
             PAGE_DOWN, "日本語", RESIZE, PAGE_UP, "\x07", PAGE_DOWN, "\x18", "\x18", "n")),
    Program("emacs", "emacs -nw -Q src/sample.py",
            ("\x0e\x0e\x0e", "\x16", "\x132self", "\x07", "\x182", RESIZE, "\x0c", "\x18o", "\x1bxcalendar\r",
             RESIZE, "\x0c", "\x18\x03n", "yes\r"), 2.0),
    Program("jed", "jed notes.txt", (DOWN * 3, "typed", PAGE_DOWN, RESIZE, "\x0c", RESIZE, "\x18\x03n")),
    Program("ne", "ne notes.txt", (DOWN * 3, "typed", PAGE_DOWN, ESC, RESIZE, RIGHT, ESC, RESIZE,
                                 "\x11", "y")),
    Program("joe", "joe notes.txt", (DOWN * 3, "typed", "\x0bh", PAGE_DOWN, RESIZE, RESIZE, "\x03", "y")),
    Program("micro", "micro src/sample.py",
            (DOWN * 3, "typed", PAGE_DOWN, RESIZE, "\x07", RESIZE, "\x07", "\x11", "n"), 1.5),
    Program("kakoune", "kak -n src/sample.py",
            ("jjj", "x", "%", "sdef\r", ESC, RESIZE, ":", ESC, RESIZE, ":q!\r"), 1.5),
    # System monitors and file managers.
    Program("htop", "htop -d 5", (WAIT, DOWN, DOWN, F5, RESIZE, WAIT, F2, DOWN, RIGHT, F10, "t", RESIZE,
                                  F9, ESC, "I", F1, "q", "q"), 1.0),
    Program("top", "top -d 0.5", (WAIT, "1", "z", "x", RESIZE, WAIT, "c", "V", RESIZE, "h", "q", "q"), 1.0),
    Program("btop", "btop -lc --utf-force 2>/dev/null || btop --utf-force",
            (WAIT, "1", "f", "x\r", RESIZE, WAIT, "h", ESC, RESIZE, "q"), 1.5),
    Program("watch", "watch -n 0.4 -d date +%S.%N", (WAIT, RESIZE, WAIT, RESIZE, "\x03")),
    Program("watch-color", "watch -c -n 0.5 'ls --color=always'", (WAIT, RESIZE, WAIT, RESIZE, "\x03")),
    Program("mc", "mc --nosubshell",
            (DOWN, DOWN, TAB, DOWN + ENTER, F1, ESC + ESC, F9, RIGHT, DOWN, ESC + ESC, RESIZE, "\x0c", F3,
             DOWN, F3, F4, "text", RESIZE, F10, RIGHT + ENTER, F10, ENTER), 1.0),
    Program("ranger", "ranger", (DOWN, DOWN, RIGHT, LEFT, "zh", RESIZE, DOWN, "i", "q", RESIZE, "q"), 1.5),
    Program("ncdu", "ncdu .", (DOWN, RIGHT, "i", "i", RESIZE, LEFT, "?", RESIZE, "q", "q")),
    Program("tig", "tig", (DOWN, ENTER, DOWN, RESIZE, "\x0c", "t", DOWN, RESIZE, "\x0c", "q", "q", "q")),
    Program("calcurse", "calcurse --datadir .", (TAB, "l", "j", RESIZE, "?", "q", RESIZE, "q", "y")),
    Program("fzf", "find . -not -path '*/.git/*' | sort | fzf --preview 'cat {}'",
            ("sam", UP, "\x15", "txt", RESIZE, UP, RESIZE, ESC)),
    Program("fzf-inline", "sort notes.txt | fzf --height=60% --border --info=inline",
            ("lin", UP, RESIZE, "\x15", "ter", RESIZE, ENTER)),
    Program("multitail", "multitail notes.txt cjk.txt", (WAIT, RESIZE, RESIZE, "q", "q")),
    # Terminals in the terminal.
    Program("tmux", "tmux -f /dev/null new-session 'bash --norc --noprofile'",
            ("ls --color\r", '\x02"', "cat emoji.txt\r", "\x02%", "less notes.txt\r", " ", RESIZE, "q",
             "\x02o", "vim -u NONE cjk.txt\r", "\x02z", RESIZE, "\x02z", "\x02c", "cat -n notes.txt\r",
             "\x02[", PAGE_UP, PAGE_UP, "q", "\x02w", "q", "\x02t", "\x02:kill-server\r")),
    Program("screen", "screen -c /dev/null bash --norc --noprofile",
            ("ls --color\r", "\x01S", "\x01\t", "\x01c", "cat -n notes.txt\r", RESIZE, "\x01\x1b",
             PAGE_UP, ESC, RESIZE, "\x01?", " ", "\x01\\y")),
    # Dialogues.
    Program("dialog-menu",
            "dialog --title Hatchway --menu 'Choose one of these:' 0 0 0 1 One 2 Two 3 三 4 Four",
            (DOWN, DOWN, TAB, RESIZE, "\x0c", RESIZE, "\x0c", ENTER)),
    Program("dialog-form", "sh dialogs.sh", ("x", DOWN, "name", TAB, ENTER, " ", RESIZE, "\x0c", ENTER, WAIT,
                                             ENTER, ENTER)),
    Program("whiptail", "sh whiptails.sh", (DOWN, " ", TAB, RESIZE, ENTER, "text", RESIZE, ENTER, WAIT, ENTER)),
    # Interpreters.
    Program("python", "/usr/bin/python3 -q",
            ("1 + 1\r", "for i in range(3):\r", "  print(i, '語' * i)\r", "\r", "'x' * 300\r", UP,
             "\x01\x06\x06Q", "\x03", "1 / 0\r", "import o\t\t", "\x15", RESIZE, "\x0c", "help(len)\r", "q",
             "print('\\033[7mreverse\\033[0m', '\\u2588' * 20)\r", RESIZE, "\x0c", "exit()\r")),
    Program("sqlite", "sqlite3",
            (".mode box\r", "select 1 as a, 'two' as b;\r", UP, "\r",
             "with recursive c(x) as (select 1 union all select x+1 from c limit 20) select * from c;\r",
             RESIZE, "\x0c", ".mode table\r", UP + UP + "\r", RESIZE, "\x0c", ".quit\r")),
    # Animation and games.
    Program("cmatrix", "cmatrix -u 8 -C blue", (WAIT, RESIZE, WAIT, RESIZE, "q"), 0.5),
    Program("sl", "/usr/games/sl", (WAIT, RESIZE, WAIT, WAIT), 1.5),
    Program("nethack", "/usr/games/nethack -D -u demo", ("y", " ", " ", "l", "j", "i", ESC, RESIZE, "\x12", "k",
                                                          RESIZE, "\x12", "#quit\r", "y", " ", " ", "q")),
    Program("tetris", "/usr/games/tetris-bsd", (WAIT, "j", "k", " ", RESIZE, " ", RESIZE, "q", ENTER), 0.6),
    Program("robots", "/usr/games/robots", ("l", "j", "t", "h", RESIZE, "\x0c", "k", RESIZE, "\x0c", "q", "y", "n")),
    Program("snake", "/usr/games/snake", ("l", "j", "h", RESIZE, "\x0c", "k", "x")),
    # A test of terminals themselves.
    Program("vttest-cursor", "vttest 80x24.80", ("1\r", "\r", "\r", "\r", "\r", "\r", "\r", "0\r")),
    Program("vttest-screen", "vttest 80x24.80", ("2\r", *["\r"] * 16, "0\r")),
    Program("vttest-charsets", "vttest 80x24.80", ("3\r", "8\r", "\r", "9\r", "\r", "10\r", "\r", "0\r", "0\r")),
    Program("vttest-sizes", "vttest 80x24.80", ("4\r", *["\r"] * 5, "0\r")),
    Program("vttest-vt102", "vttest 80x24.80", ("8\r", *["\r"] * 14, "0\r")),
    Program("vttest-color", "vttest 80x24.80", ("11\r", "6\r", "3\r", "\r", "4\r", "\r", "0\r", "0\r", "0\r")),
    # ncurses' own examples.
    demo("blue", "h", "h", RESIZE, "q"),
    demo("worm", WAIT, RESIZE, WAIT, "q"),
    demo("rain", WAIT, RESIZE, WAIT, "q"),
    demo("hanoi", WAIT, WAIT, WAIT, "q"),
    demo("knight", "l", " ", "a", WAIT, RESIZE, "\x0c", "q"),
    demo("firework", WAIT, RESIZE, WAIT, "q"),
    demo("gdc", WAIT, RESIZE, WAIT, "q"),
    demo("tclock", WAIT, RESIZE, WAIT, "q"),
    demo("xmas", WAIT, WAIT, WAIT, "q"),
    demo("lrtest", " ", RESIZE, "q"),
    demo("testcurs", "1", ENTER, DOWN, ENTER, ENTER, ENTER, RESIZE, "q"),
    demo("demo_panels", " ", " ", " ", "q"),
    demo("demo_menus", RIGHT, DOWN, DOWN, ENTER, RESIZE, "q"),
    demo("demo_forms", "text", TAB, "more", DOWN, RESIZE, "\x11"),
    demo("insdelln", "i", "d", "d", "w", "q", "q"),
    demo("inserts", "a", "b", "\t", "c", "\n", "\x1b"),
    demo("ins_wide", "あ", "b", "\t", "c", "\n", "\x1b"),
    demo("movewindow", "c", DOWN, RIGHT, " ", " ", "t", RESIZE, "q", "q"),
    demo("background", "b", "f", "c", "B", RESIZE, "q"),
    demo("dots_mvcur", WAIT, WAIT, "q"),
    demo("dots_termcap", WAIT, WAIT, "q"),
    demo("test_sgr", WAIT, "q"),
    demo("test_addwstr", "a", "語", "\t", "\n", "q", "\x1b"),
    demo("test_mouse", "\x1b[M !!", "\x1b[<0;5;5M", "q"),
    demo("bs", "y", " ", "\r", "a", "q"),
    demo("railroad", WAIT, WAIT, longest=1.5),
    demo("savescreen", "a", "b", " ", RESIZE, "q"),
)
