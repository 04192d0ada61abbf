"""Links for guests."""
