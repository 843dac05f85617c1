"""Links and files on the command line: what somebody clicked, dropped on the icon, or typed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from grokdesk.core.links import PREFIX

LINK: Final = "--link"
_VALUED: Final = ("--data-dir", "--log-level", "--host", "--port")


def split(arguments: Sequence[str], commands: Collection[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the arguments without what is to be opened, and that: links as they are, files by whole path.

    Everything behind `--link` is one link: the system puts there what a web page wrote, and on Windows a
    quotation mark in it would otherwise make options and commands of its rest. A file is only taken where a
    command could stand and is none.
    """
    given = list(arguments)
    if LINK in given:
        place = given.index(LINK)
        return given[:place], (" ".join(given[place + 1 :]),)
    rest: list[str] = []
    opened: list[str] = []
    skip = False
    for place, argument in enumerate(given):
        if skip or argument.startswith("-"):
            skip = not skip and argument in _VALUED
            rest.append(argument)
        elif argument in commands:
            return [*rest, *given[place:]], tuple(opened)
        elif _can_be_opened(argument):
            opened.append(argument if argument.lower().startswith(PREFIX) else str(Path(argument).absolute()))
        else:
            rest.append(argument)
    return rest, tuple(opened)


def _can_be_opened(argument: str) -> bool:
    if argument.lower().startswith(PREFIX):
        return True
    try:
        return Path(argument).is_file()
    except OSError:
        # A name that is too long, or in a folder that cannot be looked into.
        return False
