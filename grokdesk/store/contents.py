"""Everything a store holds, as plain data that JSON can hold: for full backups, and to move to another store.

Secrets are in clear in it. Whoever takes it seals it again, and never logs it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Generic, TypeVar

from grokdesk.core.accounts import (
    Account,
    AccountId,
    Credits,
    MediaQuota,
    Mode,
    Product,
    Status,
    Tier,
    TierSource,
    Window,
    WindowSource,
)
from grokdesk.core.completions import KeptCompletion
from grokdesk.core.errors import Broken
from grokdesk.core.ports import ClientKey, Portion, Put
from grokdesk.core.responses import StoredResponse
from grokdesk.core.runs import RunRecord, RunState, Talk, Try
from grokdesk.core.secret import Secret
from grokdesk.core.usage import HourSum
from grokdesk.platform.tasks import offload
from grokdesk.store.stores import Copyable, KeptAccount, KeptResponse, Stores

log = logging.getLogger(__name__)

T = TypeVar("T")
Plain = dict[str, Any]  # what `json` writes and reads back

ACCOUNTS: Final = "accounts"
KEYS: Final = "keys"
RUNS: Final = "runs"
HOURS: Final = "hours"
TALKS: Final = "talks"
RESPONSES: Final = "responses"
COMPLETIONS: Final = "completions"


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one kind: how many rows were added, and how many were there already."""

    kind: str
    added: int
    known: int


class StoreContents:
    """The `Contents` (core/ports.py) of an open store. It may be in use meanwhile."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def portions(self) -> AsyncIterator[Portion]:
        """Read all of it, part by part, kind by kind."""
        return portions(self._stores)

    async def put(self, portion: Portion) -> Put:
        """Add the rows that are missing; those that are there stay as they are."""
        return await put(self._stores, portion)


async def portions(stores: Stores) -> AsyncIterator[Portion]:
    """Read all of a store, at most 500 rows at a time, each kind in the order in which it is put back."""
    for form in _FORMS:
        async for rows in form.read(stores):
            yield rows


async def put(stores: Stores, portion: Portion) -> Put:
    """Add the rows that are missing. An account is known by its id or its token, anything else by its id.

    Doing it again changes nothing. Raises `Broken` for a portion that no GrokDesk of this version wrote.
    """
    for form in _FORMS:
        if form.kind == portion.kind:
            return await form.put(stores, portion)
    raise _unreadable(f"kind {portion.kind[:40]!r}")


async def move(source: Stores, target: Stores, on_progress: Callable[[Moved], None]) -> list[Moved]:
    """Copy all of `source` into `target`; return what became of each kind.

    `source` stays as it is. `on_progress` hears how far a kind is after each part. When it fails it is simply
    done again: what is there already is left alone.
    """
    counts = {form.kind: Moved(form.kind, 0, 0) for form in _FORMS}
    async for portion in portions(source):
        done, before = await put(target, portion), counts[portion.kind]
        now = counts[portion.kind] = Moved(portion.kind, before.added + done.added, before.known + done.known)
        on_progress(now)
    log.info("store moved %s", " ".join(f"{one.kind}={one.added}+{one.known}" for one in counts.values()))
    return list(counts.values())


@dataclass(frozen=True, slots=True)
class _Form(Generic[T]):
    """How one kind is written down."""

    kind: str
    of: Callable[[Stores], Copyable[T]]
    told: Callable[[T], Plain]
    read_back: Callable[[Plain], T]

    async def read(self, stores: Stores) -> AsyncIterator[Portion]:
        async for rows in self.of(stores).batches():
            if rows:
                yield Portion(self.kind, await offload(self._plain, rows))

    async def put(self, stores: Stores, portion: Portion) -> Put:
        try:
            rows = await offload(self._rows, portion)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # Not the text of the error: it may hold a secret.
            raise _unreadable(f"{self.kind}: {type(error).__name__}") from None
        added = await self.of(stores).fill(rows)
        return Put(added, len(rows) - added)

    def _plain(self, rows: Sequence[T]) -> list[Plain]:
        return [self.told(row) for row in rows]

    def _rows(self, portion: Portion) -> list[T]:
        return [self.read_back(row) for row in portion.rows]


def _unreadable(detail: str) -> Broken:
    return Broken(
        "This does not hold what GrokDesk writes.",
        hint="It may come from a newer GrokDesk: update this one and try again.",
        detail=detail,
    )


# --- accounts -----------------------------------------------------------------------------------------------

_SECRETS: Final = ("token", "cookies", "proxy")


def _account_told(row: KeptAccount) -> Plain:
    account = row.account
    plain: Plain = {one.name: getattr(account, one.name) for one in fields(account)}
    plain |= {name: plain[name].reveal() for name in _SECRETS}
    return plain | {
        "tags": list(account.tags),
        "tier": account.tier.value,
        "tier_source": account.tier_source.value,
        "status": account.status.value,
        "windows": {
            mode.value: {**_told(window), "source": window.source.value}
            for mode, window in account.windows.items()
        },
        "credits": account.credits
        and {
            **_told(account.credits),
            "products": {str(number): percent for number, percent in account.credits.products.items()},
        },
        "media": {product.value: _told(quota) for product, quota in account.media.items()},
        "removed_at": row.removed_at,
    }


def _account_of(row: Plain) -> KeptAccount:
    plain = dict(row)
    removed_at = plain.pop("removed_at")
    plain |= {name: Secret(str(plain[name])) for name in _SECRETS}
    pool = plain["credits"]
    account = Account(
        **{
            **plain,
            "id": AccountId(plain["id"]),
            "tags": tuple(plain["tags"]),
            "tier": Tier(plain["tier"]),
            "tier_source": TierSource(plain["tier_source"]),
            "status": Status(plain["status"]),
            "windows": {
                Mode(mode): Window(**{**window, "source": WindowSource(window["source"])})
                for mode, window in plain["windows"].items()
            },
            "credits": pool
            and Credits(
                **{**pool, "products": {int(number): share for number, share in pool["products"].items()}}
            ),
            "media": {Product(name): MediaQuota(**quota) for name, quota in plain["media"].items()},
        }
    )
    return KeptAccount(account, removed_at)


# --- the others ---------------------------------------------------------------------------------------------


def _told(value: Any) -> Plain:  # noqa: ANN401 - any dataclass of plain fields
    return {one.name: getattr(value, one.name) for one in fields(value)}


def _key_told(key: ClientKey) -> Plain:
    return {**_told(key), "value": key.value.reveal()}


def _key_of(row: Plain) -> ClientKey:
    return ClientKey(**{**row, "value": Secret(str(row["value"]))})


def _run_told(run: RunRecord) -> Plain:
    return {**_told(run), "state": run.state.value, "tries": [_told(one) for one in run.tries]}


def _run_of(row: Plain) -> RunRecord:
    tries = tuple(Try(**one) for one in row["tries"])
    return RunRecord(**{**row, "state": RunState(row["state"]), "tries": tries})


def _hour_told(hour: HourSum) -> Plain:
    return {**_told(hour), "firsts": f"{hour.firsts:x}"}


def _hour_of(row: Plain) -> HourSum:
    return HourSum(**{**row, "firsts": int(row["firsts"], 16)})


def _talk_of(row: Plain) -> Talk:
    return Talk(**row)


def _response_told(row: KeptResponse) -> Plain:
    return {**_told(row.response), "used_at": row.used_at}


def _response_of(row: Plain) -> KeptResponse:
    plain = dict(row)
    used_at = plain.pop("used_at")
    return KeptResponse(StoredResponse(**plain), used_at)


def _completion_told(completion: KeptCompletion) -> Plain:
    return {**_told(completion), "metadata": dict(completion.metadata)}


def _completion_of(row: Plain) -> KeptCompletion:
    return KeptCompletion(**row)


_FORMS: Final[tuple[_Form[Any], ...]] = (
    _Form(ACCOUNTS, lambda stores: stores.accounts, _account_told, _account_of),
    _Form(KEYS, lambda stores: stores.keys, _key_told, _key_of),
    _Form(RUNS, lambda stores: stores.runs, _run_told, _run_of),
    _Form(HOURS, lambda stores: stores.hours, _hour_told, _hour_of),
    _Form(TALKS, lambda stores: stores.talks, _told, _talk_of),
    _Form(RESPONSES, lambda stores: stores.responses, _response_told, _response_of),
    _Form(COMPLETIONS, lambda stores: stores.completions, _completion_told, _completion_of),
)
