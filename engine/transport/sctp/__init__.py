"""SCTP's data transfer (RFC 9260) as plain state: no sockets, no clocks, no aiortc.

Owns what happens between a message and its DATA chunks on either side: windows,
loss, order. Does not own the association's set-up and end, nor the packets' way
out: engine.transport.tuning puts these parts into aiortc's association.
"""
