"""The one API of the engine: commands, queries, events and a handle on each open terminal.

The window, the command line and whatever steers the engine from outside use this room and
nothing behind it. Commands and queries take and return values that msgspec encodes. Only
``engine.control.control`` imports the engine itself; the other modules are cheap to import.
"""
