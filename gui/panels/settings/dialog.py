"""The settings dialog: appearance of terminals with a live preview, and behavior.

The window applies and saves the settings when ``chosen`` is emitted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.core.settings import (
    MAX_FONT_POINTS,
    MIN_FONT_POINTS,
    RecordingSettings,
    SessionSettings,
    UiSettings,
)
from engine.emulator import CursorShape
from gui.kit.widgets import named_label
from gui.terminal.paint import themes
from gui.terminal.paint.grid import families
from gui.terminal.widget import TerminalWidget

if TYPE_CHECKING:
    from gui.terminal.paint.theme import Theme

SIZE = QSize(720, 560)
SWATCH = QSize(72, 16)
MAX_TIMEOUT = 7 * 24 * 3600
TIMEOUT_TIP = "Time without input or output. 0 means never. Your own terminals stay open."
GRACE_TIP = (
    "How long a guest’s terminal keeps running after everyone has left it. Whoever comes back in "
    "time finds it as it was. 0 means that it never ends by itself."
)
RECORDING_TEXT = "Record every new terminal"
RECORDING_NOTE = (
    "Recordings hold everything a terminal prints, and stay on this computer. Guests see that "
    "they are recorded if their program can show it. You can also record a single terminal: "
    "right-click it in the list of terminals."
)
MINUTE = 60.0
CONTRASTS = (
    (1.0, "Unchanged"),
    (3.0, "At least 3:1"),
    (4.5, "At least 4.5:1"),
    (7.0, "At least 7:1"),
)
"""Minimum contrast of text (WCAG) and its labels."""
SHAPES = (("block", "Block"), ("bar", "Bar"), ("underline", "Underline"))
SWITCHES = (
    ("visual_bell", "Flash on bell"),
    ("paste_warning", "Ask before pasting multiple lines into a shell"),
    ("copy_on_select", "Copy selected text automatically"),
    ("clipboard_write", "Programs can write to the clipboard"),
    ("notifications", "Programs can show messages in the window"),
    ("confirm_close", "Ask before closing the window or quitting while terminals run"),
)
"""Settings that are on or off, and their labels."""
SAMPLE = (
    "\x1b[1;36m~/src\x1b[0m \x1b[32m❯\x1b[0m ls\r\n"
    "\x1b[1;34mdocs\x1b[0m  \x1b[1;34msrc\x1b[0m  \x1b[32mbuild.sh\x1b[0m  \x1b[33mnotes.md\x1b[0m"
    "  \x1b[31merrors.log\x1b[0m  \x1b[36mlatest\x1b[0m\r\n"
    "\x1b[1;36m~/src\x1b[0m \x1b[32m❯\x1b[0m git diff\r\n"
    "\x1b[31m-  print(\x1b[33m'hello'\x1b[31m)\x1b[0m\r\n"
    "\x1b[32m+  print(\x1b[33m'hello, \x1b[4mworld\x1b[24m'\x1b[32m)\x1b[0m"
    "   \x1b[3;90m# italic, 0O 1lI |!\x1b[0m\r\n"
    "\x1b[31m███\x1b[32m███\x1b[33m███\x1b[34m███\x1b[35m███\x1b[36m███\x1b[37m███\x1b[90m███\x1b[0m"
    " ┌──┬──┐ 日本 😀\r\n"
    "\x1b[91m███\x1b[92m███\x1b[93m███\x1b[94m███\x1b[95m███\x1b[96m███\x1b[97m███\x1b[30m███\x1b[0m"
    " └──┴──┘ éñß\r\n"
    "\x1b[1;36m~/src\x1b[0m \x1b[32m❯\x1b[0m "
)


def make_preview() -> TerminalWidget:
    """A terminal with sample text that takes no input."""
    preview = TerminalWidget(scrollback=0)
    preview.show_only()
    preview.setAccessibleName("Preview")
    preview.feed(SAMPLE.encode())
    return preview


@dataclass(frozen=True, slots=True)
class Hosting:
    """The settings of guests' terminals that the dialog shows. Times in seconds; 0: never."""

    timeout: float = SessionSettings().timeout
    grace: float = SessionSettings().grace
    recording: bool = RecordingSettings().enabled


class SettingsDialog(QDialog):
    """``chosen`` carries the settings on Apply and OK. The caller opens it; it deletes itself.

    Only what was changed in a control is changed: a control may be too coarse for a value that
    stands in the settings file.
    """

    chosen = Signal(object)
    hostingChosen = Signal(object)
    """The Hosting, when it was changed."""

    def __init__(
        self,
        ui: UiSettings,
        hosting: Hosting = Hosting(),
        *,
        dark: bool,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Settings")
        self.resize(SIZE)
        self._ui = ui
        self._previews_dark = dark
        self.preview = make_preview()
        self.family = QComboBox()
        self.size_box = QDoubleSpinBox()
        self.dark_theme = self._theme_box(True)
        self.light_theme = self._theme_box(False)
        self.contrast = QComboBox()
        self.shape = QComboBox()
        self.blink = QCheckBox("Blink")
        self.scrollback = QSpinBox()
        self.word_signs = QLineEdit()
        self._hosting = self._applied_hosting = hosting
        self._shown: dict[str, Any] = {}
        self._shown_hosting: dict[str, Any] = {}
        """What the controls read when the settings were shown."""
        self.guest_timeout = QDoubleSpinBox()
        self.grace = QDoubleSpinBox()
        self.recording = QCheckBox(RECORDING_TEXT)
        self.switches = {name: QCheckBox(text) for name, text in SWITCHES}
        self._fill()
        tabs = QTabWidget()
        tabs.setAccessibleName("Settings")
        self.family.setAccessibleName("Font")
        self.size_box.setAccessibleName("Font size")
        self.shape.setAccessibleName("Cursor shape")
        tabs.addTab(self._appearance(), "Appearance")
        tabs.addTab(self._behavior(), "Behavior")
        tabs.addTab(self._guests(), "Guests")
        buttons = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(
            buttons.Ok | buttons.Cancel | buttons.Apply | buttons.RestoreDefaults
        )
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self.buttons.button(buttons.Apply).clicked.connect(self._choose)
        self.buttons.button(buttons.RestoreDefaults).clicked.connect(self._show_defaults)
        column = QVBoxLayout(self)
        column.addWidget(tabs, 1)
        column.addWidget(self.buttons)
        self.show_settings(ui)
        self._show_hosting(hosting)
        self._watch()

    # -- settings

    def settings(self) -> UiSettings:
        """Those that were shown, with what the user changed."""
        return msgspec.structs.replace(self._ui, **_changed(self._shown, self._read()))

    def hosting(self) -> Hosting:
        """Those of guests' terminals, with what the user changed."""
        changed = _changed(self._shown_hosting, asdict(self._read_hosting()))
        return replace(self._hosting, **changed)

    def _read(self) -> dict[str, Any]:
        """What the controls show, by setting."""
        return {
            "font_family": self.family.currentData(),
            "font_size": self.size_box.value(),
            "dark_theme": self.dark_theme.currentData(),
            "light_theme": self.light_theme.currentData(),
            "contrast": self.contrast.currentData(),
            "cursor_shape": self.shape.currentData(),
            "cursor_blink": self.blink.isChecked(),
            "scrollback": self.scrollback.value(),
            "word_signs": self.word_signs.text(),
            **{name: box.isChecked() for name, box in self.switches.items()},
        }

    def _read_hosting(self) -> Hosting:
        return Hosting(
            self.guest_timeout.value(), self.grace.value() * MINUTE, self.recording.isChecked()
        )

    def _show_hosting(self, hosting: Hosting) -> None:
        self.guest_timeout.setValue(_at_least_one(hosting.timeout))
        self.grace.setValue(_at_least_one(hosting.grace / MINUTE))
        self.recording.setChecked(hosting.recording)
        self._hosting, self._shown_hosting = hosting, asdict(self._read_hosting())

    def show_settings(self, ui: UiSettings) -> None:
        """Set all controls."""
        # What is not to be had stays selected until something else is chosen.
        _select(self.family, ui.font_family, f"{ui.font_family} (not installed)")
        self.size_box.setValue(ui.font_size)
        for box, name in ((self.dark_theme, ui.dark_theme), (self.light_theme, ui.light_theme)):
            _select(box, name, f"{name} (not available)")
        _select(self.contrast, ui.contrast, f"At least {ui.contrast:g}:1")
        self.shape.setCurrentIndex(self.shape.findData(ui.cursor_shape))
        self.blink.setChecked(ui.cursor_blink)
        self.scrollback.setValue(ui.scrollback)
        self.word_signs.setText(ui.word_signs)
        for name, check in self.switches.items():
            check.setChecked(getattr(ui, name))
        self._ui, self._shown = ui, self._read()
        self._show_preview()

    def _choose(self) -> None:
        self._ui, self._shown = self.settings(), self._read()
        self.chosen.emit(self._ui)
        hosting = self.hosting()
        if hosting != self._applied_hosting:
            self._applied_hosting = hosting
            self.hostingChosen.emit(hosting)
        self._hosting, self._shown_hosting = hosting, asdict(self._read_hosting())

    def _show_defaults(self) -> None:
        self.show_settings(UiSettings())
        self._show_hosting(Hosting())

    def _accept(self) -> None:
        self._choose()
        self.accept()

    # -- the preview

    def _watch(self) -> None:
        """Update the preview when a control of the appearance changes."""
        self.family.currentIndexChanged.connect(self._show_preview)
        self.size_box.valueChanged.connect(self._show_preview)
        self.contrast.currentIndexChanged.connect(self._show_preview)
        self.shape.currentIndexChanged.connect(self._show_preview)
        self.blink.toggled.connect(self._show_preview)
        self.dark_theme.currentIndexChanged.connect(lambda: self._preview_theme(dark=True))
        self.light_theme.currentIndexChanged.connect(lambda: self._preview_theme(dark=False))

    def _preview_theme(self, *, dark: bool) -> None:
        self._previews_dark = dark
        self._show_preview()

    def _show_preview(self) -> None:
        ui, preview = self.settings(), self.preview
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        if ui.font_family:
            font.setFamily(ui.font_family)
        font.setPointSizeF(ui.font_size)
        name = ui.dark_theme if self._previews_dark else ui.light_theme
        preview.set_font(font)
        preview.set_contrast(ui.contrast)
        preview.set_theme(themes.by_name(name) or themes.default(dark=self._previews_dark))
        preview.set_cursor_default(CursorShape(ui.cursor_shape), blink=ui.cursor_blink)

    # -- construction

    def _fill(self) -> None:
        default = QFontInfo(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)).family()
        self.family.addItem(f"System default ({default})", "")
        for family in families():
            self.family.addItem(family, family)
            self.family.setItemData(
                self.family.count() - 1, QFont(family), Qt.ItemDataRole.FontRole
            )
        self.size_box.setRange(MIN_FONT_POINTS, MAX_FONT_POINTS)
        self.size_box.setSingleStep(0.5)
        self.size_box.setDecimals(1)
        self.size_box.setSuffix(" pt")
        for value, text in CONTRASTS:
            self.contrast.addItem(text, value)
        for shape, text in SHAPES:
            self.shape.addItem(text, shape)
        self.scrollback.setRange(0, 1_000_000)
        self.scrollback.setSingleStep(1000)
        self.scrollback.setGroupSeparatorShown(True)
        self.scrollback.setSuffix(" lines")
        self.guest_timeout.setDecimals(0)
        self.guest_timeout.setRange(0, MAX_TIMEOUT)
        self.guest_timeout.setSingleStep(60)
        self.guest_timeout.setSuffix(" s")
        self.guest_timeout.setSpecialValueText("Never")
        self.guest_timeout.setToolTip(TIMEOUT_TIP)
        self.grace.setDecimals(0)
        self.grace.setRange(0, MAX_TIMEOUT / MINUTE)
        self.grace.setSingleStep(10)
        self.grace.setGroupSeparatorShown(True)
        self.grace.setSuffix(" min")
        self.grace.setSpecialValueText("Never")
        self.grace.setToolTip(GRACE_TIP)

    def _theme_box(self, dark: bool) -> QComboBox:
        """All themes, those of the same kind first."""
        box = QComboBox()
        box.setIconSize(SWATCH)
        for theme in sorted(themes.THEMES, key=lambda theme: theme.dark is not dark):
            box.addItem(swatch(theme), theme.name, theme.name)
        return box

    def _appearance(self) -> QWidget:
        form = self._form(
            ("Font", _row(self.family, self.size_box)),
            ("Dark theme", self.dark_theme),
            ("Light theme", self.light_theme),
            ("Text contrast", self.contrast),
            ("Cursor", _row(self.shape, self.blink)),
        )
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(14, 14, 14, 14)
        column.setSpacing(12)
        column.addLayout(form)
        column.addWidget(self._framed(self.preview), 1)
        return page

    def _framed(self, preview: QWidget) -> QWidget:
        """A frame, because a theme may have the same background as the dialog."""
        frame = QWidget()
        frame.setObjectName("panel")
        frame.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(preview)
        return frame

    def _behavior(self) -> QWidget:
        form = self._form(
            ("Scrollback of new terminals", self.scrollback),
            ("Additional word characters", self.word_signs),
        )
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(14, 14, 14, 14)
        column.setSpacing(10)
        column.addLayout(form)
        column.addSpacing(4)
        for check in self.switches.values():
            column.addWidget(check)
        note = named_label("muted", "Programs can never read the clipboard.")
        note.setWordWrap(True)
        column.addSpacing(4)
        column.addWidget(note)
        column.addStretch(1)
        return page

    def _guests(self) -> QWidget:
        form = self._form(
            ("Disconnect idle guests after", self.guest_timeout),
            ("End a terminal that everyone has left after", self.grace),
        )
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(14, 14, 14, 14)
        column.setSpacing(10)
        column.addLayout(form)
        for text in (GRACE_TIP, RECORDING_NOTE):
            note = named_label("muted", text)
            note.setWordWrap(True)
            if text is RECORDING_NOTE:
                column.addSpacing(8)
                column.addWidget(self.recording)
            column.addWidget(note)
        column.addStretch(1)
        return page

    def _form(self, *rows: tuple[str, QWidget]) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(9)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for text, widget in rows:
            widget.setAccessibleName(text)
            label = QLabel(text)
            label.setMinimumHeight(widget.sizeHint().height())
            label.setBuddy(widget)
            form.addRow(label, widget)
        return form


def _row(wide: QWidget, narrow: QWidget) -> QWidget:
    """Two controls of one setting side by side."""
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(10)
    row.addWidget(wide, 1)
    row.addWidget(narrow)
    return box


def swatch(theme: Theme) -> QIcon:
    """An icon with a theme's background, text color and six hues."""
    pixmap = QPixmap(SWATCH * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(QColor.fromRgb(theme.background))
    painter = QPainter(pixmap)
    colors = (theme.foreground, *theme.palette[1:7])
    step = SWATCH.width() // (len(colors) + 1)
    for at, rgb in enumerate(colors):
        painter.fillRect(step // 2 + at * step + 2, 4, step - 3, 8, QColor.fromRgb(rgb))
    painter.setPen(QColor.fromRgb(theme.palette[8]))
    painter.drawRect(0, 0, SWATCH.width() - 1, SWATCH.height() - 1)
    painter.end()
    return QIcon(pixmap)


def _changed(shown: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in now.items() if value != shown[name]}


def _select(box: QComboBox, value: object, words: str) -> None:
    """Select a value; one that is not offered is added in these ``words``."""
    at = box.findData(value)
    if at < 0:
        box.addItem(words, value)
        at = box.count() - 1
    box.setCurrentIndex(at)


def _at_least_one(number: float) -> int:
    """Rounded, but 0 only for 0, which means never."""
    return max(1, round(number)) if number else 0


def changes(old: UiSettings, new: UiSettings) -> dict[str, object]:
    """The changed settings by their dotted key in the settings file."""
    before, after = msgspec.structs.asdict(old), msgspec.structs.asdict(new)
    return {f"ui.{name}": value for name, value in after.items() if value != before[name]}
