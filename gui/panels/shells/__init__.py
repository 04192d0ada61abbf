"""The running shells and the people in them."""
