"""The terminal's viewport: output, scrolling, painting, mouse, clipboard."""
