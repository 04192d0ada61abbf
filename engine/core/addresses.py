"""Questions about host names and IP addresses that need no name lookup."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address


def is_loopback(host: str) -> bool:
    """Whether ``host`` is ``localhost`` or a loopback address.

    That is 127.0.0.0/8 or ::1 (RFC 6890), or an IPv4 loopback address mapped to IPv6, as
    dual-stack sockets report it (RFC 4291 section 2.5.5.2).
    """
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
