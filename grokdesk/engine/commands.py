"""What a second process may ask of the running one.

The subcommands of decision 3, as wishes and answers in JSON.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from grokdesk.core.accounts import Status, Tier
from grokdesk.core.errors import InvalidRequest
from grokdesk.core.notices import GatewayState
from grokdesk.core.ports import ClientKey
from grokdesk.engine.accounts import AccountPool, Brought
from grokdesk.engine.import_export import Fate, Format, How, exported, planned
from grokdesk.engine.keys import ClientKeys
from grokdesk.engine.quota import Checks
from grokdesk.engine.reading import read_accounts
from grokdesk.engine.runs import RunLog
from grokdesk.platform.tasks import offload

E = TypeVar("E", bound=StrEnum)
U = TypeVar("U")

Json = dict[str, Any]  # goes to `json.dumps` as it is
Command = Callable[[Mapping[str, Any]], Awaitable[Json]]


class Commands:
    """Carries out wishes. Works with a gateway or, on a data folder nobody serves, without one."""

    def __init__(
        self,
        *,
        pool: AccountPool,
        keys: ClientKeys,
        runs: RunLog,
        checks: Checks,
        gateway: Callable[[], GatewayState],
        about: Callable[[], Json],
        quit_: Callable[[], None],
        raise_window: Callable[[Sequence[str], str], bool],
        check_imports: Callable[[], bool],
        more: Mapping[str, Command],
    ) -> None:
        self._pool = pool
        self._keys = keys
        self._runs = runs
        self._checks = checks
        self._gateway = gateway
        self._about = about
        self._quit = quit_
        self._raise = raise_window
        self._check_imports = check_imports
        self._table: dict[str, Command] = {
            **more,
            "accounts.import": self._import,
            "accounts.export": self._export,
            "keys.new": self._new_key,
            "keys.list": self._list_keys,
            "keys.revoke": self._revoke_key,
            "status": self._status,
            "raise": self._raise_window,
            "quit": self._quit_program,
        }

    async def do(self, wish: Mapping[str, Any]) -> Json:
        """Carry out `wish["do"]`. Raises `GrokDeskError`."""
        command = self._table.get(str(wish.get("do")))
        if command is None:
            raise InvalidRequest(
                f"The running program does not know '{wish.get('do')}'.",
                hint="Quit it and start this version.",
            )
        return await command(wish)

    async def _import(self, wish: Mapping[str, Any]) -> Json:
        """Bring accounts in, or with `dry_run` only say what that would do."""
        how, tier = _one_of(How, wish, "how", How.ADD), _one_of(Tier, wish, "tier", None)
        tags = tuple(str(tag) for tag in wish.get("tags") or ())
        reading = (await offload(read_accounts, _brought(wish))).marked(tags, tier)
        plan = await offload(planned, reading, self._pool.accounts(), how)
        counts, dry_run = plan.counts, bool(wish.get("dry_run"))
        if dry_run:
            known = counts.get(Fate.KNOWN, 0) + counts.get(Fate.RENEWABLE, 0)
            done = Brought(known=known)
        else:
            done = await self._pool.bring(plan)
            if self._check_imports():
                self._checks.start((*done.added, *done.renewed))
        return {
            "dry_run": dry_run,
            "added": len(plan.new if dry_run else done.added),
            "updated": len(plan.changes if dry_run else done.updated),
            "removed": len(plan.gone if dry_run else done.removed),
            "already_there": done.known,
            "duplicates": counts.get(Fate.REPEATED, 0),
            "problems": [{"where": problem.where, "why": problem.why} for problem in reading.problems],
            "lines": [
                {"where": line.where, "fate": line.fate.name.lower(), "name": line.name, "words": line.words}
                for line in plan.lines
            ],
        }

    async def _export(self, wish: Mapping[str, Any]) -> Json:
        """The accounts as text: all, or those of `ids`, with any of `tags`, of `tier`, in `status`."""
        name = {"json": Format.GROK2API_2.value}.get(str(wish.get("format")), wish.get("format"))
        form = _one_of(Format, {"format": name}, "format", Format.TXT)
        tier, status = _one_of(Tier, wish, "tier", None), _one_of(Status, wish, "status", None)
        ids, tags = wish.get("ids"), wish.get("tags")
        accounts = [
            account
            for account in self._pool.accounts()
            if account.token
            and (ids is None or account.id in ids)
            and (tags is None or not set(tags).isdisjoint(account.tags))
            and tier in {None, account.tier}
            and status in {None, account.status}
        ]
        return {"text": await offload(exported, accounts, form), "count": len(accounts)}

    async def _new_key(self, wish: Mapping[str, Any]) -> Json:
        key = await self._keys.make(str(wish.get("name") or "Key"))
        return {"key": key.value.reveal(), **key_json(key)}

    async def _list_keys(self, _: Mapping[str, Any]) -> Json:
        return {"keys": [key_json(key) for key in self._keys.all()]}

    async def _revoke_key(self, wish: Mapping[str, Any]) -> Json:
        return key_json(await self._keys.revoke(str(wish.get("key", ""))))

    async def _status(self, _: Mapping[str, Any]) -> Json:
        state = self._gateway()
        counts = self._pool.counts()
        return {
            **self._about(),
            "running": True,
            "gateway": {
                "state": state.phase.value,
                "base_url": state.base_url if state.port else "",
                "error": state.error,
                "hint": state.hint,
            },
            "accounts": {
                "total": counts.total,
                "ready": counts.ready,
                "cooling": counts.cooling,
                "need_owner": counts.need_owner,
                "disabled": counts.disabled,
            },
            "requests_in_flight": self._runs.in_flight,
            "accounts_being_checked": self._checks.running,
        }

    async def _raise_window(self, wish: Mapping[str, Any]) -> Json:
        """Show the window, and in it the links and files of `open`; `token` lets it come to the front."""
        opens = wish.get("open")
        shown = [str(one) for one in opens] if isinstance(opens, list) else []
        return {"raised": self._raise(shown, str(wish.get("token") or ""))}

    async def _quit_program(self, _: Mapping[str, Any]) -> Json:
        self._quit()
        return {}


def _brought(wish: Mapping[str, Any]) -> str | bytes:
    """The content of a file, as text or as Base64 of its bytes."""
    if "data" not in wish:
        return str(wish["text"])
    try:
        return base64.b64decode(str(wish["data"]), validate=True)
    except ValueError as error:
        raise InvalidRequest("The file did not arrive whole.", param="data") from error


def _one_of(kind: type[E], wish: Mapping[str, Any], name: str, unsaid: U) -> E | U:
    if wish.get(name) is None:
        return unsaid
    try:
        return kind(wish[name])
    except ValueError as error:
        words = ", ".join(one.value for one in kind)
        raise InvalidRequest(f"'{wish[name]}' is not one of {words}.", param=name) from error


def key_json(key: ClientKey) -> Json:
    """A client key as scripts see it: never the value, only its end."""
    return {"id": key.id, "name": key.name, "ends_with": key.value.tail, "created_at": key.created_at}
