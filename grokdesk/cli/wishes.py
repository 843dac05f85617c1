"""What the arguments wish for."""

from __future__ import annotations

import argparse
import base64
import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from grokdesk.core.errors import GrokDeskError, InvalidRequest
from grokdesk.core.media import MOST_REFERENCES

Wish = dict[str, Any]

_FORMATS: Final = {".json": "json", ".csv": "csv"}
# The running program takes wishes of 256 MB.
_MOST_BYTES: Final = 128 << 20
_VARIABLE: Final = "GROKDESK_BACKUP_VARIABLE"


def wish_of(args: argparse.Namespace) -> Wish:
    """The wish that `args` spell out. Raises `GrokDeskError` for a file that cannot be read."""
    name = ".".join(part for part in (args.command, getattr(args, "action", None)) if part)
    return {"do": name, **_SAID.get(name, _nothing)(args)}


def _nothing(_: argparse.Namespace) -> Wish:
    return {}


def _import(args: argparse.Namespace) -> Wish:
    how = "replace" if args.replace else "update" if args.update else "add"
    data = base64.b64encode(_read(args.file)).decode()
    tier = args.tier.value if args.tier else None
    return {"data": data, "how": how, "dry_run": args.dry_run, "tags": args.tag, "tier": tier}


def _export(args: argparse.Namespace) -> Wish:
    form = args.format or _FORMATS.get(Path(args.file).suffix.lower(), "txt")
    said = _filters(args)
    return {
        "format": form,
        "status": said["status"],
        "tier": said["only_tier"],
        "tags": said["only_tags"] or None,
    }


def _filters(args: argparse.Namespace) -> Wish:
    return {
        "status": args.status.value if args.status else None,
        "only_tier": args.only_tier.value if args.only_tier else None,
        "only_tags": args.only_tag,
    }


def _chosen(args: argparse.Namespace) -> Wish:
    return {"accounts": args.accounts, "all": args.all, **_filters(args)}


def _with_word(args: argparse.Namespace) -> Wish:
    return {"word": args.word, **_chosen(args)}


def _assets(args: argparse.Namespace) -> Wish:
    return {"do": "accounts.fetch", **_chosen(args)} if args.word == "fetch" else _with_word(args)


def _edit(args: argparse.Namespace) -> Wish:
    said = {name: getattr(args, name) for name in ("label", "note", "proxy", "max_parallel")}
    return {**said, **_chosen(args)}


def _adult(args: argparse.Namespace) -> Wish:
    born = args.birth_date.isoformat() if args.birth_date else None
    return {"birth_date": born, "confirmed": args.i_am_an_adult, **_with_word(args)}


def _sealed(args: argparse.Namespace) -> Wish:
    return {
        "file": str(Path(args.file).absolute()),
        "passphrase": passphrase(args.passphrase_file, _VARIABLE, again=args.action == "write"),
    }


def _move(args: argparse.Namespace) -> Wish:
    key = _line_of(args.team_key_file) if args.team_key_file else None
    return {"url": args.url, "team_key": key, "copy_only": args.copy_only}


# --- pictures, films and the library ------------------------------------------------------------------------


def _image(args: argparse.Namespace) -> Wish:
    return {"kind": "image", "n": args.n, **_made(args)}


def _video(args: argparse.Namespace) -> Wish:
    return {
        "kind": "video",
        "seconds": args.seconds,
        "resolution": args.resolution.value if args.resolution else None,
        "preset": args.preset.value if args.preset else None,
        **_made(args),
    }


def _made(args: argparse.Namespace) -> Wish:
    prompt = _read("-").decode("utf-8-sig", "replace") if args.prompt == "-" else args.prompt
    return {
        "do": "media.make",
        "prompt": prompt.strip(),
        "size": args.size,
        "model": args.model,
        "references": _references(args.references),
    }


def _references(names: Sequence[str]) -> list[Wish]:
    if len(names) > MOST_REFERENCES:
        raise InvalidRequest(
            f"{len(names)} pictures were given to begin with; Grok takes at most {MOST_REFERENCES}."
        )
    found = [(Path(name).name, _read(name)) for name in names]
    if sum(len(data) for _, data in found) > _MOST_BYTES:
        raise InvalidRequest(
            f"The pictures have more than {_MOST_BYTES >> 20} MB together.", hint="Make them smaller first."
        )
    return [{"name": name, "data": base64.b64encode(data).decode()} for name, data in found]


def _media_list(args: argparse.Namespace) -> Wish:
    return {"kind": args.kind.value if args.kind else None, "limit": args.limit}


def _by_id(args: argparse.Namespace) -> Wish:
    return {"id": args.id}


def _by_ids(args: argparse.Namespace) -> Wish:
    return {"ids": args.ids}


def _sought(args: argparse.Namespace) -> Wish:
    return {
        "kind": args.kind.value if args.kind else None,
        "favourite": args.favourites,
        "tag": args.tag,
        "text": args.text,
    }


def _library_list(args: argparse.Namespace) -> Wish:
    return {"limit": args.limit, "removed": args.removed, **_sought(args)}


def _library_export(args: argparse.Namespace) -> Wish:
    return {"ids": args.ids, "all": args.all, **_folder(args), **_sought(args)}


def _folder(args: argparse.Namespace) -> Wish:
    return {"folder": str(args.folder.expanduser().absolute())}


def _changed(args: argparse.Namespace) -> Wish:
    change: Wish = {
        "favourite": {"favourite": True},
        "unfavourite": {"favourite": False},
        "tag": {"tag": [getattr(args, "word", "")]},
        "untag": {"untag": [getattr(args, "word", "")]},
    }
    return {"do": "library.change", "ids": args.ids, **change[args.action]}


_SAID: Final[dict[str, Callable[[argparse.Namespace], Wish]]] = {
    "accounts.import": _import,
    "accounts.list": _filters,
    "accounts.show": lambda args: {"account": args.account},
    "accounts.export": _export,
    "accounts.restore": lambda args: {"ids": args.ids},
    "accounts.refresh": _chosen,
    "accounts.enable": _chosen,
    "accounts.disable": _chosen,
    "accounts.remove": _chosen,
    "accounts.tag": _with_word,
    "accounts.untag": _with_word,
    "accounts.tier": _with_word,
    "accounts.edit": _edit,
    "accounts.adult": _adult,
    "accounts.assets": _assets,
    "accounts.conversations": _with_word,
    "proxy.test": lambda args: {"ways": args.ways},
    "proxy.solve": lambda args: {"way": args.way},
    "backup.write": _sealed,
    "backup.show": _sealed,
    "backup.restore": _sealed,
    "store.move": _move,
    "jobs.show": lambda args: {"job": args.job},
    "jobs.cancel": lambda args: {"job": args.job},
    "image": _image,
    "video": _video,
    "media.list": _media_list,
    **dict.fromkeys(("media.show", "media.cancel", "media.remove", "library.show"), _by_id),
    "library.list": _library_list,
    "library.export": _library_export,
    "library.import": _folder,
    **dict.fromkeys((f"library.{name}" for name in ("favourite", "unfavourite", "tag", "untag")), _changed),
    **dict.fromkeys(("library.remove", "library.restore", "library.revoke"), _by_ids),
    "diagnostics": lambda args: {
        "file": str(Path(args.file).absolute()) if args.file else "",
        "without": args.without,
    },
    "keys.new": lambda args: {"name": args.name},
    "keys.revoke": lambda args: {"key": args.key},
}


# --- files and secrets --------------------------------------------------------------------------------------


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise GrokDeskError(f"The file {name} cannot be read: {error.strerror}.") from error


def _line_of(name: str) -> str:
    return _read(name).decode("utf-8-sig", "replace").strip("\r\n")


def passphrase(file: str | None, variable: str, *, again: bool) -> str:
    """The passphrase: from `file`, else from the environment, else from the person at the terminal.

    `again` has it typed twice. Raises `InvalidRequest` when there is nobody to ask.
    """
    if file:
        return _line_of(file)
    if os.environ.get(variable):
        return os.environ[variable]
    if not sys.stdin.isatty():
        raise InvalidRequest(
            "The backup needs a passphrase.", hint=f"Say --passphrase-file FILE, or set {variable}."
        )
    typed = getpass.getpass("Passphrase: ")
    if again and getpass.getpass("Once more: ") != typed:
        raise InvalidRequest("The two passphrases are not the same.")
    return typed
