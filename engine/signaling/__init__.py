"""Socket.IO connections to a relay, as host and as guest."""
