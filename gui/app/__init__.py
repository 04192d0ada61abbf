"""The composition root of the GUI and the start of the program."""
