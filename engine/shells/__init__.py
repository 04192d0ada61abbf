"""What runs behind a PTY, and its output."""
