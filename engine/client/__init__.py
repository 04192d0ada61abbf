"""The offering peer, and the loopback test that is made of one."""
