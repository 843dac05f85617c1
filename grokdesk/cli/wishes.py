"""What the arguments wish for."""

from __future__ import annotations

import argparse
import base64
import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from grokdesk.core.errors import GrokDeskError, InvalidRequest

Wish = dict[str, Any]

_FORMATS: Final = {".json": "json", ".csv": "csv"}
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
    "accounts.assets": _with_word,
    "accounts.conversations": _with_word,
    "proxy.test": lambda args: {"ways": args.ways},
    "proxy.solve": lambda args: {"way": args.way},
    "backup.write": _sealed,
    "backup.show": _sealed,
    "backup.restore": _sealed,
    "store.move": _move,
    "jobs.show": lambda args: {"job": args.job},
    "jobs.cancel": lambda args: {"job": args.job},
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
