"""PTY backends behind one Protocol: docker exec, a local shell, an echo."""
