"""The loopback test."""
