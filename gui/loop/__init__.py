"""The event loop: asyncio run by Qt."""
