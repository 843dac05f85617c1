"""Pictures and films that accounts keep at Grok, into the library."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from mimetypes import guess_type
from typing import Any, Final, Protocol

from grokdesk.core.accounts import AccountId
from grokdesk.core.assets import Asset, Listing
from grokdesk.core.egress import Purpose
from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    InvalidRequest,
    NotFound,
    RateLimited,
    Undelivered,
    UpstreamError,
)
from grokdesk.core.library import Sought
from grokdesk.core.media import Artifact, Kind, Origin, Trace
from grokdesk.core.ports import Clock, Downloads
from grokdesk.core.settings import Live
from grokdesk.engine.account_commands import chosen, job_json
from grokdesk.engine.accounts import AccountPool
from grokdesk.engine.commands import Command, Json
from grokdesk.engine.egress import EgressService
from grokdesk.engine.jobs import Done, Job, Jobs, PartlyDone, Turn
from grokdesk.engine.library import Library

# So many files in a row that cannot be had, each for a reason of its own, end the attempt.
_MISSES: Final = 5
# What says something about the account or the way there: fetching further files would end the same.
_ENDING: Final = (AccountRejected, RateLimited, Challenged)


class Lists(Protocol):
    """What accounts keep: `Acts`."""

    async def assets(self, account_id: AccountId) -> Listing[Asset]:
        """All files an account keeps at Grok. Raises `GrokDeskError`."""
        ...


class AssetFetch:
    """Fetches what accounts keep. What is here already, by its id at Grok or its content, is passed over."""

    def __init__(
        self,
        *,
        lists: Lists,
        downloads: Downloads,
        library: Library,
        pool: AccountPool,
        egress: EgressService,
        jobs: Jobs,
        live: Live,
        clock: Clock,
    ) -> None:
        self._lists = lists
        self._downloads = downloads
        self._library = library
        self._pool = pool
        self._egress = egress
        self._jobs = jobs
        self._live = live
        self._clock = clock

    def table(self) -> dict[str, Command]:
        """The wish by its name."""
        return {"accounts.fetch": self._wished}

    async def _wished(self, wish: Mapping[str, Any]) -> Json:
        return job_json(self.start(account.id for account in chosen(self._pool.accounts(), wish)))

    def start(self, ids: Iterable[AccountId]) -> Job:
        """Fetch the pictures and films of accounts: `fetched`, `known` and `failed` in the counts."""
        wanted = list(dict.fromkeys(ids))
        here = _Here(self._library)
        whose = "1 account" if len(wanted) == 1 else f"{len(wanted):,} accounts"
        title = f"Fetch the files of {whose}"
        return self._jobs.start("fetch_assets", title, wanted, lambda turn: self._fetch(turn, here))

    async def _fetch(self, turn: Turn, here: _Here) -> Done:
        listing = await self._lists.assets(turn.account)
        found = [(one, kind) for one in listing.items if one.path and (kind := _kind(one)) is not None]
        tally = _Tally()
        for number, (asset, kind) in enumerate(found, 1):
            if turn.should_stop:
                raise PartlyDone(f"{tally.said} Then it was stopped.", counts=tally.counts)
            turn.doing(f"{number} of {len(found)} files")
            if asset.id in await here.ids():
                tally.known += 1
                continue
            try:
                tally.took(fresh=await self._one(turn.account, asset, kind))
            except (Undelivered, InvalidRequest) as error:
                cause = error.__cause__
                if isinstance(cause, _ENDING):
                    self._pool.learned(turn.account, cause)
                    raise tally.ended(cause) from error
                tally.missed(error)
                if tally.misses_in_a_row == _MISSES:
                    raise tally.ended(error) from error
            except UpstreamError as error:  # no way out is to be had
                raise tally.ended(error) from error
        if tally.why is not None:
            raise tally.ended(tally.why)
        return Done(tally.said if found else "There is no picture or film.", tally.counts)

    async def _one(self, account_id: AccountId, asset: Asset, kind: Kind) -> bool:
        """Fetch one file; False when its content is here already."""
        account = self._pool.get(account_id)
        if account is None:
            raise NotFound("This account has been removed.")
        url = f"{self._live.now.grok_web.assets_url.rstrip('/')}/{asset.path.lstrip('/')}"
        artifact = Artifact(kind, url=url, trace=Trace(account=account_id, asset_id=asset.id))
        origin = Origin(account=account_id, account_name=account.name)
        made_at = self._clock.now() if asset.created_at is None else asset.created_at
        async with self._egress.lease(account, Purpose.MEDIA) as way:
            kept = await self._library.fetch(
                artifact,
                origin,
                lambda place: self._downloads.download(place, account, way.egress),
                created_at=made_at,
            )
        return kept is not None


@dataclass(slots=True)
class _Tally:
    """What became of the files of an account."""

    fetched: int = 0
    known: int = 0
    failed: int = 0
    misses_in_a_row: int = 0
    why: UpstreamError | InvalidRequest | None = None

    def took(self, *, fresh: bool) -> None:
        self.fetched += fresh
        self.known += not fresh
        self.misses_in_a_row = 0

    def missed(self, why: UpstreamError | InvalidRequest) -> None:
        self.failed += 1
        self.misses_in_a_row += 1
        self.why = why

    def ended(self, why: UpstreamError | InvalidRequest) -> PartlyDone:
        return PartlyDone(f"{self.said} {why.message}", counts=self.counts, hint=why.hint, detail=why.detail)

    @property
    def said(self) -> str:
        failed = f", {self.failed} could not be had" if self.failed else ""
        return f"{self.fetched:,} fetched, {self.known:,} were here already{failed}."

    @property
    def counts(self) -> dict[str, int]:
        return {"fetched": self.fetched, "known": self.known, "failed": self.failed}


@dataclass(slots=True)
class _Here:
    """The ids at Grok of what the library has, or had until its owner removed it; read once."""

    library: Library
    _found: frozenset[str] | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ids(self) -> frozenset[str]:
        async with self._turn:
            if self._found is None:
                self._found = frozenset(await self._of(removed=False) + await self._of(removed=True))
            return self._found

    async def _of(self, *, removed: bool) -> list[str]:
        sought = Sought(removed=removed)
        return [kept.trace.asset_id async for kept in self.library.each(sought) if kept.trace.asset_id]


def _kind(asset: Asset) -> Kind | None:
    """What a file is by the type it was given, else by its name; None for what the library does not keep."""
    said = asset.media_type or guess_type(asset.name)[0] or guess_type(asset.path)[0] or ""
    if said.startswith("video/"):
        return Kind.VIDEO
    return Kind.IMAGE if said.startswith("image/") else None
