"""Asking Grok what accounts are and have left, a few at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from grokdesk.core.accounts import Account, AccountId, Meter, Report, Status
from grokdesk.core.errors import Again, Broken, UpstreamError
from grokdesk.core.ports import Provider
from grokdesk.core.settings import Live
from grokdesk.engine.accounts import AccountPool
from grokdesk.engine.egress import EgressService
from grokdesk.platform.tasks import Supervisor

log = logging.getLogger(__name__)

_CUT_OFF: Final = Broken("The check of the account was cut off.", hint="Check it again.")


@dataclass(slots=True)
class _Wait:
    """A check that somebody waits for. `meters` are all that is asked; empty: everything."""

    promise: asyncio.Future[UpstreamError | None]
    meters: tuple[Meter, ...] = ()
    asking: bool = False


class Checks:
    """Checks accounts in the background.

    At most `accounts.checks_at_once` at a time; one that waits already is not queued again. What nobody waits
    for comes last.
    """

    def __init__(
        self, provider: Provider, pool: AccountPool, egress: EgressService, live: Live, tasks: Supervisor
    ) -> None:
        self._provider = provider
        self._pool = pool
        self._egress = egress
        self._live = live
        self._tasks = tasks
        self._queue: deque[AccountId] = deque()
        self._later: deque[AccountId] = deque()
        self._waiting: dict[AccountId, _Wait] = {}
        self._workers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all checks; whoever waits for one hears `Broken`."""
        self._queue.clear()
        self._later.clear()
        workers = tuple(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for account_id in tuple(self._waiting):
            self._answer(account_id, _CUT_OFF)

    @property
    def running(self) -> int:
        """How many accounts are being checked or wait for it."""
        return len(self._waiting)

    def start(self, ids: Iterable[AccountId]) -> list[asyncio.Future[UpstreamError | None]]:
        """Check accounts soon, and all there is to ask.

        Each returned future ends with the failure of its check, or None. It raises `Broken` when the check
        was cut off. Leave a future alone rather than cancelling it: others may wait for the same one.
        """
        promises = []
        for one in ids:
            wait = self._waiting.get(one)
            if wait is None:
                wait = self._wait_for(one)
                self._queue.append(one)
            elif wait.meters:
                wait.meters = ()
                self._queue.append(one)
            promises.append(wait.promise)
        self._hire()
        return promises

    def start_later(self, account_id: AccountId, meters: tuple[Meter, ...] = ()) -> None:
        """Check an account when nobody waits for others; with `meters`, only what is left of these."""
        if account_id not in self._waiting:
            self._wait_for(account_id).meters = meters
            self._later.append(account_id)
            self._hire()

    def _wait_for(self, account_id: AccountId) -> _Wait:
        wait = self._waiting[account_id] = _Wait(asyncio.get_running_loop().create_future())
        return wait

    def _hire(self) -> None:
        while len(self._workers) < min(self._live.now.accounts.checks_at_once, len(self._waiting)):
            worker = self._tasks.spawn(self._work(), name="check accounts")
            self._workers.add(worker)
            worker.add_done_callback(self._left)

    def _left(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        # What a worker that failed, or had just looked into an empty queue, leaves undone.
        if self._queue or self._later:
            self._hire()

    def start_unknown(self) -> None:
        """Check every active account that was never checked."""
        self.start(
            account.id
            for account in self._pool.accounts()
            if account.synced_at is None and account.status is Status.ACTIVE
        )

    async def check(self, ids: Iterable[AccountId]) -> dict[AccountId, UpstreamError | None]:
        """Check accounts and wait; returns for each why it could not be checked, or None.

        Raises `Broken` when a check was cut off.
        """
        wanted = list(ids)
        failures = await asyncio.gather(*(asyncio.shield(promise) for promise in self.start(wanted)))
        return dict(zip(wanted, failures, strict=True))

    async def _work(self) -> None:
        while (account_id := self._next()) is not None:
            wait = self._waiting[account_id]
            wait.asking, meters = True, wait.meters
            answer: UpstreamError | Broken | None = _CUT_OFF
            try:
                answer = await self._check(account_id, meters)
            finally:
                wait.asking = False
                # Somebody may have asked for more while less was being asked.
                if answer is not None or wait.meters == meters:
                    self._answer(account_id, answer)

    def _next(self) -> AccountId | None:
        """The next to be checked; one that was queued twice is done by then, or being asked."""
        for queue in (self._queue, self._later):
            for _ in range(len(queue)):
                account_id = queue.popleft()
                wait = self._waiting.get(account_id)
                if wait is not None and not wait.asking:
                    return account_id
                if wait is not None and not wait.meters:
                    queue.append(account_id)
        return None

    def _answer(self, account_id: AccountId, answer: UpstreamError | Broken | None) -> None:
        promise = self._waiting.pop(account_id).promise
        if isinstance(answer, Broken):
            promise.set_exception(answer)
            promise.exception()
        else:
            promise.set_result(answer)

    async def _check(self, account_id: AccountId, meters: tuple[Meter, ...]) -> UpstreamError | None:
        account = self._pool.get(account_id)
        if account is None:
            return None
        generation = self._egress.generation
        try:
            try:
                report = await self._ask(account, meters)
            except UpstreamError as error:
                # §16.1: stopped on the way, and the way has changed since.
                if error.again is not Again.OTHER_EGRESS or self._egress.generation == generation:
                    raise
                report = await self._ask(account, meters)
        except UpstreamError as error:
            log.info("account check failed id=%s why=%s detail=%s", account_id, error.message, error.detail)
            self._pool.failed_check(account, error)
            return error
        self._pool.report(account, report)
        return None

    async def _ask(self, account: Account, meters: tuple[Meter, ...]) -> Report:
        async with self._egress.lease(account) as way:
            return await self._provider.probe(account, way.egress, meters=meters)
