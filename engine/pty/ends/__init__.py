"""Ending a terminal's processes: finding, signalling and recording them, and retrying."""
