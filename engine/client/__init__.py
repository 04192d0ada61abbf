"""The offering peer, and the loopback test that uses one."""
