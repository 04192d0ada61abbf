"""The terminal on screen: painting, keys, selection, clipboard.

``gui.terminal.widget.TerminalWidget`` is what others use.
"""
