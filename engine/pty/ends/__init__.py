"""The end of a terminal's processes: found, signalled, recorded, and never given up."""
