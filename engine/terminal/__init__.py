"""A data channel joined to a PTY: the messages on one side, the bytes on the other."""
