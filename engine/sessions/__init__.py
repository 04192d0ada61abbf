"""Sessions by id and the states they go through."""
