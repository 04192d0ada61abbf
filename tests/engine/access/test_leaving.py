"""Who ends a shell: every combination, under exactly one rule."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

from engine.access.leaving import Fate, Leaver, Left, Others, fate


class Case(NamedTuple):
    how: Left
    opener: bool
    can_return: bool
    controllers: int
    viewers: int
    own: bool

    @property
    def alone(self) -> bool:
        return not self.controllers and not self.viewers

    @property
    def ends(self) -> bool:
        """Its opener has no way back, or asked for the end, and no controller is left."""
        return (
            self.opener
            and not self.controllers
            and (self.how is Left.CLOSED or not self.can_return)
        )


class Rule(NamedTuple):
    says: str
    when: Callable[[Case], bool]
    then: Fate


RULES = (
    Rule(
        "the last controller, who opened it, closes: it ends, also under the eyes of viewers",
        lambda c: c.ends and c.how is Left.CLOSED,
        Fate.ENDS,
    ),
    Rule(
        "the last controller, who opened it, is lost and has no way back: it ends",
        lambda c: c.ends and c.how is Left.LOST,
        Fate.ENDS,
    ),
    Rule(
        "another controller is attached: nobody who leaves ends it",
        lambda c: c.controllers > 0,
        Fate.STAYS,
    ),
    Rule(
        "viewers are attached still: the grace time starts when the last of them leaves",
        lambda c: not c.ends and not c.controllers and c.viewers > 0,
        Fate.STAYS,
    ),
    Rule(
        "the last one of a guest's shell leaves: its grace time starts, whoever opened it",
        lambda c: not c.ends and c.alone and not c.own,
        Fate.WAITS,
    ),
    Rule(
        "an own shell has no grace time",
        lambda c: not c.ends and c.alone and c.own,
        Fate.STAYS,
    ),
)


def test_every_combination_falls_under_one_rule_and_is_decided_by_it() -> None:
    used = set()
    both = (False, True)
    for row in product(Left, both, both, (0, 1, 2), (0, 1), both):
        case = Case(*row)
        (rule,) = [rule for rule in RULES if rule.when(case)]
        who, others = Leaver(case.opener, case.can_return), Others(case.controllers, case.viewers)
        assert fate(case.how, who, others, own=case.own) is rule.then, (case, rule.says)
        used.add(rule)
    assert used == set(RULES)


def test_nobody_ends_a_shell_that_somebody_else_opened() -> None:
    for how, can_return, own in product(Left, (False, True), (False, True)):
        assert fate(how, Leaver(False, can_return), Others(), own=own) is not Fate.ENDS
