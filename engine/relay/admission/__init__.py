"""Who may connect to the relay, and how much each may do."""
