"""Wrong tokens are counted per address, and no counting grows without end."""

from __future__ import annotations

from engine.core.token_bucket import TokenBucket
from engine.relay.admission import limits
from engine.relay.admission.limits import Guesses


def test_an_address_that_guessed_may_try_again_in_time() -> None:
    now = 0.0
    guesses = Guesses(lambda: TokenBucket(0.5, 2, lambda: now))
    assert guesses.allowed("192.0.2.1")
    guesses.failed("192.0.2.1")
    assert guesses.allowed("192.0.2.1")
    guesses.failed("192.0.2.1")
    assert not guesses.allowed("192.0.2.1")
    assert guesses.allowed("192.0.2.2")
    now = 2.0
    assert guesses.allowed("192.0.2.1")
    guesses.failed("192.0.2.1")
    assert not guesses.allowed("192.0.2.1")


def test_a_network_of_ipv6_is_one_guesser() -> None:
    guesses = Guesses(lambda: TokenBucket(0.001, 1))
    guesses.failed("2001:db8::1")
    assert not guesses.allowed("2001:db8::ffff:2")
    assert guesses.allowed("2001:db8:0:1::1")
    guesses.failed("::ffff:192.0.2.1")
    assert guesses.allowed("::ffff:192.0.2.2")
    guesses.failed("no address")
    assert not guesses.allowed("no address")


def test_many_guessers_take_bounded_memory() -> None:
    guesses = Guesses(lambda: TokenBucket(0.001, 1))
    for number in range(limits.MAX_SOURCES + 10):
        guesses.failed(str(number))
    # Those that guessed last are known.
    assert not guesses.allowed(str(limits.MAX_SOURCES + 9))
    assert guesses.allowed("0")
