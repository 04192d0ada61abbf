"""The adapter between the engine's API and Qt."""
