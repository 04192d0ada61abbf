"""Targets and their state."""
