"""Messages as they stand on the wire: signaling over the relay, JSON on the data channel."""
