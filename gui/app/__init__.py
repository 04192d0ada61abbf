"""The window's composition root and how the program starts."""
