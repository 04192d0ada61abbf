"""Bytes to what the screen does."""
