"""The host: the engine's composition root, and the handlers of signaling events."""
