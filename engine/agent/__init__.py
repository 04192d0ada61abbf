"""The host: composition root of the engine, and what it does with offers."""
