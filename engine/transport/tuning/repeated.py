"""A STUN message that is sent again and again and differs only in its transaction id.

Makes the bytes of the next one and recognizes one that arrives. Whether the first of them
was valid is for aioice to check.

Touches of aioice's Message: ``_integrity_data``, the bytes that MESSAGE-INTEGRITY covers: made
anew from the parsed attributes they might differ from what the peer signed.
"""

from __future__ import annotations

import hmac
import zlib

from aioice.stun import FINGERPRINT_XOR, HEADER_LENGTH, Message

FINGERPRINT = bytes.fromhex("80280004")
MESSAGE_INTEGRITY = bytes.fromhex("00080014")
"""Type and length of the two attributes that end a message (RFC 8489 sections 14.5, 14.7)."""
FINGERPRINT_BYTES = 8
TAIL_BYTES = 24 + FINGERPRINT_BYTES
"""Both of them."""
MAPPED_IPV6 = bytes.fromhex("002000140002")
ADDRESS_BYTES = 16
"""XOR-MAPPED-ADDRESS of an IPv6 address (RFC 8489 section 14.2): six bytes, the port in two,
and the address, which alone of all values depends on the transaction."""


class Repeated:
    """The pattern of a message that ends in MESSAGE-INTEGRITY and FINGERPRINT.

    ``message`` is one that aioice has parsed or made: its integrity, if it has any, is that
    of ``key``. Raises ValueError when it has none.
    """

    __slots__ = (
        "_address",
        "_address_at",
        "_attributes",
        "_head",
        "_key",
        "_length",
        "_signed_head",
    )

    def __init__(self, message: Message, key: bytes) -> None:
        signed = message._integrity_data
        if signed is None:
            raise ValueError("Only a message with MESSAGE-INTEGRITY can be recognized")
        self._key = key
        self._length = len(signed) + TAIL_BYTES
        kind, cookie = signed[:2], signed[4:8]
        length = self._length - HEADER_LENGTH
        self._head = kind + length.to_bytes(2) + cookie
        self._signed_head = kind + (length - FINGERPRINT_BYTES).to_bytes(2) + cookie
        self._attributes = signed[HEADER_LENGTH:]
        found = self._attributes.find(MAPPED_IPV6)
        self._address_at = found + len(MAPPED_IPV6) + 2 if found >= 0 else 0
        self._address = self._pad(signed[4:HEADER_LENGTH])

    def with_id(self, transaction_id: bytes) -> bytes:
        """The complete message with that transaction id (12 bytes)."""
        rest = transaction_id + self._attributes
        if self._address_at:
            at = self._address_at + len(transaction_id)
            address = self._address ^ int.from_bytes(self._head[4:] + transaction_id)
            rest = rest[:at] + address.to_bytes(ADDRESS_BYTES) + rest[at + ADDRESS_BYTES :]
        integrity = hmac.digest(self._key, self._signed_head + rest, "sha1")
        message = self._head + rest + MESSAGE_INTEGRITY + integrity
        fingerprint = zlib.crc32(message) ^ FINGERPRINT_XOR
        return message + FINGERPRINT + fingerprint.to_bytes(4)

    def is_this(self, data: bytes) -> bool:
        """Whether ``data`` is one of them, bit for bit: any other attribute, order, key, checksum
        or length makes it False."""
        return len(data) == self._length and hmac.compare_digest(
            self.with_id(data[8:HEADER_LENGTH]), data
        )

    def _pad(self, mask: bytes) -> int:
        """The address without the transaction it came with."""
        at = self._address_at
        return int.from_bytes(self._attributes[at : at + ADDRESS_BYTES]) ^ int.from_bytes(mask)
