"""The window: everything that knows Qt. Imports the engine, never the other way round."""
