"""The agent's end of signaling: one Socket.IO connection, one handler per event."""
