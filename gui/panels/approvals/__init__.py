"""Guests who request access, and guests who are idle."""
