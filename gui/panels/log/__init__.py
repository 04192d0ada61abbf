"""The ICE log."""
