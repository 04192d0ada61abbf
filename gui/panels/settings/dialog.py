"""The settings dialog: how terminals look, tried live, and how they behave.

Owns the controls and the preview. Does not own keeping what was chosen (the
window does, when ``chosen`` comes) nor the settings' bounds (engine.core.settings).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

from engine.core.settings import SessionSettings, UiSettings
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
TIMEOUT_TIP = "Without input and output; 0 is never. Your own terminals stay open."
MIN_POINTS, MAX_POINTS = 6.0, 40.0
CONTRASTS = (
    (1.0, "As programs ask"),
    (3.0, "Readable"),
    (4.5, "Clear"),
    (7.0, "Strong"),
)
"""Least contrast of text (WCAG), in words."""
SHAPES = (("block", "Block"), ("bar", "Bar"), ("underline", "Underline"))
SWITCHES = (
    ("visual_bell", "Flash when the bell rings"),
    ("paste_warning", "Ask before pasting several lines into a shell"),
    ("copy_on_select", "Copy what is selected at once"),
    ("clipboard_write", "Programs may put text on the clipboard"),
    ("notifications", "Programs may show notes in the window"),
    ("confirm_close", "Ask before closing while sessions are live"),
)
"""Settings that are on or off, and their words."""
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
    """A terminal to look at, with some text in it."""
    preview = TerminalWidget(scrollback=0)
    preview.show_only()
    preview.setAccessibleName("Preview")
    preview.feed(SAMPLE.encode())
    return preview


class SettingsDialog(QDialog):
    """``chosen`` brings the settings of Apply and OK. The caller opens it; it deletes itself."""

    chosen = Signal(object)
    timeoutChosen = Signal(float)
    """Seconds without activity after which guests are disconnected; 0: never."""

    def __init__(
        self,
        ui: UiSettings,
        guest_timeout: float = SessionSettings().timeout,
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
        self.blink = QCheckBox("Blinks")
        self.scrollback = QSpinBox()
        self.word_signs = QLineEdit()
        self._guest_timeout = guest_timeout
        self.guest_timeout = QDoubleSpinBox()
        self.switches = {name: QCheckBox(text) for name, text in SWITCHES}
        self._fill()
        tabs = QTabWidget()
        tabs.addTab(self._appearance(), "Appearance")
        tabs.addTab(self._behaviour(), "Behaviour")
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
        self.guest_timeout.setValue(guest_timeout)
        self._watch()

    # -- what is chosen

    def settings(self) -> UiSettings:
        """The settings as the controls show them."""
        return msgspec.structs.replace(
            self._ui,
            font_family=self.family.currentData(),
            font_size=self.size_box.value(),
            dark_theme=self.dark_theme.currentText(),
            light_theme=self.light_theme.currentText(),
            contrast=self.contrast.currentData(),
            cursor_shape=self.shape.currentData(),
            cursor_blink=self.blink.isChecked(),
            scrollback=self.scrollback.value(),
            word_signs=self.word_signs.text(),
            **{name: box.isChecked() for name, box in self.switches.items()},
        )

    def show_settings(self, ui: UiSettings) -> None:
        """Set every control."""
        at = self.family.findData(ui.font_family)
        if at < 0:
            # A family that is not installed here stays what it is until another is chosen.
            self.family.addItem(f"{ui.font_family} (not installed)", ui.font_family)
            at = self.family.count() - 1
        self.family.setCurrentIndex(at)
        self.size_box.setValue(ui.font_size)
        for box, name, dark in (
            (self.dark_theme, ui.dark_theme, True),
            (self.light_theme, ui.light_theme, False),
        ):
            known = themes.by_name(name) or themes.default(dark=dark)
            box.setCurrentIndex(box.findText(known.name))
        nearest = min(range(len(CONTRASTS)), key=lambda n: abs(CONTRASTS[n][0] - ui.contrast))
        self.contrast.setCurrentIndex(nearest)
        self.shape.setCurrentIndex(self.shape.findData(ui.cursor_shape))
        self.blink.setChecked(ui.cursor_blink)
        self.scrollback.setValue(ui.scrollback)
        self.word_signs.setText(ui.word_signs)
        for name, check in self.switches.items():
            check.setChecked(getattr(ui, name))
        self._show_preview()

    def _choose(self) -> None:
        self._ui = self.settings()
        self.chosen.emit(self._ui)
        seconds = self.guest_timeout.value()
        if seconds != self._guest_timeout:
            self._guest_timeout = seconds
            self.timeoutChosen.emit(seconds)

    def _show_defaults(self) -> None:
        self.show_settings(UiSettings())
        self.guest_timeout.setValue(SessionSettings().timeout)

    def _accept(self) -> None:
        self._choose()
        self.accept()

    # -- the preview

    def _watch(self) -> None:
        """Every control that changes the look changes the preview."""
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
        preview.set_theme(themes.by_name(name))
        preview.set_cursor_default(CursorShape(ui.cursor_shape), blink=ui.cursor_blink)

    # -- how it is put together

    def _fill(self) -> None:
        usual = QFontInfo(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)).family()
        self.family.addItem(f"The desktop's ({usual})", "")
        for family in families():
            self.family.addItem(family, family)
            self.family.setItemData(
                self.family.count() - 1, QFont(family), Qt.ItemDataRole.FontRole
            )
        self.size_box.setRange(MIN_POINTS, MAX_POINTS)
        self.size_box.setSingleStep(0.5)
        self.size_box.setDecimals(1)
        self.size_box.setSuffix(" pt")
        for value, words in CONTRASTS:
            self.contrast.addItem(words, value)
        for shape, words in SHAPES:
            self.shape.addItem(words, shape)
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

    def _theme_box(self, dark: bool) -> QComboBox:
        """All themes, those of the same kind first."""
        box = QComboBox()
        box.setIconSize(SWATCH)
        for theme in sorted(themes.THEMES, key=lambda theme: theme.dark is not dark):
            box.addItem(swatch(theme), theme.name)
        return box

    def _appearance(self) -> QWidget:
        form = self._form(
            ("Font", _row(self.family, self.size_box)),
            ("Theme while dark", self.dark_theme),
            ("Theme while light", self.light_theme),
            ("Contrast of text", self.contrast),
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
        """With an edge: a theme may have the very background of the dialog."""
        frame = QWidget()
        frame.setObjectName("panel")
        frame.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(preview)
        return frame

    def _behaviour(self) -> QWidget:
        form = self._form(
            ("History of new terminals", self.scrollback),
            ("Word characters besides letters", self.word_signs),
            ("Disconnect idle guests after", self.guest_timeout),
        )
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(14, 14, 14, 14)
        column.setSpacing(10)
        column.addLayout(form)
        column.addSpacing(4)
        for check in self.switches.values():
            column.addWidget(check)
        note = named_label("muted", "No program can read the clipboard, whatever is set here.")
        note.setWordWrap(True)
        column.addSpacing(4)
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
    """A theme at a glance: its background, its text, its six hues."""
    pixmap = QPixmap(SWATCH * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(QColor.fromRgb(theme.background))
    painter = QPainter(pixmap)
    colours = (theme.foreground, *theme.palette[1:7])
    step = SWATCH.width() // (len(colours) + 1)
    for at, rgb in enumerate(colours):
        painter.fillRect(step // 2 + at * step + 2, 4, step - 3, 8, QColor.fromRgb(rgb))
    painter.setPen(QColor.fromRgb(theme.palette[8]))
    painter.drawRect(0, 0, SWATCH.width() - 1, SWATCH.height() - 1)
    painter.end()
    return QIcon(pixmap)


def changes(old: UiSettings, new: UiSettings) -> dict[str, object]:
    """What differs, by the dotted key the settings file has it under."""
    before, after = msgspec.structs.asdict(old), msgspec.structs.asdict(new)
    return {f"ui.{name}": value for name, value in after.items() if value != before[name]}
