"""Measurements of the product beside a baseline in the same run; never part of the tests."""
