"""The engine's only API: commands, queries, events and a handle for each open terminal.

The window, the command line and any outside client use this room and nothing behind it.
Commands and queries take and return values that msgspec encodes. Only
``engine.control.control`` imports the engine itself; the other modules are cheap to import.
"""
