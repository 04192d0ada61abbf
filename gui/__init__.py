"""The GUI: everything that uses Qt. It imports the engine, never the reverse."""
