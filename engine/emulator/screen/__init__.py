"""What sequences do to the screen."""
