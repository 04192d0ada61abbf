"""PTY backends behind one Protocol: docker exec, local shell, echo."""
