"""A PTY that is read and nothing else: the least time that ``cat`` takes on this machine.

    python -m benchmarks.pty_alone COLS ROWS LINE...

Prints, as JSON, the seconds that each line took in a shell, from being typed until all that it
prints was read. Owns no terminal: what is read is thrown away.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import sys
import termios
import time

BLOCK = 64 * 1024
TAIL = 512
"""Bytes kept while a mark is looked for: more than it and the prompt after it are long."""


def run(terminal: int, number: int, line: str) -> float:
    mark = b"END-%d" % number
    began = time.perf_counter()
    os.write(terminal, f" {line}; printf 'END-%s' {number}\r".encode())
    seen = b""
    while mark not in seen:
        seen = (seen + os.read(terminal, BLOCK))[-TAIL:]
    return time.perf_counter() - began


def main(cols: int, rows: int, lines: list[str]) -> None:
    child, terminal = pty.fork()
    if not child:
        os.execvp("/bin/bash", ["bash"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
    run(terminal, 0, ":")
    print(json.dumps([run(terminal, number, line) for number, line in enumerate(lines, 1)]))
    os.close(terminal)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
