"""Every error of the engine has words and a next step."""

from __future__ import annotations

import pytest

from engine.core import errors
from engine.core.errors import HatchwayError, RemoteError
from gui.kit import problems


def _tree(root: type[HatchwayError]) -> set[type[HatchwayError]]:
    return {root}.union(*(_tree(kind) for kind in root.__subclasses__()))


KINDS = sorted(
    (k for k in _tree(HatchwayError) if k.__module__ == errors.__name__), key=lambda k: k.__name__
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_error_has_words_of_its_own(kind: type[HatchwayError]) -> None:
    assert kind.code in problems.codes()
    assert problems.title(kind.code)
    assert problems.next_step(kind.code).endswith(".")


def test_no_words_are_left_over_from_an_error_that_is_gone() -> None:
    assert problems.codes() == {kind.code for kind in KINDS}


def test_the_errors_own_sentence_comes_before_the_next_step() -> None:
    told = problems.explain(errors.NoShellError("web-1 has neither /bin/bash nor /bin/sh."))
    assert told.title == "The container has no shell"
    assert told.text.startswith("web-1 has neither /bin/bash nor /bin/sh. ")
    assert "terminal.shell" in told.text


def test_a_remote_error_is_explained_by_its_own_code() -> None:
    told = problems.explain(RemoteError("access_denied", "Not shared"))
    assert (told.code, told.title) == ("access_denied", "The host does not allow this")


@pytest.mark.parametrize("code", ["", "invented_by_someone"])
def test_an_unknown_code_gets_the_general_words(code: str) -> None:
    told = problems.explain(RemoteError(code, "Hm"))
    assert told.title == problems.title("internal")
    assert told.text.startswith("Hm. ")


def test_an_accident_shows_no_internals() -> None:
    told = problems.explain(KeyError("secret_internal_name"))
    assert "secret" not in told.text


def test_a_timeout_is_a_timeout() -> None:
    assert problems.explain(TimeoutError()).code == "connect_timeout"
