"""The relay's HTTP pages, logs and metrics, and its Engine.IO and TCP connections."""
