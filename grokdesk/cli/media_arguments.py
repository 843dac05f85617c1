"""What can be written on the command line about pictures, films and the library."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from grokdesk.core.errors import InvalidRequest
from grokdesk.core.media import (
    LONGEST_FILM_S,
    MOST_IMAGES,
    MOST_REFERENCES,
    Kind,
    Preset,
    Resolution,
    film_seconds,
)

_USUALLY_LISTED: Final = 50


class Group(Protocol):
    """Takes subcommands."""

    def command(self, name: str, what: str) -> argparse.ArgumentParser:
        """A subcommand."""
        ...

    def group(self, name: str, what: str) -> Group:
        """A subcommand that has subcommands."""
        ...


def add_media(commands: Group) -> None:
    """Add everything that is about pictures and films."""
    _image(commands.command("image", "make pictures, or change some"))
    _video(commands.command("video", "make a film"))
    _jobs(commands.group("media", "list, cancel or remove what makes pictures and films"))
    _library(commands.group("library", "look after the pictures and films that are kept"))


def _image(image: argparse.ArgumentParser) -> None:
    # What argparse writes has the prompt last, where it would be taken for one more file of `--from`.
    image.usage = "%(prog)s PROMPT [-n N] [--size SIZE|RATIO] [--model NAME] [--from FILE ...] [--out PATH]"
    _prompted(image)
    image.add_argument(
        "-n", "--n", type=_whole(1, MOST_IMAGES), default=1, metavar="N", help=f"so many, 1 to {MOST_IMAGES}"
    )
    _made(image)


def _video(video: argparse.ArgumentParser) -> None:
    video.usage = (
        "%(prog)s PROMPT [--seconds N] [--size SIZE|RATIO] [--resolution HEIGHT] [--preset PRESET] "
        "[--model NAME] [--from FILE ...] [--out PATH]"
    )
    _prompted(video)
    video.add_argument(
        "--seconds", type=_seconds, metavar="N", help=f"how long, 1 to {LONGEST_FILM_S}; usually 6"
    )
    video.add_argument("--resolution", type=Resolution, choices=list(Resolution), help="usually 720p")
    video.add_argument(
        "--preset", type=Preset, choices=list(Preset), help="how freely it treats the prompt; usually custom"
    )
    _made(video)


def _prompted(command: argparse.ArgumentParser) -> None:
    command.add_argument("prompt", metavar="PROMPT", help="what is to be seen; - reads standard input")


def _made(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--size", metavar="SIZE|RATIO", help="such as 1024x1024 or 16:9; Grok takes the nearest it knows"
    )
    command.add_argument("--model", metavar="NAME", help="the model that makes it")
    command.add_argument(
        "--from",
        dest="references",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help=f"begin with these pictures, {MOST_REFERENCES} at most",
    )
    command.add_argument(
        "--out", type=Path, metavar="PATH", help="a folder, or a file name for one; usually this folder"
    )


def _jobs(media: Group) -> None:
    listed = media.command("list", "list the jobs that make pictures and films")
    _of_kind(listed)
    _limited(listed)
    for name, what in (
        ("show", "tell how far a job is, and what it has made"),
        ("cancel", "end a job"),
        ("remove", "forget a job and remove what it made; `library restore` brings the files back"),
    ):
        media.command(name, what).add_argument("id", metavar="ID")


def _library(library: Group) -> None:
    listed = library.command("list", "list files, the newest first")
    _sought(listed)
    _limited(listed)
    listed.add_argument("--removed", action="store_true", help="those that `restore` can bring back")
    library.command("show", "tell everything about a file").add_argument("id", metavar="ID")

    export = library.command("export", "copy files into a folder, with what is known of each beside it")
    export.add_argument("folder", type=Path, metavar="FOLDER")
    export.add_argument("ids", nargs="*", metavar="ID")
    _sought(export)
    export.add_argument("--all", action="store_true", help="all of them")
    bring = library.command("import", "take in a folder of pictures and films, also one of grok2api 2")
    bring.add_argument("folder", type=Path, metavar="FOLDER")

    for name, what in (
        ("favourite", "mark files; those are never deleted to make room"),
        ("unfavourite", "take the mark from files"),
        ("remove", "remove files; `restore` brings them back for some days"),
        ("restore", "bring removed files back"),
        ("revoke", "give files new links; the old ones open nothing any more"),
    ):
        _ids(library.command(name, what))
    for name, what in (("tag", "give files a tag"), ("untag", "take a tag from files")):
        one = library.command(name, what)
        one.add_argument("word", metavar="TAG")
        _ids(one)
    library.command("tidy", "delete now what is due: removed files, and the oldest above the limits")


def _sought(command: argparse.ArgumentParser) -> None:
    _of_kind(command)
    command.add_argument("--favourites", action="store_true", help="only favourites")
    command.add_argument("--tag", metavar="TAG", help="only those with this tag")
    command.add_argument(
        "--text", metavar="WORDS", help="only those with these words in the prompt, model, tags or account"
    )


def _of_kind(command: argparse.ArgumentParser) -> None:
    command.add_argument("--kind", type=Kind, choices=list(Kind), help="only these")


def _limited(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--limit",
        type=_whole(0),
        default=_USUALLY_LISTED,
        metavar="N",
        help=f"so many at most; 0 for all, usually {_USUALLY_LISTED}",
    )


def _ids(command: argparse.ArgumentParser) -> None:
    command.add_argument("ids", nargs="+", metavar="ID")


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text) if text.isascii() and text.isdecimal() else -1
        if value < least or (most is not None and value > most):
            bounds = f"from {least} on" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number {bounds}")
        return value

    return number


def _seconds(text: str) -> int:
    try:
        return film_seconds(text)
    except InvalidRequest as error:
        raise argparse.ArgumentTypeError(error.message) from None
