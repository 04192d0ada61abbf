"""What a host name or an IP address says by itself. Resolves nothing."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address


def is_loopback(host: str) -> bool:
    """Whether it names this machine only: ``localhost``, 127.0.0.0/8, ::1 (RFC 6890),
    or such an IPv4 address as IPv6 sockets tell it (RFC 4291 section 2.5.5.2)."""
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
