"""What the relay serves over HTTP besides Socket.IO, and its TCP connections."""
