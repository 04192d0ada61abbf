"""Keys, mouse and pastes to bytes."""
