"""Links: made, copied, revoked."""
