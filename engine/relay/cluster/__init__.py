"""Presence and routing of peers across several relays that share one Redis."""
