"""What the user does: keys, mouse, clipboard, links, the find bar."""
