"""What a screen is made of: rows, pens, characters, links, pictures."""
