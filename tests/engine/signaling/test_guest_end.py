"""What counts as a successful reply to a guest."""

from __future__ import annotations

import pytest

from engine.core.errors import ProtocolError, RemoteError
from engine.signaling.guest_end import successful


@pytest.mark.parametrize("status", ["success", "warning"])
def test_a_success_is_the_reply_itself(status: str) -> None:
    assert successful({"status": status, "x": 1}) == {"status": status, "x": 1}


@pytest.mark.parametrize("reply", [None, "success", 5, ["success"]])
def test_anything_but_an_object_is_an_invalid_reply(reply: object) -> None:
    with pytest.raises(ProtocolError):
        successful(reply)


@pytest.mark.parametrize(
    ("reply", "code", "text"),
    [
        ({"status": "error", "code": "access_denied", "error": "No"}, "access_denied", "No"),
        ({"status": "error", "code": 5, "error": ["x"]}, "", "Request refused"),
        ({"status": "error", "error": ""}, "", "Request refused"),
        ({"status": ["success"]}, "", "Request refused"),
        ({}, "", "Request refused"),
    ],
)
def test_a_refusal_has_the_other_sides_words_if_they_are_words(
    reply: dict[str, object], code: str, text: str
) -> None:
    with pytest.raises(RemoteError) as caught:
        successful(reply)
    assert (caught.value.remote_code, str(caught.value)) == (code, text)
