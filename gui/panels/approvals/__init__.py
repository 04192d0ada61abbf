"""Guests who wait to be let in, and guests who are idle."""
