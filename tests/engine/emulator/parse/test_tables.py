"""Every sequence pyte knows has a function here."""

from __future__ import annotations

import pyte

from engine.emulator.parse import tables

SLIP = {"'"}
"""pyte has HPA under it, which is "`"."""


def test_pytes_controls_and_escapes() -> None:
    assert set(pyte.ByteStream.basic) <= set(tables.CONTROLS)
    assert set(pyte.ByteStream.escape) <= set(tables.ESCAPES)
    assert {f"#{final}" for final in pyte.ByteStream.sharp} <= set(tables.ESCAPES)


def test_pytes_control_sequences() -> None:
    known = {*tables.CSI, *tables.CSI_OF_ONE, *tables.CSI_OF_TWO, *tables.CSI_OF_ALL}
    assert set(pyte.ByteStream.csi) - SLIP - known == {"m"}, "SGR has a way of its own"


def test_no_sequence_is_in_two_tables() -> None:
    each = [tables.CSI, tables.CSI_OF_ONE, tables.CSI_OF_TWO, tables.CSI_OF_ALL]
    assert len(set().union(*each)) == sum(map(len, each))
