"""What every panel uses: style, icons, widgets, formats, strips."""
