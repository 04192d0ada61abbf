"""The size of a shared shell: who decides, and when."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.core.model import Size
from engine.shells.size import GROW_SECONDS, PINNED, SHARED, SizePolicy


def settled(policy: SizePolicy, now: float = 0) -> Size:
    """The size once nothing waits."""
    policy.wanted(now)
    return policy.wanted(now + GROW_SECONDS)


def test_alone_a_window_gets_its_own_size_however_small() -> None:
    policy = SizePolicy(Size(80, 24))
    policy.join("ann", controls=True, window=Size(20, 5))
    assert policy.wanted(0) == Size(20, 5)
    assert (policy.size, policy.by) == (Size(20, 5), "ann")


def test_while_others_are_attached_a_small_window_counts_as_80_by_24() -> None:
    policy = SizePolicy(Size(80, 24))
    policy.join("ann", controls=True, window=Size(20, 50))
    policy.join("vic", controls=False, window=Size(200, 60))
    assert settled(policy) == Size(80, 50)
    policy.leave("vic")
    assert settled(policy, 10) == Size(20, 50)


def test_the_smallest_controller_decides_in_each_dimension() -> None:
    policy = SizePolicy(Size(80, 24))
    policy.join("ann", controls=True, window=Size(100, 50))
    policy.join("bob", controls=True, window=Size(120, 40))
    policy.join("vic", controls=False, window=Size(90, 30))
    assert settled(policy) == Size(100, 40)
    assert policy.by == "ann"
    policy.control("vic", True)
    assert policy.wanted(10) == Size(90, 30)
    assert policy.by == "vic"


def test_a_viewer_resizes_nothing() -> None:
    policy = SizePolicy(Size(100, 30))
    policy.join("vic", controls=False, window=Size(90, 25))
    policy.resize("vic", Size(50, 10))
    assert (settled(policy), policy.by) == (Size(100, 30), "")


def test_a_larger_size_waits_a_moment_and_a_smaller_one_does_not() -> None:
    policy = SizePolicy(Size(80, 24))
    policy.join("vic", controls=False)
    policy.wanted(0)
    policy.join("ann", controls=True, window=Size(90, 24))
    assert policy.wanted(1) == Size(80, 24)
    assert policy.next_at == 1 + GROW_SECONDS
    policy.resize("ann", Size(100, 30))
    assert policy.wanted(1.2) == Size(80, 24)
    assert policy.next_at == 1 + GROW_SECONDS
    assert policy.wanted(1.5) == Size(100, 30)
    assert policy.next_at is None
    policy.resize("ann", Size(99, 40))
    assert policy.wanted(2) == Size(99, 40)


def test_a_window_that_was_larger_for_a_moment_changes_nothing() -> None:
    policy = SizePolicy(Size(80, 24))
    policy.join("vic", controls=False)
    policy.wanted(0)
    policy.join("ann", controls=True, window=Size(90, 30))
    policy.wanted(1)
    policy.resize("ann", Size(80, 24))
    assert policy.wanted(1.4) == Size(80, 24)
    assert policy.next_at is None
    policy.resize("ann", Size(90, 30))
    assert policy.wanted(1.6) == Size(80, 24)


def test_alone_a_larger_window_does_not_wait() -> None:
    policy = SizePolicy(Size(80, 24))
    policy.join("ann", controls=True, window=Size(90, 30))
    assert policy.wanted(1) == Size(90, 30)
    policy.resize("ann", Size(100, 40))
    assert policy.wanted(2) == Size(100, 40)
    policy.join("bob", controls=True, window=Size(80, 24))
    assert policy.wanted(3) == Size(80, 24)
    policy.leave("bob")
    # Bob may be back in a moment.
    assert policy.wanted(4) == Size(80, 24)
    assert policy.wanted(4 + GROW_SECONDS) == Size(100, 40)


def test_hidden_tabs_and_those_who_left_have_no_say() -> None:
    policy = SizePolicy(Size(80, 24))
    policy.join("ann", controls=True, window=Size(60, 20))
    policy.join("tab", controls=True, window=Size(90, 30), hidden=True)
    # Nobody else is in view: as good as alone.
    assert settled(policy) == Size(60, 20)
    policy.hide("tab", False)
    assert settled(policy, 10) == Size(80, 24)
    policy.leave("ann")
    assert settled(policy, 20) == Size(90, 30)
    policy.hide("tab", True)
    assert settled(policy, 30) == Size(90, 30)
    policy.leave("tab")
    assert settled(policy, 40) == Size(90, 30)


def test_a_guest_whose_window_is_unknown_is_somebody_else_without_a_say() -> None:
    policy = SizePolicy(Size(80, 24))
    policy.join("plain", controls=True)
    assert settled(policy) == Size(80, 24)
    policy.join("ann", controls=True, window=Size(40, 10))
    assert settled(policy, 10) == Size(80, 24)
    policy.resize("plain", Size(85, 25))
    policy.resize("ann", Size(120, 40))
    assert settled(policy, 20) == Size(85, 25)


def test_the_host_pins_a_size() -> None:
    policy = SizePolicy(Size(100, 30))
    policy.join("ann", controls=True, window=Size(100, 30))
    policy.pin(Size(60, 20))
    assert (policy.wanted(0), policy.by) == (Size(60, 20), PINNED)
    policy.pin(Size(132, 43))
    assert settled(policy, 1) == Size(132, 43)
    policy.pin(None)
    assert (policy.wanted(5), policy.by) == (Size(100, 30), "ann")


def test_strangers_change_nothing() -> None:
    policy = SizePolicy(Size(100, 30))
    policy.resize("eve", Size(10, 10))
    policy.control("eve", True)
    policy.hide("eve", False)
    policy.leave("eve")
    assert settled(policy) == Size(100, 30)


NAMES = st.sampled_from(["ann", "bob", "vic"])
SIZES = st.builds(Size, st.sampled_from([1, 79, 80, 100, 1000]), st.sampled_from([1, 24, 30, 50]))


class Windows(RuleBasedStateMachine):
    """Whatever windows do, the size settles to what the rules say, and only then."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = SizePolicy(Size(80, 24))
        self.people: dict[str, tuple[bool, Size, bool]] = {}
        self.pinned: Size | None = None
        self.now = 0.0
        self.larger_since: float | None = None
        self.changed_alone = False

    @rule(who=NAMES, controls=st.booleans(), window=SIZES, hidden=st.booleans())
    def join(self, who: str, controls: bool, window: Size, hidden: bool) -> None:
        before = self.people.get(who)
        self.people[who] = (controls, window, hidden)
        self.changed_alone = before != self.people[who] and len(self.people) == 1
        self.policy.join(who, controls=controls, window=window, hidden=hidden)

    @rule(who=NAMES, window=SIZES)
    def resize(self, who: str, window: Size) -> None:
        if who in self.people:
            controls, before, hidden = self.people[who]
            self.people[who] = (controls, window, hidden)
            self.changed_alone = before != window and len(self.people) == 1
        self.policy.resize(who, window)

    @rule(who=NAMES, controls=st.booleans())
    def control(self, who: str, controls: bool) -> None:
        if who in self.people:
            _, window, hidden = self.people[who]
            self.people[who] = (controls, window, hidden)
        self.policy.control(who, controls)

    @rule(who=NAMES)
    def leave(self, who: str) -> None:
        self.people.pop(who, None)
        self.policy.leave(who)

    @rule(size=st.none() | SIZES)
    def pin(self, size: Size | None) -> None:
        self.pinned = size
        self.policy.pin(size)

    @rule(seconds=st.sampled_from([0.1, 0.25, 0.5, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    def target(self) -> Size:
        if self.pinned is not None:
            return self.pinned
        visible = [who for who in self.people if not self.people[who][2]]
        deciding = [self.people[who][1] for who in visible if self.people[who][0]]
        if not deciding:
            return self.policy.size
        cols, rows = min(size.cols for size in deciding), min(size.rows for size in deciding)
        if len(visible) > 1:
            return Size(max(cols, SHARED.cols), max(rows, SHARED.rows))
        return Size(cols, rows)

    @invariant()
    def the_size_is_what_the_rules_say(self) -> None:
        before, target = self.policy.size, self.target()
        size = self.policy.wanted(self.now)
        at_once, self.changed_alone = self.changed_alone, False
        if target == before or target.cols < before.cols or target.rows < before.rows:
            assert size == target
            self.larger_since = None
            assert self.policy.next_at is None
            return
        if self.larger_since is None:
            self.larger_since = self.now
        if at_once or self.now >= self.larger_since + GROW_SECONDS:
            assert size == target
            self.larger_since = None
        else:
            assert size == before
            assert self.policy.next_at == self.larger_since + GROW_SECONDS


TestWindows = Windows.TestCase
