"""The one loop that executes requests: plan, lease, open, commit, settle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from grokdesk.core.catalog import Model, model_named, modes_for
from grokdesk.core.conversation import ChatRequest, Thinking
from grokdesk.core.errors import Broken, GrokDeskError, UpstreamError
from grokdesk.core.events import Event, Started, Transcript
from grokdesk.core.pool import Need
from grokdesk.core.ports import Clock, Provider, Remembers
from grokdesk.core.prompt_size import glanced
from grokdesk.core.retry import RetryPolicy, Tries
from grokdesk.core.runs import RunState
from grokdesk.core.settings import Live, Settings
from grokdesk.core.shaping import EndAfter, HideThinking, Shape, StopAt, Tally
from grokdesk.engine.accounts import AccountPool
from grokdesk.engine.egress import EgressService
from grokdesk.engine.run import Opened, Run
from grokdesk.engine.runs import RunEntry, RunLog
from grokdesk.platform.deadlines import Deadlines

log = logging.getLogger(__name__)

# What the list of requests says when nothing explains the end; the traceback is logged where it is handled.
_OUR_FAULT: Final = Broken("GrokDesk made a mistake.", hint="The log says more.")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request comes down to."""

    request: ChatRequest
    model: Model
    need: Need


class Engine:
    """Executes requests."""

    def __init__(
        self,
        *,
        provider: Provider,
        pool: AccountPool,
        egress: EgressService,
        runs: RunLog,
        live: Live,
        clock: Clock,
        deadlines: Deadlines,
        new_id: Callable[[], str],
    ) -> None:
        self._provider = provider
        self._pool = pool
        self._egress = egress
        self._runs = runs
        self._live = live
        self._clock = clock
        self._deadlines = deadlines
        self._new_id = new_id

    @asynccontextmanager
    async def run(self, request: ChatRequest, *, client: str = "") -> AsyncIterator[Run]:
        """Execute `request`; enter once upstream has begun to answer.

        Whatever can fail quietly (no account, a refused one, a blocked proxy) has failed or been retried
        before this enters, so the caller has not yet promised anything to anyone. After that a failure is
        raised to the caller and nothing is retried. Leaving the block ends the upstream call at once.
        `client` names who asks, for the log.

        Raises `GrokDeskError`.
        """
        settings = self._live.now
        plan = _plan(request, settings)
        entry = self._runs.begin(self._new_id(), request.model, client)
        run: Run | None = None
        failure: GrokDeskError | None = _OUR_FAULT
        try:
            async with AsyncExitStack() as held:
                run = await self._begin(plan, settings, entry, held)
                yield run
            failure = None
        except (asyncio.CancelledError, GeneratorExit, OSError):
            failure = None  # whoever asked has left
            raise
        except GrokDeskError as error:
            failure = error
            raise
        finally:
            _close(entry, run, failure)

    async def _begin(self, plan: Plan, settings: Settings, entry: RunEntry, held: AsyncExitStack) -> Run:
        tries = Tries(RetryPolicy(settings.retry.more_tries))
        if isinstance(self._provider, Remembers):
            # A wish, not a condition: when that account cannot answer, another one is told the whole story.
            tries.again_with = self._provider.account_for(plan.request)
        patience = self._egress.patience()
        while True:
            generation = self._egress.generation
            run = self._new_run(plan, settings, entry)
            account = None
            try:
                async with AsyncExitStack() as attempt:
                    lease = await attempt.enter_async_context(self._pool.lease(plan.need, tries))
                    account = lease.lease.account
                    way = await attempt.enter_async_context(self._egress.lease(account, patience=patience))
                    entry.trying(lease.lease, way.egress.name)
                    events = await attempt.enter_async_context(
                        self._provider.open(plan.request, lease.lease, way.egress)
                    )
                    way.worked()
                    attempt.push_async_callback(run.detach)
                    await self._commit(run.attach(Opened(lease, way, events)), settings.timeouts.commit_s)
                    held.push_async_exit(attempt.pop_all())
                    if lease.lease.mode is not plan.model.mode:
                        log.info(
                            "answered in another mode run=%s asked=%s answered=%s",
                            entry.record.id,
                            plan.model.mode.value,
                            run.mode,
                        )
                    return run
            except UpstreamError as error:
                entry.try_failed(error)
                if account is None:
                    raise
                tries.failed(error, account.id, egress_changed=self._egress.generation != generation)

    async def _commit(self, first: asyncio.Task[list[Event]], commit_s: float) -> None:
        """Wait for the first batch; give up waiting, not the call, when upstream is silent for `commit_s`."""
        if not await self._deadlines.wait(first, commit_s):
            return
        error = first.exception()
        if error is not None:
            raise error

    def _new_run(self, plan: Plan, settings: Settings, entry: RunEntry) -> Run:
        transcript = Transcript()
        started = Started(entry.record.id, plan.request.model, int(self._clock.now()))
        return Run(started, _shapes(plan.request, settings, transcript), transcript, entry)


def _close(entry: RunEntry, run: Run | None, failure: GrokDeskError | None) -> None:
    """Write down how the request ended, also when its reader has dealt with a failure of upstream."""
    transcript = run.transcript if run is not None else None
    failure = failure or (run.error if run is not None else None)
    if failure is not None:
        entry.try_failed(failure)
        entry.ended(RunState.FAILED, transcript, failure)
    elif run is not None and run.outcome is not None:
        entry.ended(RunState.DONE, transcript)
    else:
        entry.ended(RunState.LEFT, transcript)


def _plan(request: ChatRequest, settings: Settings) -> Plan:
    model = model_named(request.model)
    modes = modes_for(model, fallback=settings.chat.mode_fallback)
    return Plan(request, model, Need(model.tiers, modes))


def _shapes(request: ChatRequest, settings: Settings, transcript: Transcript) -> list[Shape]:
    shapes: list[Shape] = []
    shown = (
        settings.chat.show_thinking
        if request.thinking is Thinking.DEFAULT
        else request.thinking is Thinking.SHOWN
    )
    if not shown:
        shapes.append(HideThinking())
    if request.limits.stop:
        shapes.append(StopAt(request.limits.stop))
    if request.limits.max_tokens is not None:
        shapes.append(EndAfter(request.limits.max_tokens))
    shapes.append(Tally(glanced(request), transcript))
    return shapes
