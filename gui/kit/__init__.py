"""Shared by all panels: style, icons, widgets, formats, strips."""
