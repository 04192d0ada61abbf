"""Connections to Docker engines: endpoints, SDK clients, events, ssh, and the exec stream."""
