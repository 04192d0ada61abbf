"""Light and dark colors, the palette and the style sheet made from them."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass
from string import Template
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette

import resources

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication


class Mode(enum.StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Tone(enum.StrEnum):
    """What a color means. Each is a field of Colors."""

    TEXT = "text"
    ON_ACCENT = "accent_text"
    """On a background of the accent's color, as on primary buttons."""
    MUTED = "muted"
    ACCENT = "accent"
    OK = "ok"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Colors:
    """``#rrggbb`` each. Text, muted and the tones keep 4.5:1 on window and base."""

    dark: bool
    window: str
    base: str
    raised: str
    hover: str
    border: str
    text: str
    muted: str
    accent: str
    accent_text: str
    selection: str
    ok: str
    warn: str
    error: str
    wait: str
    """Background of a strip that waits for an answer."""

    def tone(self, tone: Tone) -> QColor:
        return QColor(getattr(self, tone.value))


LIGHT = Colors(
    dark=False,
    window="#f3f5f6",
    base="#ffffff",
    raised="#fafbfb",
    hover="#e8edee",
    border="#d5dbde",
    text="#1c2428",
    muted="#5c6970",
    accent="#0b7468",
    accent_text="#ffffff",
    selection="#cfe9e4",
    ok="#1a7f45",
    warn="#8a5d00",
    error="#bb2d36",
    wait="#f8ebc4",
)
DARK = Colors(
    dark=True,
    window="#1b2126",
    base="#14191d",
    raised="#20272c",
    hover="#2a3238",
    border="#323c43",
    text="#e2e8eb",
    muted="#93a0a8",
    accent="#56c2b0",
    accent_text="#0d1d1b",
    selection="#234a47",
    ok="#63c48d",
    warn="#dcaa4b",
    error="#ee7a80",
    wait="#383222",
)

_SHEET = Template("""
QWidget { color: $text; }
QMainWindow, QDialog, QMessageBox { background: $window; }
QMessageBox QLabel#qt_msgbox_label { font-weight: 600; }
QMainWindow::separator { background: $window; width: 5px; height: 5px; }
QMainWindow::separator:hover { background: $accent; }
QToolTip { background: $raised; color: $text; border: 1px solid $border; padding: 5px 7px; }

QMenuBar { background: $window; padding: 2px 4px; border-bottom: 1px solid $border; }
QMenuBar::item { padding: 5px 9px; border-radius: 5px; background: transparent; }
QMenuBar::item:selected { background: $hover; }
QMenu { background: $raised; border: 1px solid $border; padding: 5px; }
QMenu::item { padding: 6px 26px 6px 12px; border-radius: 5px; }
QMenu::item:selected { background: $selection; }
QMenu::item:disabled { color: $muted; }
QMenu::icon { padding-left: 8px; }
QMenu::separator { height: 1px; background: $border; margin: 5px 8px; }

QDockWidget { titlebar-close-icon: none; titlebar-normal-icon: none; }
QWidget#panel { background: $base; border: 1px solid $border; border-radius: 7px; }
QWidget#panelHead { background: $raised; border-bottom: 1px solid $border;
    border-top-left-radius: 6px; border-top-right-radius: 6px; }
QLabel#dockTitle { font-weight: 600; color: $text; padding-left: 2px; }

QStatusBar { background: $window; border-top: 1px solid $border; }
QStatusBar::item { border: none; }
QStatusBar QLabel { color: $muted; }

QTabWidget::pane { border: 1px solid $border; border-radius: 7px; top: -1px; background: $base; }
QTabBar { qproperty-drawBase: 0; }
QTabBar::tab { background: transparent; color: $muted; padding: 6px 12px; margin-right: 2px;
    border: 1px solid transparent; border-bottom: none;
    border-top-left-radius: 7px; border-top-right-radius: 7px; }
QTabBar::tab:selected { background: $base; color: $text; border-color: $border; }
QTabBar::tab:hover:!selected { background: $hover; color: $text; }
QMainWindow > QTabBar::tab { padding: 5px 14px; margin: 0 -2px 2px 4px; }
QMainWindow > QTabBar::tab:selected { background: $selection; border-color: transparent;
    border-radius: 7px; }
QMainWindow > QTabBar::tab:hover:!selected { border-radius: 7px; }

QAbstractItemView { background: $base; border: none; outline: none;
    selection-background-color: $selection; selection-color: $text;
    alternate-background-color: $raised; }
QTreeView::item, QTableView::item { border: none; }
QTableView::item { padding: 0 5px; }
QTreeView#log::item { padding: 2px 5px; }
QTreeView#shells::item { padding: 4px 5px; }
QTreeView::item:hover, QListView::item:hover { background: $hover; }
QTreeView::item:selected, QTableView::item:selected, QListView::item:selected {
    background: $selection; color: $text; }
QHeaderView { background: $base; }
QHeaderView::section { background: $base; color: $muted; padding: 5px 8px; border: none;
    border-bottom: 1px solid $border; font-weight: 600; }
QHeaderView::section:hover { color: $text; }
QTableCornerButton::section { background: $base; border: none; }

QLineEdit, QComboBox, QAbstractSpinBox, QPlainTextEdit { background: $base;
    border: 1px solid $border; border-radius: 6px; padding: 4px 8px;
    selection-background-color: $selection; selection-color: $text; }
QLineEdit:focus, QComboBox:focus, QAbstractSpinBox:focus { border-color: $accent; }
QComboBox::drop-down { border: none; width: 24px; }
QComboBox::down-arrow { image: url("$chevron"); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: $raised; border: 1px solid $border; padding: 4px; }

QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { border: none; width: 18px;
    margin-right: 3px; }
QAbstractSpinBox::up-arrow { image: url("$up"); width: 10px; height: 10px; }
QAbstractSpinBox::down-arrow { image: url("$chevron"); width: 10px; height: 10px; }
QCheckBox { spacing: 9px; }
QCheckBox::indicator { width: 15px; height: 15px; border: 1px solid $muted; border-radius: 4px;
    background: $base; }
QCheckBox:disabled { color: $muted; }
QCheckBox::indicator:hover, QCheckBox::indicator:focus { border-color: $accent; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent;
    image: url("$check"); }

QPushButton { background: $raised; border: 1px solid $border; border-radius: 6px;
    padding: 5px 14px; min-height: 16px; }
QPushButton:hover { background: $hover; }
QPushButton:pressed { background: $selection; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $muted; background: $window; }
QPushButton[primary="true"], QPushButton:default { background: $accent; color: $accent_text;
    border-color: $accent; }
QPushButton[primary="true"] { font-weight: 600; }  /* Qt does not make room for it in :default */
QPushButton[primary="true"]:disabled { background: $hover; color: $muted; border-color: $border; }
QPushButton:default:disabled { background: $hover; color: $muted; border-color: $border; }
QPushButton[primary="true"]:focus { border-color: $text; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 6px;
    padding: 3px; }
QToolButton::menu-indicator { image: none; }
QToolButton:hover { background: $hover; }
QToolButton:checked { background: $selection; }
QToolButton:focus { border-color: $accent; }

QFrame#banner { border-radius: 7px; background: $raised; border: 1px solid $border; }
QFrame#banner[tone="error"] { border-left: 3px solid $error; }
QFrame#banner[tone="warn"] { border-left: 3px solid $warn; }
QFrame#banner[tone="ok"] { border-left: 3px solid $ok; }
QFrame#banner[tone="muted"], QFrame#banner[tone="accent"] { border-left: 3px solid $accent; }
QLabel#bannerTitle { font-weight: 600; }
QLabel#bannerText, QLabel#muted { color: $muted; }
QLabel#emptyTitle { font-weight: 600; }

QWidget#attention { background: $window; }
QFrame#strip { background: $raised; border: none; border-top: 1px solid $border; }
QFrame#strip[tone="warn"] { background: $wait; }
QFrame#strip[entered="true"] { border: 1px solid $accent; }
QFrame#pager { border: none; border-top: 1px solid $border; }
QFrame#strip QLabel, QFrame#pager QLabel { background: transparent; color: $text; }
QFrame#strip QLabel#muted { color: $muted; }
QFrame#strip QLabel#stripTitle { font-weight: 600; }
QFrame#strip QLabel#stripCode { font-family: monospace; font-weight: 600; }
QPushButton#stripButton { padding: 2px 12px; }
QPushButton#stripButton[danger="true"] { color: $error; }
QPushButton#stripButton:disabled { color: $muted; background: transparent; }
QFrame#terminalHeader { background: $raised; border: none; border-bottom: 1px solid $border; }
QFrame#terminalHeader[watching="true"] { border-left: 3px solid $accent; }
QFrame#terminalHeader QLabel#muted { color: $muted; }
QFrame#terminalHeader QLabel#stripTitle { font-weight: 600; }
QFrame#terminalHeader QLabel#recording { color: $error; font-weight: 600; }
QProgressBar { background: $hover; border: none; border-radius: 2px; max-height: 4px;
    min-height: 4px; }
QProgressBar::chunk { background: $accent; border-radius: 2px; }

QScrollBar:vertical { background: transparent; width: 11px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 11px; margin: 0; }
QScrollBar::handle { background: $border; border-radius: 3px; margin: 2px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
""")


def style_sheet(colors: Colors) -> str:
    # A style sheet requires slashes on every system.
    check = "check-dark" if colors.dark else "check-light"
    images = {
        name: resources.path(f"icons/{file}.svg").replace("\\", "/")
        for name, file in (("chevron", "chevron"), ("up", "chevron-up"), ("check", check))
    }
    return _SHEET.substitute(asdict(colors), **images)


def palette(colors: Colors) -> QPalette:
    """The palette for the Fusion style."""
    roles = QPalette.ColorRole
    result = QPalette(QColor(colors.window))
    for role, color in {
        roles.Window: colors.window,
        roles.WindowText: colors.text,
        roles.Base: colors.base,
        roles.AlternateBase: colors.raised,
        roles.ToolTipBase: colors.raised,
        roles.ToolTipText: colors.text,
        roles.PlaceholderText: colors.muted,
        roles.Text: colors.text,
        roles.Button: colors.raised,
        roles.ButtonText: colors.text,
        roles.BrightText: colors.error,
        roles.Link: colors.accent,
        roles.Highlight: colors.selection,
        roles.HighlightedText: colors.text,
        roles.Mid: colors.border,
        roles.Midlight: colors.hover,
        roles.Dark: colors.border,
    }.items():
        result.setColor(role, QColor(color))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(colors.muted))
    return result


class Theme(QObject):
    """The current theme. ``changed`` is emitted after it was applied to the application."""

    changed = Signal()

    def __init__(self, app: QApplication, mode: Mode = Mode.SYSTEM) -> None:
        super().__init__()
        self._app = app
        self._mode = mode
        self._colors: Colors | None = None
        app.setStyle("Fusion")
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_changed)
        self._apply()

    @property
    def mode(self) -> Mode:
        return self._mode

    @property
    def colors(self) -> Colors:
        return self._effective() if self._colors is None else self._colors

    def set_mode(self, mode: Mode) -> None:
        self._mode = mode
        self._apply()

    def close(self) -> None:
        """Stop following the system."""
        QGuiApplication.styleHints().colorSchemeChanged.disconnect(self._system_changed)

    def _system_changed(self) -> None:
        if self._mode is Mode.SYSTEM:
            self._apply()

    def _effective(self) -> Colors:
        if self._mode is Mode.SYSTEM:
            scheme = QGuiApplication.styleHints().colorScheme()
            return DARK if scheme is Qt.ColorScheme.Dark else LIGHT
        return DARK if self._mode is Mode.DARK else LIGHT

    def _apply(self) -> None:
        colors = self._effective()
        if colors is self._colors:
            return
        self._colors = colors
        self._app.setPalette(palette(colors))
        self._app.setStyleSheet(style_sheet(colors))
        self.changed.emit()
