"""Objects own their fields: in these rooms nobody assigns to another object's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine

ROOMS = (
    "access",
    "agent",
    "cli",
    "client",
    "control",
    "pty",
    "relay",
    "sessions",
    "shells",
    "signaling",
    "targets",
    "wire",
)
"""All but those that set fields of a library's objects, the emulator, whose functions share one
screen record, and the transport."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def foreign_assignments(tree: ast.AST) -> list[str]:
    """Assignments and deletions of attributes of anything but ``self``, ``cls`` and what the
    function has just made."""
    found: list[str] = []

    def visit(node: ast.AST, owned: frozenset[str]) -> None:
        if isinstance(node, Function):
            owned = owned | frozenset(_made_in(node))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            owner = node.value
            if not (isinstance(owner, ast.Name) and owner.id in owned):
                found.append(f"{node.lineno}: {ast.unparse(node)}")
        for child in ast.iter_child_nodes(node):
            visit(child, owned)

    visit(tree, frozenset({"self", "cls"}))
    return found


def _made_in(function: Function) -> Iterator[str]:
    """Local names for new objects: ``x = Class(…)``, ``x = cls(…)``."""
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id=made))):
                if made == "cls" or made[:1].isupper():
                    yield name


@pytest.mark.parametrize("room", ROOMS)
def test_nobody_assigns_to_another_objects_fields(room: str) -> None:
    root = Path(engine.__file__).parent
    found = [
        f"{path.relative_to(root)}:{place}"
        for path in sorted((root / room).rglob("*.py"))
        for place in foreign_assignments(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "caught"),
    [
        ("session.role = role", True),
        ("session.count += 1", True),
        ("self.session.role = role", True),
        ("first, session.role = pair", True),
        ("del session.role", True),
        ("self.role = role", False),
        ("made = Session(); made.role = role", False),
        ("session = find(); session.role = role", True),
    ],
)
def test_the_check_tells_own_fields_from_others(line: str, caught: bool) -> None:
    source = f"def function(self, session, role, pair): {line}"
    assert bool(foreign_assignments(ast.parse(source))) is caught
