"""The peer connection and its data channel, over aiortc."""
