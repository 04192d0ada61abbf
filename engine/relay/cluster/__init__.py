"""Who is connected where, with several relays over one Redis."""
