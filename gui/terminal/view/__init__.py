"""What is on screen: output, frames, rows in view, cursor, painting."""
