"""The terminal as a widget: other rooms use ``gui.terminal.widget.TerminalWidget``."""
