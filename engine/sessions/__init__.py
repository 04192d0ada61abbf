"""Guests' sessions: their states, connections and time-outs."""
