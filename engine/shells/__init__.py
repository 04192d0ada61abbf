"""The program behind a PTY: its input, its output, its size."""
