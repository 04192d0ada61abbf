"""What every room uses: facts, errors, events, settings, log, files. Knows no other room."""
