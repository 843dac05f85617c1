"""What a second process may ask of the running one.

The subcommands of decision 3, as wishes and answers in JSON.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from grokdesk.core.accounts import Account
from grokdesk.core.errors import InvalidRequest
from grokdesk.core.notices import GatewayState
from grokdesk.core.ports import ClientKey
from grokdesk.engine.accounts import AccountPool
from grokdesk.engine.import_export import export_json, export_lines, read_accounts
from grokdesk.engine.keys import ClientKeys
from grokdesk.engine.quota import Checks
from grokdesk.engine.runs import RunLog

Json = dict[str, Any]  # goes to `json.dumps` as it is


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
        raise_window: Callable[[], bool],
        check_imports: Callable[[], bool],
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
        self._table: dict[str, Callable[[Mapping[str, Any]], Awaitable[Json]]] = {
            "accounts.import": self._import,
            "accounts.list": self._list_accounts,
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
        reading = read_accounts(str(wish["text"]))
        added = await self._pool.add(reading.found)
        if self._check_imports():
            self._checks.start(account.id for account in added.accounts)
        return {
            "added": len(added.accounts),
            "already_there": added.known,
            "duplicates": reading.duplicates,
            "problems": [{"where": problem.where, "why": problem.why} for problem in reading.problems],
        }

    async def _list_accounts(self, _: Mapping[str, Any]) -> Json:
        return {"accounts": [account_json(account, self._pool) for account in self._pool.accounts()]}

    async def _export(self, wish: Mapping[str, Any]) -> Json:
        accounts = self._pool.accounts()
        text = export_json(accounts) if wish.get("format") == "json" else export_lines(accounts)
        return {"text": text, "count": len(accounts)}

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

    async def _raise_window(self, _: Mapping[str, Any]) -> Json:
        return {"raised": self._raise()}

    async def _quit_program(self, _: Mapping[str, Any]) -> Json:
        self._quit()
        return {}


def account_json(account: Account, pool: AccountPool) -> Json:
    """An account as scripts see it: never the token, only its end."""
    return {
        "id": account.id,
        "name": account.name,
        "token": str(account.token),
        "tier": account.tier.value,
        "tier_source": account.tier_source.value,
        "status": account.status.value,
        "reason": account.reason or account.rest_reason,
        "resting_until": account.resting_until or None,
        "in_flight": pool.in_flight(account.id),
        "uses": account.uses,
        "failures": account.failures,
        "last_use_at": account.last_use_at,
        "last_failure": account.last_failure,
        "last_failure_at": account.last_failure_at,
        "quota": {
            mode.value: {
                "remaining": window.remaining,
                "total": window.total,
                "reset_at": window.reset_at,
                "source": window.source.value,
            }
            for mode, window in account.windows.items()
        },
    }


def key_json(key: ClientKey) -> Json:
    """A client key as scripts see it: never the value, only its end."""
    return {"id": key.id, "name": key.name, "ends_with": key.value.tail, "created_at": key.created_at}
