"""The lease of the keyboard: who has it, who may ask, and what comes back afterwards."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.core.model import Asked, KeyboardState, KeyboardView, ParticipantKind, Role
from engine.shells.keyboard import ASK_SECONDS, LOST_SECONDS, Keyboard

HOST, TTY, GUEST = ParticipantKind.HOST, ParticipantKind.TTY, ParticipantKind.GUEST
CONTROL, VIEW = Role.CONTROL, Role.VIEW
OPEN, TAKEN, FROZEN = KeyboardState.OPEN, KeyboardState.TAKEN, KeyboardState.FROZEN


def shared() -> Keyboard:
    """The host, a controller and two viewers."""
    keyboard = Keyboard()
    keyboard.join("host", CONTROL, HOST)
    keyboard.join("ann", CONTROL, GUEST)
    keyboard.join("vic", VIEW, GUEST)
    keyboard.join("vera", VIEW, GUEST)
    return keyboard


def typists(keyboard: Keyboard) -> set[str]:
    return {who for who in ("host", "ann", "vic", "vera") if keyboard.may_type(who)}


def test_every_controller_types_while_it_is_open() -> None:
    keyboard = shared()
    assert keyboard.state is OPEN
    assert typists(keyboard) == {"host", "ann"}


def test_the_host_takes_it_and_hands_it_back() -> None:
    keyboard = shared()
    assert keyboard.take("host")
    assert not keyboard.take("host")
    assert (keyboard.state, keyboard.holder, typists(keyboard)) == (TAKEN, "host", {"host"})
    assert keyboard.hand_back("host")
    assert (keyboard.state, typists(keyboard)) == (OPEN, {"host", "ann"})


def test_guests_take_nothing_by_themselves() -> None:
    keyboard = shared()
    assert not keyboard.take("ann")
    keyboard.take("host")
    assert not keyboard.hand_back("ann")
    assert keyboard.holder == "host"


def test_a_viewer_is_a_controller_while_it_holds_the_keyboard() -> None:
    keyboard = shared()
    assert keyboard.grant("vic")
    assert keyboard.role("vic") is CONTROL
    assert typists(keyboard) == {"vic"}
    assert keyboard.ask("vic", False, 0)
    assert keyboard.role("vic") is VIEW
    assert typists(keyboard) == {"host", "ann"}


def test_a_grant_ends_the_hosts_own_lease() -> None:
    keyboard = shared()
    keyboard.take("host")
    keyboard.grant("vic")
    keyboard.hand_back("vic")
    assert keyboard.state is OPEN


def test_a_grant_passes_from_one_to_the_other() -> None:
    keyboard = shared()
    keyboard.grant("vic")
    assert keyboard.grant("vera")
    assert (keyboard.role("vic"), keyboard.role("vera")) == (VIEW, CONTROL)
    assert keyboard.hand_back("host")
    assert keyboard.role("vera") is VIEW


def test_the_hosts_key_takes_a_frozen_keyboard_and_a_thaw_gives_it_back() -> None:
    keyboard = shared()
    keyboard.grant("vic")
    assert keyboard.freeze()
    assert not keyboard.freeze()
    assert (keyboard.state, typists(keyboard)) == (FROZEN, {"host"})
    assert keyboard.role("vic") is VIEW
    assert keyboard.typed("host")
    assert not keyboard.typed("host")
    assert (keyboard.state, keyboard.holder, keyboard.frozen) == (TAKEN, "host", True)
    assert keyboard.thaw()
    assert (keyboard.state, typists(keyboard)) == (OPEN, {"host", "ann"})


def test_what_the_host_took_before_a_freeze_it_has_after_the_thaw() -> None:
    keyboard = shared()
    keyboard.take("host")
    keyboard.freeze()
    assert not keyboard.typed("host")
    keyboard.thaw()
    assert keyboard.holder == "host"


def test_a_grant_while_frozen_ends_in_frozen() -> None:
    keyboard = shared()
    keyboard.freeze()
    keyboard.grant("ann")
    assert typists(keyboard) == {"ann"}
    keyboard.hand_back("ann")
    assert keyboard.state is FROZEN


def test_the_hosts_participants_are_one_person() -> None:
    keyboard = shared()
    keyboard.join("tty", VIEW, TTY)
    keyboard.take("host")
    assert keyboard.may_type("tty")
    assert keyboard.typed("tty")
    assert keyboard.holder == "tty"
    keyboard.grant("ann")
    assert not keyboard.may_type("tty")
    assert not keyboard.typed("tty")


def test_a_viewer_of_the_host_becomes_a_controller_by_typing() -> None:
    keyboard = shared()
    keyboard.join("panel", VIEW, HOST)
    assert keyboard.typed("panel")
    assert keyboard.role("panel") is CONTROL
    assert not keyboard.typed("panel")


def test_asking_is_limited_and_answered() -> None:
    keyboard = shared()
    assert keyboard.ask("vic", True, 100)
    assert keyboard.asking() == ["vic"]
    assert keyboard.view("vic", 100) == KeyboardView(OPEN, "", Asked.WAITING, 30)
    assert keyboard.view("vera", 100) == KeyboardView(OPEN)
    assert not keyboard.ask("vic", True, 101)
    assert keyboard.deny("vic")
    assert not keyboard.deny("vic")
    assert keyboard.asking() == []
    assert not keyboard.ask("vic", True, 110.5)
    assert keyboard.view("vic", 110.5) == KeyboardView(OPEN, "", Asked.DENIED, 20)
    assert keyboard.ask("vic", True, 100 + ASK_SECONDS)
    assert keyboard.asking() == ["vic"]


def test_to_withdraw_and_ask_again_does_not_ring_twice() -> None:
    keyboard = shared()
    keyboard.ask("vic", True, 0)
    assert keyboard.ask("vic", False, 1)
    assert not keyboard.ask("vic", True, 2)
    assert keyboard.view("vic", 2) == KeyboardView(OPEN, "", Asked.NO, 28)


def test_who_may_type_asks_for_nothing() -> None:
    keyboard = shared()
    assert not keyboard.ask("ann", True, 0)
    keyboard.take("host")
    assert keyboard.ask("ann", True, 0)
    keyboard.hand_back("host")
    assert keyboard.asking() == []
    assert keyboard.view("ann", 40).asked is Asked.NO


def test_a_grant_answers_the_request() -> None:
    keyboard = shared()
    keyboard.ask("vic", True, 0)
    keyboard.ask("vera", True, 1)
    keyboard.grant("vic")
    assert keyboard.view("vic", 1) == KeyboardView(TAKEN, "vic", Asked.NO, 29)
    assert keyboard.asking() == ["vera"]


def test_a_lost_holder_keeps_it_for_a_while() -> None:
    keyboard = shared()
    keyboard.grant("vic")
    assert keyboard.next_at is None
    keyboard.leave("vic", 10, lost=True)
    assert keyboard.next_at == 10 + LOST_SECONDS
    assert not keyboard.tick(39)
    assert typists(keyboard) == {"vic"}
    keyboard.return_("vic", 39.5)
    assert (keyboard.holder, keyboard.next_at) == ("vic", None)
    keyboard.leave("vic", 50, lost=True)
    assert keyboard.tick(80)
    assert keyboard.state is OPEN
    keyboard.return_("vic", 81)
    assert keyboard.role("vic") is VIEW


def test_a_late_return_does_not_depend_on_the_tick() -> None:
    keyboard = shared()
    keyboard.grant("vic")
    keyboard.leave("vic", 0, lost=True)
    assert keyboard.return_("vic", LOST_SECONDS)
    assert keyboard.role("vic") is VIEW


@pytest.mark.parametrize("act", ["take", "grant", "freeze", "hand_back", "set_role"])
def test_the_host_may_end_the_lease_of_a_lost_holder(act: str) -> None:
    keyboard = shared()
    keyboard.grant("vic")
    keyboard.leave("vic", 0, lost=True)
    match act:
        case "take":
            assert keyboard.take("host")
        case "grant":
            assert keyboard.grant("ann")
        case "freeze":
            assert keyboard.freeze()
        case "hand_back":
            assert keyboard.hand_back("host")
        case _:
            assert keyboard.set_role("vic", VIEW)
    assert (keyboard.role("vic"), keyboard.next_at) == (VIEW, None)


def test_nothing_is_granted_to_somebody_lost() -> None:
    keyboard = shared()
    keyboard.ask("vic", True, 0)
    keyboard.leave("vic", 1, lost=True)
    assert keyboard.asking() == []
    assert not keyboard.grant("vic")
    assert keyboard.return_("vic", 20)
    assert keyboard.asking() == ["vic"]


def test_roles_change_live() -> None:
    keyboard = shared()
    assert keyboard.set_role("vic", CONTROL)
    assert keyboard.may_type("vic")
    assert keyboard.set_role("vic", VIEW)
    assert not keyboard.set_role("vic", VIEW)
    assert not keyboard.may_type("vic")


def test_strangers_change_nothing() -> None:
    keyboard = shared()
    for changed in (
        keyboard.take("eve"),
        keyboard.grant("eve"),
        keyboard.hand_back("eve"),
        keyboard.ask("eve", True, 0),
        keyboard.deny("eve"),
        keyboard.leave("eve", 0, lost=False),
        keyboard.return_("eve", 0),
        keyboard.set_role("eve", CONTROL),
        keyboard.typed("eve"),
        keyboard.take(""),
        keyboard.hand_back(""),
    ):
        assert not changed
    assert (keyboard.role("eve"), keyboard.may_type("eve")) == (VIEW, False)
    assert keyboard.view("eve", 0) == KeyboardView(OPEN)
    for who in ("", "ann"):
        with pytest.raises(ValueError, match="cannot join"):
            keyboard.join(who, CONTROL, GUEST)


NAMES = st.sampled_from(["host", "panel", "ann", "bob", "vic", "vera"])
KINDS = {"host": HOST, "panel": TTY}


class Acts(RuleBasedStateMachine):
    """Any order of acts. What guests do by themselves never lets one of them type more."""

    def __init__(self) -> None:
        super().__init__()
        self.keyboard = Keyboard()
        self.roles: dict[str, Role] = {}
        self.away: set[str] = set()
        self.now = 0.0

    def act(self, changed: bool, before: object) -> None:
        assert changed == (self.seen() != before)

    def seen(self) -> object:
        return (
            self.keyboard.state,
            self.keyboard.holder,
            self.keyboard.frozen,
            self.keyboard.asking(),
            {
                who: (self.keyboard.role(who), self.keyboard.view(who, self.now).asked)
                for who in self.roles
            },
            sorted(self.away),
        )

    def guests_who_may_type(self) -> set[str]:
        return {who for who in self.roles if who not in KINDS and self.keyboard.may_type(who)}

    @rule(who=NAMES, role=st.sampled_from(Role))
    def join(self, who: str, role: Role) -> None:
        if who not in self.roles:
            self.keyboard.join(who, role, KINDS.get(who, GUEST))
            self.roles[who] = role

    @rule(who=NAMES, role=st.sampled_from(Role))
    def set_role(self, who: str, role: Role) -> None:
        before = self.seen()
        if who in self.roles:
            self.roles[who] = role
        self.act(self.keyboard.set_role(who, role), before)
        assert role is CONTROL or self.keyboard.role(who) is VIEW

    @rule(who=NAMES, act=st.sampled_from(["take", "grant", "deny", "freeze", "thaw"]))
    def host_acts(self, who: str, act: str) -> None:
        before = self.seen()
        match act:
            case "freeze":
                self.act(self.keyboard.freeze(), before)
                assert not self.guests_who_may_type()
            case "thaw":
                self.act(self.keyboard.thaw(), before)
                assert self.keyboard.state is not FROZEN
            case "take":
                self.act(self.keyboard.take(who), before)
            case "grant":
                self.act(self.keyboard.grant(who), before)
            case _:
                self.act(self.keyboard.deny(who), before)

    @rule(who=NAMES, on=st.booleans())
    def ask(self, who: str, on: bool) -> None:
        before, typing = self.seen(), self.guests_who_may_type()
        held = self.keyboard.holder == who
        self.act(self.keyboard.ask(who, on, self.now), before)
        assert held or self.guests_who_may_type() == typing

    @rule(who=NAMES)
    def hand_back(self, who: str) -> None:
        before = self.seen()
        self.act(self.keyboard.hand_back(who), before)

    @rule(who=NAMES)
    def types(self, who: str) -> None:
        before, typing = self.seen(), self.guests_who_may_type()
        may = self.keyboard.may_type(who)
        changed = self.keyboard.typed(who)
        if changed and self.keyboard.state is OPEN:
            self.roles[who] = CONTROL
        self.act(changed, before)
        assert self.guests_who_may_type() == typing
        if may:
            assert self.keyboard.role(who) is CONTROL or who not in KINDS

    @rule(who=NAMES, lost=st.booleans())
    def leave(self, who: str, lost: bool) -> None:
        before = self.seen()
        if who in self.roles and lost:
            self.away.add(who)
        elif not lost:
            self.away.discard(who)
            self.roles.pop(who, None)
        self.act(self.keyboard.leave(who, self.now, lost=lost), before)
        assert lost or not self.keyboard.may_type(who)

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def return_(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(self.away)))
        before = self.seen()
        self.away.discard(who)
        self.act(self.keyboard.return_(who, self.now), before)

    @rule(seconds=st.sampled_from([0.5, 10, 29.5, 30, 100]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        before = self.seen()
        self.act(self.keyboard.tick(self.now), before)

    @invariant()
    def one_participant_holds_it_or_nobody(self) -> None:
        holder = self.keyboard.holder
        assert (self.keyboard.state is TAKEN) == bool(holder)
        assert not holder or holder in self.roles

    @invariant()
    def nobody_but_the_holder_has_another_role_than_its_own(self) -> None:
        for who, role in self.roles.items():
            expected = CONTROL if who == self.keyboard.holder else role
            assert self.keyboard.role(who) is expected

    @invariant()
    def only_those_who_may_type_type(self) -> None:
        typing = self.guests_who_may_type()
        if self.keyboard.state is TAKEN:
            assert typing <= {self.keyboard.holder}
        elif self.keyboard.state is FROZEN:
            assert not typing
        else:
            assert all(self.roles[who] is CONTROL for who in typing)

    @invariant()
    def who_asks_may_not_type(self) -> None:
        assert not any(self.keyboard.may_type(who) for who in self.keyboard.asking())

    @invariant()
    def only_a_lost_holder_sets_a_deadline(self) -> None:
        due = self.keyboard.next_at
        assert (due is not None) == (self.keyboard.holder in self.away)
        assert due is None or due > self.now


TestActs = Acts.TestCase
