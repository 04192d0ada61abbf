"""What each sequence does: the terminal's table of contents.

Four kinds of functions, all in ``screen``: of a control or an escape, which take the screen
alone; of control sequences, which take one number, two numbers or all parameters. A
number that is missing is 0. Keys of control sequences are prefix, intermediates and final
byte. Source: ECMA-48, xterm ctlseqs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.screen import (
    attributes,
    drawing,
    editing,
    graphics,
    keyboard,
    modal,
    motion,
    rectangles,
    reports,
    resets,
    window,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.screen.params import Params
    from engine.emulator.screen.screen import Screen

CONTROLS: dict[str, Callable[[Screen], None]] = {
    "\x07": window.bell,
    "\x08": motion.backspace,
    "\x09": motion.tab,
    "\x0a": motion.linefeed,
    "\x0b": motion.linefeed,
    "\x0c": motion.linefeed,
    "\x0d": motion.carriage_return,
    "\x0e": attributes.shift_out,
    "\x0f": attributes.shift_in,
}
ESCAPES: dict[str, Callable[[Screen], None]] = {
    "D": motion.index,
    "E": motion.next_line,
    "H": motion.set_tab_stop,
    "M": motion.reverse_index,
    "N": attributes.shift_once_2,
    "O": attributes.shift_once_3,
    "V": attributes.iso_protect,
    "W": attributes.iso_unprotect,
    "Z": reports.identify,
    "c": resets.full_reset,
    "n": attributes.lock_shift_2,
    "o": attributes.lock_shift_3,
    "6": editing.back_index,
    "7": modal.save_cursor,
    "8": modal.restore_cursor,
    "9": editing.forward_index,
    "=": modal.application_keypad,
    ">": modal.normal_keypad,
    "#8": editing.alignment_display,
    " F": resets.seven_bits,
    " G": resets.eight_bits,
}
"""By intermediates and final byte."""
DESIGNATIONS: Final = frozenset("()*+-./")
"""Intermediates that designate a character set; the set's own follow them."""

CSI: dict[str, Callable[[Screen], None]] = {
    "u": modal.restore_cursor,
    "!p": resets.soft_reset,
}
CSI_OF_ONE: dict[str, Callable[[Screen, int], None]] = {
    "@": editing.insert_characters,
    "A": motion.cursor_up,
    "B": motion.cursor_down,
    "C": motion.cursor_forward,
    "D": motion.cursor_back,
    "E": motion.cursor_down1,
    "F": motion.cursor_up1,
    "G": motion.cursor_to_column,
    "I": motion.tab_forward,
    "J": editing.erase_in_display,
    "?J": editing.erase_in_display_selectively,
    "K": editing.erase_in_line,
    "?K": editing.erase_in_line_selectively,
    "L": editing.insert_lines,
    "M": editing.delete_lines,
    "P": editing.delete_characters,
    "S": editing.scroll_up,
    "?W": motion.default_tabs,
    "X": editing.erase_characters,
    "Z": motion.tab_back,
    "^": editing.scroll_down,
    "`": motion.cursor_to_column,
    "a": motion.cursor_forward_anywhere,
    "b": drawing.repeat,
    "c": reports.primary,
    "d": motion.cursor_to_line,
    "e": motion.cursor_down_anywhere,
    "g": motion.clear_tab_stop,
    "n": reports.status,
    " @": editing.scroll_left,
    " A": editing.scroll_right,
    " q": modal.cursor_shape,
    "'}": editing.insert_columns,
    "'~": editing.delete_columns,
}
CSI_OF_TWO: dict[str, Callable[[Screen, int, int], None]] = {
    "H": motion.cursor_position,
    "f": motion.cursor_position,
    "r": motion.set_margins,
}
CSI_OF_ALL: dict[str, Callable[[Screen, Params], None]] = {
    **attributes.CSI,
    **editing.CSI,
    **graphics.CSI,
    **keyboard.CSI,
    **modal.CSI,
    **rectangles.CSI,
    **reports.CSI,
    **resets.CSI,
    **window.CSI,
}
