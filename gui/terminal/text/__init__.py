"""What is selected, found and linked in the text."""
