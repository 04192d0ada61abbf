"""Messages on the wire: signaling over the relay, and the terminal's data channel."""
