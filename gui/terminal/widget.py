"""The terminal as a Qt widget: it joins the parts and passes Qt's events on to them.

What a part does is in its own module: what is on screen in ``view``, what the user does in
``interaction``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QHideEvent,
    QInputMethodEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QMenu, QWidget

from engine.emulator import CursorShape, Terminal
from engine.emulator.terminal import SCROLLBACK_LINES
from gui.terminal.host import WindowHost
from gui.terminal.input import paste
from gui.terminal.input.preedit import Preedit
from gui.terminal.input.shortcuts import is_bound
from gui.terminal.interaction.clipboard import Clipboard
from gui.terminal.interaction.ended_bar import EndedBar
from gui.terminal.interaction.find_bar import FindBar
from gui.terminal.interaction.hint import Hint
from gui.terminal.interaction.hover import Hover
from gui.terminal.interaction.keyboard import Keyboard
from gui.terminal.interaction.menu import Menu
from gui.terminal.interaction.places import Places
from gui.terminal.interaction.pointer import Pointer
from gui.terminal.paint.themes import default, for_palette
from gui.terminal.source import Viewed, Watch
from gui.terminal.text.find import Find
from gui.terminal.text.selection import Place, Selection
from gui.terminal.view.appearance import Appearance, ColorChanges
from gui.terminal.view.canvas import Canvas
from gui.terminal.view.cursor import Cursor
from gui.terminal.view.fit import Fit, Oversize
from gui.terminal.view.flash import Flash
from gui.terminal.view.output import Output
from gui.terminal.view.program import Program
from gui.terminal.view.rows import Rows
from gui.terminal.view.scrolling import Scrolling
from gui.terminal.view.sideways import Sideways

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QFont

    from engine.core.settings import UiSettings
    from gui.terminal.paint.theme import Theme
    from gui.terminal.source import ScreenSource

MAX_FIND = 200
"""Characters of a selection that the find bar begins with."""


class TerminalWidget(QAbstractScrollArea):
    """A whole terminal: what the user types comes out as ``typed``.

    Either it has its own terminal, whose output goes in by feed(), or it shows that of a shell in
    this process (show_source), which others may show at the same time.

    ``scrollback``: lines of history of its own, the emulator's number by default. ``zoom``: makes
    the font larger by so many points, 0 as it was set; by default only that of this widget.
    """

    typed = Signal(bytes)
    """For the program: keys, pastes, mouse reports; of its own terminal also the answers to the
    program's questions."""
    refused = Signal(str)
    """Somebody typed although it is read only: the reason."""
    resized = Signal(int, int)
    """Columns and rows that fit. The own terminal has this size, for a shell it is a request."""
    rendered = Signal(int)
    """So many more bytes of output have been dealt with."""
    lookChanged = Signal()
    """Theme, cell size or default cursor, which a shell is told: see ``theme``, ``cell_size``
    and ``cursor_default``."""
    titleChanged = Signal(str)
    bell = Signal()
    notified = Signal(str, str)
    """A program's note (OSC 9, 777): title, which may be "", and text."""

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        scrollback: int | None = None,
        zoom: Callable[[float], object] | None = None,
    ) -> None:
        super().__init__(parent)
        zoom = zoom or self.zoom
        self._set_up_area()
        viewport = self.viewport()
        self.host = WindowHost(self.notified.emit, refused=self._say)
        self._scrollback = SCROLLBACK_LINES if scrollback is None else scrollback
        self._own = Terminal(
            reply=self.typed.emit,
            scrollback=self._scrollback,
            host=self.host,
        )
        self._shared_host = WindowHost(self.notified.emit, in_use=self._is_used, refused=self._say)
        self._watch: Watch | None = None
        viewed = self._viewed = Viewed(self._own)
        self._program = Program(self._own, self.typed.emit)
        self._view_only = False
        self._own_theme = False
        self._cursor_default = (CursorShape.BLOCK, True)
        # What is on screen.
        self.appearance = Appearance(self.palette(), self.devicePixelRatioF())
        self.scrolling = Scrolling(viewed, self.verticalScrollBar())
        self.sideways = Sideways(viewed, self.appearance, self.horizontalScrollBar())
        self.selection = Selection(viewed)
        self.finder = Find(viewed, self)
        self.rows = Rows(viewed, self.scrolling, self.selection, self.finder)
        self.text_cursor = Cursor(viewed, self.scrolling, self.appearance, self._is_focused, self)
        self.flash = Flash(self)
        self.canvas = Canvas(
            viewed,
            self._program,
            self.appearance,
            self.rows,
            self.text_cursor,
            self.flash,
            viewport,
        )
        self.output = Output(viewed, self._own, self._show_frame, self)
        self.fit = Fit(viewed, self.appearance, viewport)
        # What the user does.
        places = Places(viewed, self.appearance, self.scrolling)
        self.clipboard = Clipboard(
            viewed, self._program, self.selection, self.appearance, self._type, self
        )
        self.hover = Hover(viewed, places, self.canvas.hover, viewport)
        self.pointer = Pointer(
            viewed,
            self._program,
            places,
            self.scrolling,
            self.sideways,
            self.selection,
            self.clipboard,
            self.hover,
            refresh=self.refresh,
            zoom=zoom,
            viewport=viewport,
        )
        self._keyboard = Keyboard(
            viewed,
            self._program,
            self.scrolling,
            type_in=self._type,
            zoom=zoom,
            is_bound=lambda event: is_bound(self, event),
            copy=self.clipboard.copy,
            paste=self.clipboard.paste_selected,
        )
        self._menu = Menu(
            viewed, self._program, self.selection, self.hover, self.fit, self._commands(), self
        )
        self.find_bar = FindBar(self.finder, viewport)
        self.ended_bar = EndedBar(viewport)
        self.hint = Hint(viewport)
        self._connect()
        self._theme_changed()

    def _set_up_area(self) -> None:
        viewport = self.viewport()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # A bar that comes and goes would resize the program's screen.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        # Styles draw a corner of their own where both bars meet.
        self.setCornerWidget(QWidget())
        viewport.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        viewport.setCursor(Qt.CursorShape.IBeamCursor)
        viewport.setMouseTracking(True)
        viewport.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled)
        self.setAttribute(Qt.WidgetAttribute.WA_KeyCompression, False)
        self.setAccessibleName("Terminal")

    def _commands(self) -> dict[str, Callable[[], object]]:
        """The menu's, by their names there."""
        return {
            "copy": self.clipboard.copy,
            "copy_html": self.clipboard.copy_html,
            "paste": self.clipboard.paste,
            "select_all": self.select_all,
            "find": self.open_find,
            "previous_prompt": lambda: self.scrolling.to_prompt(-1),
            "next_prompt": lambda: self.scrolling.to_prompt(1),
            "fit": self._change_oversize,
            "clear": self.clear_scrollback,
            "reset": self.reset,
        }

    def _connect(self) -> None:
        self.scrolling.moved.connect(self.canvas.refresh)
        self.sideways.moved.connect(self._moved_sideways)
        self.canvas.caretMoved.connect(self.updateMicroFocus)
        output, fit, bar = self.output, self.fit, self.find_bar
        output.titleChanged.connect(self.titleChanged)
        output.rang.connect(self.flash.start)
        output.rang.connect(self.bell)
        output.screenSwitched.connect(self.selection.clear)
        output.came.connect(self.finder.refresh)
        output.rendered.connect(self.rendered)
        fit.rewrapped.connect(self._rewrapped)
        fit.fitted.connect(self._fitted)
        fit.resized.connect(self.resized)
        self.finder.changed.connect(output.schedule)
        bar.stepped.connect(self.step_match)
        bar.settled.connect(self._show_first_match)
        bar.closed.connect(self._find_closed)

    # -- settings

    def apply(self, ui: UiSettings) -> None:
        """The user's settings, but for font and theme, which the window chooses."""
        self.set_contrast(ui.contrast)
        self.set_cursor_default(CursorShape(ui.cursor_shape), blink=ui.cursor_blink)
        self.flash.enable(ui.visual_bell)
        self.selection.set_word_signs(ui.word_signs)
        self.clipboard.set_habits(warns=ui.paste_warning, copies_on_select=ui.copy_on_select)
        for host in (self.host, self._shared_host):
            host.allow(clipboard=ui.clipboard_write, notes=ui.notifications)

    def set_cursor_default(self, shape: CursorShape, *, blink: bool) -> None:
        """The cursor of its own terminal until a program chooses another."""
        self._cursor_default = (shape, blink)
        self._own.set_cursor_default(shape, blink=blink)
        self.refresh()
        self.lookChanged.emit()

    @property
    def cursor_default(self) -> tuple[CursorShape, bool]:
        """Shape, and whether it blinks, of the cursor until a program chooses another."""
        return self._cursor_default

    def show_only(self) -> None:
        """Take no keys and no mouse; the cursor looks as if the terminal had focus."""
        self._view_only = True
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._place_bars()

    @property
    def read_only(self) -> str:
        """Why one may not type here; "" where one may."""
        return self._program.refusal

    def set_read_only(self, reason: str) -> None:
        """Pass nothing on to the program, for a ``reason`` that whoever types is shown; "": pass
        it on again. Scrolling, selecting, copying and finding work as ever."""
        self._program.refuse(reason)
        self.hint.dismiss()
        self._focus_changed()

    # -- what is shown

    @property
    def scrollback(self) -> int:
        """Lines of history of its own terminal."""
        return self._scrollback

    @property
    def terminal(self) -> Terminal:
        """What is shown. That of a shell must not be changed from here."""
        return self._viewed.terminal

    @property
    def source(self) -> ScreenSource | None:
        return None if self._watch is None else self._watch.source

    def show_source(self, source: ScreenSource | None) -> None:
        """Show the screen of a shell in this process; None: the widget's own terminal again.

        Scroll position, selection, search, font and theme are this widget's. The shell decides
        its size; ``resized`` reports the one that would fit.
        """
        if source is self.source:
            return
        if self._watch is not None:
            self._watch.end()
            self._watch = None
        self._viewed.show(None if source is None else source.terminal)
        if source is not None:
            self._watch = Watch(source, self.output.changed, self._shared_host)
            # The source must not call what Qt has deleted.
            self.destroyed.connect(self._watch.end)
        self._place_bars()
        self._look()
        self.scrolling.restart()
        self.sideways.restart()
        self._rewrapped()
        self.output.restart()
        if self.isVisible():
            self.fit.now()
            self._show_frame()

    @property
    def oversize(self) -> Oversize:
        return self.fit.oversize

    def set_oversize(self, oversize: Oversize) -> None:
        """How a shell's terminal is shown that is larger than this widget."""
        self.fit.set_oversize(oversize)

    def _change_oversize(self) -> None:
        fits = self.oversize is Oversize.FIT
        self.set_oversize(Oversize.SCROLL if fits else Oversize.FIT)

    def set_frame_interval(self, milliseconds: int) -> None:
        """The least time between two frames; for many small terminals beside each other."""
        self.output.set_interval(milliseconds)

    def _look(self) -> None:
        """Let the shell report its changes while this is in view; else poll for title and bells."""
        looking = self.isVisible()
        if self._watch is not None:
            self._watch.look(looking)
        self.output.poll(self._watch is not None and not looking)

    def _needs_frames(self) -> bool:
        return self._viewed.is_own or self.isVisible()

    def _place_bars(self) -> None:
        """One at the bottom is only for a shell's terminal, where it is too wide."""
        policy = Qt.ScrollBarPolicy
        needed = self._watch is not None and not self._view_only
        self.setHorizontalScrollBarPolicy(
            policy.ScrollBarAsNeeded if needed else policy.ScrollBarAlwaysOff
        )

    def _moved_sideways(self) -> None:
        self.canvas.refresh()
        self.canvas.update_all()

    # -- theme and font

    @property
    def theme(self) -> Theme:
        """The theme as the user chose it."""
        return self.appearance.theme

    @property
    def cell_size(self) -> tuple[float, float]:
        """Width and height of a cell in logical pixels, in the font that was set."""
        return self.appearance.chosen.width, self.appearance.chosen.height

    def set_theme(self, theme: Theme | None = None, *, dark: bool | None = None) -> None:
        """A theme, or a built-in one by ``dark``; neither: match the window's palette."""
        self._own_theme = theme is not None or dark is not None
        if theme is None:
            theme = for_palette(self.palette()) if dark is None else default(dark=dark)
        self.appearance.set_theme(theme)
        self._theme_changed()

    def set_contrast(self, least: float) -> None:
        """The least contrast of text with its background, in every theme."""
        self.appearance.set_contrast(least)
        self._theme_changed()

    def set_font(self, font: QFont) -> None:
        """A font; one that is not monospaced is replaced by one that is."""
        self.appearance.set_font(font)
        self._font_changed()

    def zoom(self, points: float) -> None:
        """Make the font larger by ``points``; 0 brings back the size last set."""
        self.appearance.zoom(points)
        self._font_changed()

    def _font_changed(self) -> None:
        self._theme_changed()
        if self._viewed.is_own:
            self.fit.soon()
        elif self.isVisible():
            # Until then its rows would be painted in the font that was set.
            self.fit.now()

    def _theme_changed(self) -> None:
        """What lies over the grid and what programs are answered follow the theme."""
        theme = self.theme
        if self.appearance.set_ratio(self.devicePixelRatioF()):
            self.fit.soon()
        self.find_bar.set_theme(theme)
        self.ended_bar.set_theme(theme)
        self.hint.set_theme(theme)
        self._own.set_theme(theme.foreground, theme.background, theme.cursor, theme.palette)
        self.host.shown(self.cell_size, self.devicePixelRatioF(), dark=theme.dark)
        self.canvas.update_all()
        self.lookChanged.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and not self._own_theme:
            self.appearance.set_theme(for_palette(self.palette()))
            self._theme_changed()

    # -- output, frames, end

    def feed(self, data: bytes) -> None:
        """Output for its own terminal, parsed soon in slices; ``rendered`` reports the progress."""
        self.output.feed(bytes(data))

    def _show_frame(self) -> None:
        if not self._needs_frames():
            return
        if self.fit.stale:
            self.fit.now()
        if self.appearance.set_changes(ColorChanges.of(self.terminal)):
            self.canvas.update_all()
        self.scrolling.sync()
        self.sideways.sync()
        self.rows.clear_changed_selection()
        self.refresh()

    def refresh(self) -> None:
        """Show what changed other than by output: selection, matches, settings."""
        self.canvas.refresh()
        self.canvas.sync_blink()

    @property
    def ended(self) -> bool:
        return self._program.ended

    def set_ended(
        self, text: str, action_label: str = "", action: Callable[[], object] | None = None
    ) -> None:
        """Dim the grid and say why in a bar; a button when there are a label and an action.

        Nothing is sent to the program any more, until clear().
        """
        self._program.end()
        self.ended_bar.present(text, action_label, action)
        self.canvas.sync_blink()
        self.canvas.update_all()

    def clear(self) -> None:
        """For another program: screen, history, modes and title of its own terminal as new."""
        self.output.drop()
        self._own.reset()
        self._own.clear_scrollback()
        self.selection.clear()
        focus = QApplication.focusWidget()
        if focus is not None and self.ended_bar.isAncestorOf(focus):
            # Hidden, the bar's button would pass focus to whatever widget comes next.
            self.setFocus(Qt.FocusReason.OtherFocusReason)
        self._program.revive()
        self.ended_bar.hide()
        self.canvas.sync_blink()
        self.canvas.update_all()
        self.output.schedule()

    def reset(self) -> None:
        """Screen and modes as new, after a program left a mess; history is kept.

        Of its own terminal: of a shell's own others see the same.
        """
        if self._viewed.is_own:
            self._own.reset()
            self.output.schedule()

    def clear_scrollback(self) -> None:
        """Of its own terminal."""
        if self._viewed.is_own:
            self._own.clear_scrollback()
            self.selection.clear()
            self.scrolling.to_bottom()
            self.output.schedule()

    # -- size

    def _rewrapped(self) -> None:
        self.selection.clear()
        self.rows.hover(None)
        self.finder.restart()

    def _fitted(self) -> None:
        if not self._needs_frames():
            return
        self.scrolling.sync()
        self.sideways.sync()
        self.canvas.refresh()
        self.canvas.update_all()

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._needs_frames():
            self.fit.soon()
        for bar in (self.ended_bar, self.find_bar, self.hint):
            if not bar.isHidden():
                bar.place()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._look()
        self.fit.now()
        self._show_frame()
        if self._watch is not None:
            # Whatever depends on output, as the search does, may have missed some.
            self.output.changed()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._look()

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        try:
            self.canvas.paint(painter, event.rect())
        finally:
            # A painter left open on a widget would crash the process.
            painter.end()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Rows are painted where they belong; pixels are not moved."""

    # -- selection and finding

    def selected_text(self) -> str:
        return self.selection.text()

    def select_all(self) -> None:
        self.selection.all()
        self.refresh()
        self.clipboard.selected()

    def open_find(self) -> None:
        """The find bar, beginning with the selection when that is a piece of a line."""
        text = self.selected_text()
        self.find_bar.open_bar(text if len(text) <= MAX_FIND and "\n" not in text else "")

    def step_match(self, by: int) -> None:
        """Show the next (1) or previous (-1) match."""
        match = self.finder.step(by, Place(self.scrolling.top + self._viewed.rows, 0))
        if match is not None:
            self.scrolling.reveal(match.start.line)
            self.sideways.reveal(match.start.column)
        self.refresh()

    def _show_first_match(self) -> None:
        """The search is done: the match nearest above the view's end."""
        if self.finder.current is None and self.finder.count:
            self.step_match(-1)

    def _find_closed(self) -> None:
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.refresh()

    # -- focus

    def take_focus(self) -> None:
        """Take focus where it was last: in the find bar or in the terminal."""
        (self.find_bar if self.find_bar.typed_into else self).setFocus(
            Qt.FocusReason.OtherFocusReason
        )

    def _is_focused(self) -> bool:
        """Whether the cursor shows that one may type here."""
        if self._view_only:
            return not self._program.ended
        return self._is_used()

    def _is_used(self) -> bool:
        """Whether somebody may be typing here, and does not only watch."""
        return self.hasFocus() and self._program.accepts

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._focus_changed()
        self.find_bar.left()
        self._report_focus(b"\x1b[I")

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._focus_changed()
        self._report_focus(b"\x1b[O")

    def _focus_changed(self) -> None:
        self.canvas.sync_blink()
        self.canvas.update_cursor()

    def _report_focus(self, report: bytes) -> None:
        if self.terminal.focus_reports:
            self._program.send(report)

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab is a key of the shell's."""
        return False

    # -- keys and input methods

    def _type(self, data: bytes) -> None:
        """Send what someone typed; the newest line comes into view."""
        if self._program.ended:
            return
        if self._program.refusal:
            self.hint.present(self._program.refusal)
            self.refused.emit(self._program.refusal)
            return
        self.scrolling.to_bottom()
        self.sideways.follow()
        self.selection.clear()
        self.text_cursor.show_steadily()
        self.refresh()
        self._program.send(data)

    def event(self, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._keyboard.claims(event)
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.hover.modifiers_changed(event.modifiers())
        if not self._keyboard.press(event):
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        self.hover.modifiers_changed(event.modifiers())
        if not self._keyboard.release(event):
            event.ignore()

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self.canvas.compose(Preedit() if not self._program.accepts else Preedit.of(event))
        if event.commitString():
            self._type(paste.clean(event.commitString()).encode("utf-8", "replace"))
        event.accept()

    def inputMethodQuery(self, query: Qt.InputMethodQuery) -> object:
        match query:
            case Qt.InputMethodQuery.ImEnabled:
                return self._program.accepts
            case Qt.InputMethodQuery.ImCursorRectangle:
                return QRectF(self.text_cursor.caret_rect).translated(self.viewport().pos())
            case Qt.InputMethodQuery.ImHints:
                hints = Qt.InputMethodHint
                return hints.ImhNoPredictiveText | hints.ImhNoAutoUppercase
        return super().inputMethodQuery(query)

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.pointer.press(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointer.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.pointer.release(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.pointer.wheel(event)
        event.accept()

    def context_menu(self, position: QPoint | None = None) -> QMenu:
        """The menu for a position in the viewport. The caller opens it, it deletes itself."""
        return self._menu.at(position)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        if not by_key and self.pointer.is_for_program(event.modifiers()):
            return
        here = self.text_cursor.point if by_key else event.pos()
        self.context_menu(here).popup(self.viewport().mapToGlobal(here))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self._accept_copy(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self._accept_copy(event)

    def _say(self, text: str) -> None:
        self.hint.present(text)

    def _accept_copy(self, event: QDropEvent) -> None:
        """Whoever moves something here would delete it at its place."""
        if self.clipboard.takes(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.clipboard.drop(event.mimeData())
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
