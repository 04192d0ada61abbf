"""Delays between attempts, and words for what went wrong."""

from __future__ import annotations

import pytest

from engine.core.errors import RelayRefusedError, RelayUnreachableError
from engine.signaling.retry import Backoff, explain, refusal


def test_delays_double_from_one_to_five_seconds_for_ever() -> None:
    backoff = Backoff(jitter=0)
    assert [backoff.next() for _ in range(6)] == [1, 2, 4, 5, 5, 5]
    for _ in range(5000):
        assert backoff.next() == 5
    backoff.reset()
    assert backoff.next() == 1


def test_jitter_shortens_and_never_lengthens() -> None:
    delays = [Backoff(first=5).next() for _ in range(200)]
    assert all(4 <= delay <= 5 for delay in delays)
    assert len(set(delays)) > 100


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"message": "Wrong token"}, "Wrong token"),
        ("Nope", "Nope"),
        ("Unable to connect", "Unable to connect"),
        (None, "no reason given"),
        ({"message": 5}, "no reason given"),
        ([1], "no reason given"),
    ],
)
def test_a_refusal_has_words_whatever_the_relay_says(data: object, words: str) -> None:
    assert str(refusal(data)) == f"The relay rejected the connection: {words}"


@pytest.mark.parametrize(
    ("problem", "reply", "kind", "words"),
    [
        (
            "Cannot connect to host 127.0.0.1:1 ssl:default [Connect call failed ('127.0.0.1', 1)]",
            None,
            RelayUnreachableError,
            "Connect call failed",
        ),
        (
            "Unexpected status code 429 in server response",
            {"message": "Too many connections"},
            RelayUnreachableError,
            "busy: Too many connections",
        ),
        (
            "Unexpected status code 502 in server response",
            None,
            RelayUnreachableError,
            "HTTP status 502",
        ),
        ("Unexpected status code 401 in server response", None, RelayRefusedError, "rejected"),
        (
            "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required",
            None,
            RelayRefusedError,
            "set relay.tls_cert",
        ),
        (
            "[SSLCertVerificationError: (1, '[SSL: CERTIFICATE_VERIFY_FAILED] self-signed')]",
            None,
            RelayRefusedError,
            "set relay.tls_ca",
        ),
        ("", None, RelayUnreachableError, "no answer"),
    ],
)
def test_a_failed_connect_is_explained(
    problem: str, reply: object, kind: type[Exception], words: str
) -> None:
    error = explain("http://relay", problem, reply)
    assert type(error) is kind
    assert words in str(error)
