"""What programs may do outside their terminal: nothing until it is allowed."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication

from gui.terminal.host import WindowHost


def test_the_clipboard_is_written_only_with_permission(qapp: object) -> None:
    clipboard = QGuiApplication.clipboard()
    clipboard.setText("before")
    host = WindowHost(lambda *_: None)
    host.clipboard_write("c", "text")
    assert clipboard.text() == "before"
    host.allow(clipboard=True, notes=False)
    host.clipboard_write("c", "text")
    assert clipboard.text() == "text"
    assert host.clipboard_read("c") is None


def test_notes_are_passed_on_only_with_permission() -> None:
    notes: list[tuple[str, str]] = []
    host = WindowHost(lambda title, text: notes.append((title, text)))
    host.notify("make", "done")
    assert notes == []
    host.allow(clipboard=False, notes=True)
    host.notify("make", "done")
    assert notes == [("make", "done")]


def test_pixels_are_the_screens() -> None:
    host = WindowHost(lambda *_: None)
    host.shown((9.0, 18.4), 1.25, dark=False)
    assert tuple(host.cell) == (11, 23)
    assert not host.dark


def test_a_window_that_is_not_in_use_writes_no_clipboard(qapp: object) -> None:
    clipboard = QGuiApplication.clipboard()
    clipboard.setText("before")
    in_use = False
    host = WindowHost(lambda *_: None, in_use=lambda: in_use)
    host.allow(clipboard=True, notes=False)
    host.clipboard_write("c", "text")
    assert clipboard.text() == "before"
    in_use = True
    host.clipboard_write("c", "text")
    assert clipboard.text() == "text"
