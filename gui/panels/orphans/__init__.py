"""Terminals that earlier runs left: the notice that offers to end them."""
