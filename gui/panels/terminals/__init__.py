"""Terminals in tabs, and how they look."""
