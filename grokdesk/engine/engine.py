"""The one loop that executes requests: plan, lease, open, commit, settle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from grokdesk.core import voice
from grokdesk.core.accounts import Account, Succeeded
from grokdesk.core.catalog import Model
from grokdesk.core.commissions import commissioned, need_of
from grokdesk.core.conversation import ChatRequest, Thinking
from grokdesk.core.egress import Egress, Purpose
from grokdesk.core.errors import (
    Broken,
    GrokDeskError,
    StoppedByOwner,
    Undelivered,
    Unsupported,
    UpstreamError,
)
from grokdesk.core.events import Event, Made, Started, Transcript
from grokdesk.core.media import ImageRequest, Kind, Origin, Request, VideoRequest
from grokdesk.core.offer import offer_of
from grokdesk.core.pool import Need
from grokdesk.core.ports import Clock, Downloads, Keeps, Provider, Remembers, Speaks
from grokdesk.core.prompt_size import glanced
from grokdesk.core.retry import RetryPolicy, Tries
from grokdesk.core.runs import NOBODY, Caller, RunState
from grokdesk.core.settings import ImageForm, Live, Settings, VideoForm
from grokdesk.core.shaping import EndAfter, HideThinking, Shape, StopAt, Tally
from grokdesk.core.shaping_media import AllMade, Link, MediaAsText, ProgressAsThinking
from grokdesk.core.voice import VoicePass, VoiceWish
from grokdesk.engine.accounts import AccountPool, Held
from grokdesk.engine.egress import EgressService, Way
from grokdesk.engine.run import Keep, Opened, Run
from grokdesk.engine.runs import RunEntry, RunLog
from grokdesk.platform.deadlines import Deadlines

log = logging.getLogger(__name__)

T = TypeVar("T")

# What the list of requests says when nothing explains the end; the traceback is logged where it is handled.
_OUR_FAULT: Final = Broken("GrokDesk made a mistake.", hint="The log says more.")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request comes down to. `asked` is what the client wrote, `request` what is to be made of it."""

    asked: Request
    request: Request
    model: Model
    need: Need
    client: str
    link: Link


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
        library: Keeps | None = None,
        downloads: Downloads | None = None,
        speaks: Speaks | None = None,
    ) -> None:
        self._provider = provider
        self._pool = pool
        self._egress = egress
        self._runs = runs
        self._live = live
        self._clock = clock
        self._deadlines = deadlines
        self._new_id = new_id
        self._library = library
        self._downloads = downloads
        self._speaks = speaks

    def stop(self, run_id: str) -> bool:
        """End a running request for the owner; its client hears so. Tells whether it was running."""
        return self._runs.stop(run_id)

    def check(self, request: Request) -> None:
        """Raise what `run` would say of `request` without asking anybody, if it is bound to fail.

        That is a wrong model, or an answer that no account could give: `InvalidRequest` or `NoAccount`.
        """
        plan = self._plan(request, self._live.now, "", None)
        lack = self._pool.lacks(plan.need)
        if lack is not None:
            raise lack

    @asynccontextmanager
    async def run(
        self,
        request: Request,
        *,
        client: str = "",
        link: Link | None = None,
        wait_s: float | None = None,
        caller: Caller = NOBODY,
    ) -> AsyncIterator[Run]:
        """Execute `request`; enter once upstream has begun to answer.

        Whatever can fail quietly (no account, a refused one, a blocked proxy) has failed or been retried
        before this enters, so the caller has not yet promised anything to anyone. After that a failure is
        raised to the caller and nothing is retried. Leaving the block ends the upstream call at once.
        `client` names who asks, for the log. `link` gives the address by which the asker reaches a file of
        the library. `wait_s` is how long it waits while all accounts are busy, where that is not as the
        settings say. `caller` is how the request came, for the log as well.

        A conversation with a model that draws or films is answered in text. Fewer pictures than were asked
        for is a failure at the end: those that were made have been handed on by then, and are kept.

        Raises `GrokDeskError`.
        """
        settings = self._live.now
        plan = self._plan(request, settings, client, link)
        entry = self._runs.begin(self._new_id(), request.model, client, caller, answered=plan.model.name)
        run: Run | None = None
        failure: GrokDeskError | None = _OUR_FAULT
        try:
            with entry.stoppable():
                async with AsyncExitStack() as held:
                    run = await self._begin(plan, settings, entry, held, wait_s)
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

    async def voice(self, wish: VoiceWish, *, client: str = "") -> VoicePass:
        """Get what lets a client into a voice session; the session itself is between it and Grok.

        Raises `GrokDeskError`.
        """
        speaks = self._speaks
        if speaks is None:
            raise Unsupported("This gateway has no voice.")
        settings = self._live.now
        voice.allowed(wish, adult=settings.media.allow_nsfw)
        entry = self._runs.begin(self._new_id(), voice.MODEL, client)
        failure: GrokDeskError | None = _OUR_FAULT

        async def ask(held: Held, way: Way, _: AsyncExitStack) -> VoicePass:
            given = await speaks.open_voice(wish, held.lease.account, way.egress)
            way.worked()
            held.settle(Succeeded())
            return given

        try:
            with entry.stoppable():
                tries = Tries(RetryPolicy(settings.retry.more_tries))
                given = await self._tried(voice.NEED, tries, entry, ask)
            failure = None
            entry.ended(RunState.DONE, None)
        except GrokDeskError as error:
            failure = error
            raise
        except asyncio.CancelledError:
            failure = None
            raise
        else:
            return given
        finally:
            _close(entry, None, failure)

    async def _begin(
        self, plan: Plan, settings: Settings, entry: RunEntry, held: AsyncExitStack, wait_s: float | None
    ) -> Run:
        tries = Tries(RetryPolicy(settings.retry.more_tries))
        if isinstance(self._provider, Remembers):
            # A wish, not a condition: when that account cannot answer, another one is told the whole story.
            tries.again_with = self._provider.account_for(plan.request)
        purpose = Purpose.CHAT if isinstance(plan.request, ChatRequest) else Purpose.MEDIA

        async def ask(lease: Held, way: Way, attempt: AsyncExitStack) -> Run:
            run = self._new_run(plan, settings, entry)
            events = await attempt.enter_async_context(
                self._provider.open(plan.request, lease.lease, way.egress)
            )
            way.worked()
            attempt.push_async_callback(run.detach)
            await self._commit(run.attach(Opened(lease, way, events)), settings.timeouts.commit_s)
            held.push_async_exit(attempt.pop_all())
            if lease.lease.meter is not plan.need.meters[0]:
                log.info(
                    "answered in another mode run=%s asked=%s answered=%s",
                    entry.record.id,
                    plan.need.meters[0].value,
                    run.mode,
                )
            return run

        return await self._tried(plan.need, tries, entry, ask, purpose=purpose, wait_s=wait_s)

    async def _tried(
        self,
        need: Need,
        tries: Tries,
        entry: RunEntry,
        ask: Callable[[Held, Way, AsyncExitStack], Awaitable[T]],
        *,
        purpose: Purpose = Purpose.CHAT,
        wait_s: float | None = None,
    ) -> T:
        """Let `ask` try with one account and way out after another, as long as that makes sense.

        What it enters into the stack it is given ends with its try, unless it takes that away.
        """
        patience = self._egress.patience()
        while True:
            generation = self._egress.generation
            account = None
            try:
                async with AsyncExitStack() as attempt:
                    lease = await attempt.enter_async_context(self._pool.lease(need, tries, wait_s=wait_s))
                    account = lease.lease.account
                    way = await attempt.enter_async_context(
                        self._egress.lease(account, purpose, patience=patience)
                    )
                    entry.trying(lease.lease, way.egress.name)
                    return await ask(lease, way, attempt)
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
        entry.answered_with(transcript)
        started = Started(entry.record.id, plan.asked.model, int(self._clock.now()))
        shapes = _shapes(plan, settings, transcript)
        return Run(started, shapes, transcript, entry, self._keep(plan, settings, entry.record.id))

    # -- pictures and films

    def _keep(self, plan: Plan, settings: Settings, run_id: str) -> Keep | None:
        library, downloads = self._library, self._downloads
        if library is None or downloads is None:
            return None
        # In a conversation it is an extra: a picture that cannot be had must not take the answer with it.
        extra = isinstance(plan.request, ChatRequest)
        image_form, video_form = _forms(plan.asked, settings)

        async def keep(made: Made, account: Account, egress: Egress) -> Made:
            artifact = made.artifact
            elsewhere = (
                image_form in {ImageForm.GROK_MD, ImageForm.GROK_URL}
                if artifact.kind is Kind.IMAGE
                else video_form in {VideoForm.GROK_HTML, VideoForm.GROK_URL}
            )
            if elsewhere and artifact.url and isinstance(plan.asked, ChatRequest):
                return made
            origin = Origin(
                prompt=_prompt(plan.request),
                model=plan.model.name,
                account=account.id,
                account_name=account.name,
                client=plan.client,
                request=run_id,
            )
            try:
                kept = await library.keep(
                    artifact, origin, lambda url: downloads.download(url, account, egress)
                )
            except Undelivered as error:
                if not extra:
                    raise
                log.warning("picture not kept run=%s why=%s detail=%s", run_id, error.message, error.detail)
                return made
            if image_form is ImageForm.BASE64 and artifact.kind is Kind.IMAGE and not artifact.data:
                artifact = replace(artifact, data=await library.read(kept))
            return replace(made, artifact=artifact, kept=kept)

        return keep

    def _plan(self, request: Request, settings: Settings, client: str, link: Link | None) -> Plan:
        model = offer_of(settings.models).named(request.model)
        made = commissioned(request, model)
        path = "video_config." if isinstance(request, ChatRequest) else ""
        need = need_of(made, model, fallback=settings.chat.mode_fallback, path=path)
        return Plan(request, made, model, need, client, link or _loopback(settings))


def _close(entry: RunEntry, run: Run | None, failure: GrokDeskError | None) -> None:
    """Write down how the request ended, also when its reader has dealt with a failure of upstream."""
    transcript = run.transcript if run is not None else None
    failure = failure or (run.error if run is not None else None)
    if isinstance(failure, StoppedByOwner):
        entry.ended(RunState.STOPPED, transcript, failure)
    elif failure is not None:
        entry.try_failed(failure)
        entry.ended(RunState.FAILED, transcript, failure)
    elif run is not None and run.outcome is not None:
        entry.ended(RunState.DONE, transcript)
    else:
        entry.ended(RunState.LEFT, transcript)


def _loopback(settings: Settings) -> Link:
    """How the owner of this machine reaches a file."""
    return lambda kept: f"http://127.0.0.1:{settings.gateway.port}{kept.path}"


def _shapes(plan: Plan, settings: Settings, transcript: Transcript) -> list[Shape]:
    asked, made = plan.asked, plan.request
    shapes: list[Shape] = []
    wanted, what = 0, ""
    match made:
        case ImageRequest():
            wanted, what = made.count, "picture"
        case VideoRequest():
            wanted, what = 1, "film"
        case ChatRequest():
            pass
    if wanted:
        shapes.append(AllMade(wanted, what))
    if isinstance(asked, ChatRequest):
        shapes += _shapes_of_chat(asked, plan, settings, transcript, wanted, what)
        shapes.append(Tally(glanced(asked), transcript))
    else:
        shapes.append(Tally(0, transcript))
    return shapes


def _shapes_of_chat(
    asked: ChatRequest, plan: Plan, settings: Settings, transcript: Transcript, wanted: int, what: str
) -> list[Shape]:
    shapes: list[Shape] = []
    if wanted:
        shapes.append(ProgressAsThinking(wanted, what))
    # Before pictures become text: what they are shown by is nothing that was said.
    if asked.limits.stop and not wanted:
        shapes.append(StopAt(asked.limits.stop))
    if asked.limits.max_tokens is not None and not wanted:
        shapes.append(EndAfter(asked.limits.max_tokens))
    shapes.append(MediaAsText(*_forms(asked, settings), plan.link, transcript))
    shown = (
        settings.chat.show_thinking
        if asked.thinking is Thinking.DEFAULT
        else asked.thinking is Thinking.SHOWN
    )
    if not shown:
        shapes.append(HideThinking())
    return shapes


def _forms(asked: Request, settings: Settings) -> tuple[ImageForm, VideoForm]:
    """How pictures and films stand in the answer to `asked`: what it says itself comes first."""
    image, video = settings.media.image_format, settings.media.video_format
    if not isinstance(asked, ChatRequest):
        return ImageForm.LOCAL_URL, VideoForm.LOCAL_URL
    if asked.image.form == "b64_json":
        image = ImageForm.BASE64
    elif asked.image.form == "url" and image is ImageForm.BASE64:
        image = ImageForm.LOCAL_MD
    return image, video


def _prompt(request: Request) -> str:
    # What was said in a conversation is not written down beside a picture that came up in it.
    return "" if isinstance(request, ChatRequest) else request.prompt
