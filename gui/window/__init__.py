"""The main window: panels, docks, status bar."""
