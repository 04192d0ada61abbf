"""Internals of other libraries are touched only in the adapters (engine.core.dependencies),
and each adapter lists at its top what it touches."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from functools import cache
from pathlib import Path

import pytest

from engine.core.dependencies import TESTED

ROOT = Path(__file__).parent.parent
ROOMS = ("engine", "gui")
DOCUMENTED = {
    # Public in spite of their names: namedtuple(), os and PyInstaller document them.
    "_asdict",
    "_exit",
    "_fields",
    "_make",
    "_replace",
    "_MEIPASS",
}
UNDOCUMENTED = {"eio", "eio_sid_from_sid", "ConnectionCls"}
"""Of python-socketio and urllib3: internals without an underscore."""
ADAPTERS = {name for row in TESTED for name in row.adapters}


def modules() -> dict[str, Path]:
    found = {}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def is_adapter(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in ADAPTERS)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in DOCUMENTED


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(MODULES[module].read_text())))


@cache
def defined(module: str) -> frozenset[str]:
    """Names that the module itself gives to functions, classes, variables and fields."""
    names: set[str] = set()
    for node in nodes(module):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.Attribute(value=ast.Name("self" | "cls"), ctx=ast.Store()):
                names.add(node.attr)
    return frozenset(names)


@cache
def defined_anywhere() -> frozenset[str]:
    return frozenset().union(*(defined(module) for module in MODULES))


def imported(module: str) -> set[str]:
    """Names in the module that stand for another library, or for something of it."""
    names: set[str] = set()
    for node in nodes(module):
        if isinstance(node, ast.Import):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] not in ROOMS:
            names |= {alias.asname or alias.name for alias in node.names}
    return names - set(ROOMS)


def root(node: ast.expr) -> str:
    """``a`` of ``a.b.c``."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def touches(module: str) -> dict[str, str]:
    """What the module touches of other libraries' internals, and where: name to ``line: code``."""
    found: dict[str, str] = {}
    libraries = imported(module)
    for node in nodes(module):
        match node:
            case ast.Attribute(value=ast.Name("self" | "cls") | ast.Call(ast.Name("super"))):
                # A base class may be in another module of ours.
                name = node.attr if node.attr not in defined_anywhere() else ""
            case ast.Attribute(ctx=ast.Store()) if root(node) in libraries and root(node) != "sys":
                found[node.attr] = f"{node.lineno}: {ast.unparse(node)} = …"
                continue
            case ast.Attribute():
                name = node.attr if node.attr not in defined(module) else ""
                if node.attr in UNDOCUMENTED:
                    found[node.attr] = f"{node.lineno}: {ast.unparse(node)}"
            case ast.Call(
                func=ast.Name("getattr" | "setattr" | "delattr" | "hasattr"),
                args=[_, ast.Constant(value=str(name)), *_],
            ):
                name = name if name not in defined(module) else ""
            case ast.ImportFrom() if (node.module or "").split(".")[0] not in ROOMS:
                hidden = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                name = next(filter(is_private, hidden), "")
            case _:
                continue
        if is_private(name):
            found[name] = f"{node.lineno}: {ast.unparse(node)}"
    return found


def patches(module: str) -> list[str]:
    """``setattr`` on a module or class that is not ours, or of a name that is not spelled out."""
    libraries = imported(module)
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in nodes(module)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("setattr", "delattr")
        and root(node.args[0]) in libraries
    ]


def overridden(module: str) -> set[str]:
    """Private names of another library's class that a class of the module defines anew."""
    names: set[str] = set()
    for cls in vars(importlib.import_module(module)).values():
        if not inspect.isclass(cls) or cls.__module__ != module:
            continue
        for base in cls.__mro__[1:]:
            if base.__module__.split(".")[0] not in (*ROOMS, "builtins"):
                names |= vars(cls).keys() & vars(base).keys()
    return {name for name in names & defined(module) if is_private(name)}


def test_only_adapters_touch_internals() -> None:
    others = [name for name in MODULES if not is_adapter(name)]
    found = {name: [*touches(name).values(), *patches(name)] for name in others}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize("module", sorted(filter(is_adapter, MODULES)))
def test_an_adapter_lists_at_its_top_what_it_touches(module: str) -> None:
    docstring = inspect.getdoc(importlib.import_module(module)) or ""
    listed = set(re.findall(r"``(?:\w+\.)*\.?(\w+)", docstring))
    assert touches(module).keys() - listed == set()
    assert overridden(module) - listed == set()
    code = MODULES[module].read_text().split('"""', 2)[2]
    assert {name for name in listed if is_private(name) and name not in code} == set()


def test_every_adapter_of_the_table_exists() -> None:
    assert set(MODULES) >= ADAPTERS


@pytest.mark.parametrize(
    "source",
    [
        "import aioice\nx = aioice.ice._stuff",
        "def f(pc):\n    return pc.sctp._outbound_queue",
        "import docker\ndocker.api.client = None",
        "from aiortc._private import thing",
        "from aiortc import _thing",
        "def f(x):\n    return getattr(x, '_ssl')",
        "class A(Base):\n    def f(self):\n        return self._nobody_of_ours_defines_this",
        "def f(sio):\n    sio.eio.start_background_task = None",
    ],
)
def test_the_check_finds(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.py"
    path.write_text(source)
    monkeypatch.setitem(MODULES, "engine.m", path)
    nodes.cache_clear()
    defined.cache_clear()
    assert touches("engine.m")


def test_the_check_finds_a_patch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.py"
    path.write_text("import aioice.ice\nfor n in names:\n    setattr(aioice.ice, n, None)")
    monkeypatch.setitem(MODULES, "engine.m", path)
    nodes.cache_clear()
    assert patches("engine.m")
