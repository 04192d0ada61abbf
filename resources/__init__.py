"""Files the window needs at run time: icons, drawn for this project.

Owns finding them, from a checkout, a wheel or a one-file program alike. Does
not own drawing or tinting: that is gui.kit.icons.
"""

from __future__ import annotations

from importlib.resources import files


def read(name: str) -> bytes:
    """The bytes of one file, by its path below this folder ("icons/app.svg").

    Raises FileNotFoundError.
    """
    resource = files(__name__).joinpath(name)
    if not resource.is_file():
        raise FileNotFoundError(f"No resource {name}")
    return resource.read_bytes()


def path(name: str) -> str:
    """Where one file lies, for the few who insist on opening it themselves (a style sheet).

    The program is never run from an archive, so every file has a place of its own.
    """
    return str(files(__name__).joinpath(name))


def icon_names() -> tuple[str, ...]:
    """Every icon's name, sorted, without folder and ending."""
    entries = files(__name__).joinpath("icons").iterdir()
    return tuple(sorted(e.name[:-4] for e in entries if e.name.endswith(".svg")))
