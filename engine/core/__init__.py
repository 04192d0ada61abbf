"""What every room uses: model, errors, events, settings, log, files. Imports no other room."""
