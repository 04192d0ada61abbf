"""Terminal widgets at a given size, as the window would show them.

Owns making them. Does not own what is shown. Needs a QApplication.
"""

from __future__ import annotations

from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication

from gui.terminal.view.cells import PADDING
from gui.terminal.widget import TerminalWidget


def shown_widget(cols: int, rows: int) -> TerminalWidget:
    """One that is shown, has focus, and has room for so many cells."""
    widget = TerminalWidget()
    widget.set_font(QFont("DejaVu Sans Mono", 11))
    width, height = widget.cell_size
    bar = widget.verticalScrollBar().sizeHint().width()
    widget.resize(int(cols * width) + 2 * PADDING + bar + 2, int(rows * height) + 2 * PADDING + 2)
    widget.show()
    widget.setFocus()
    QApplication.processEvents()
    size = widget.terminal.cols, widget.terminal.rows
    if size != (cols, rows):
        raise RuntimeError(f"The widget has room for {size} cells in place of {(cols, rows)}")
    return widget
