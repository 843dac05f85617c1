"""Films: from a text or from pictures, in one part or several, and made longer (grok-web-media.md §5)."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from grokdesk.core.errors import FormGone, InvalidRequest, MayBeMade, UpstreamError
from grokdesk.core.events import Batch, Event, Finished, Made, Progressed, Started, Withheld
from grokdesk.core.media import Artifact, Film, Kind, Trace, VideoRequest
from grokdesk.core.settings import MediaForm
from grokdesk.providers.grok_web import references
from grokdesk.providers.grok_web.media_calls import find
from grokdesk.providers.grok_web.media_forms import MediaForms
from grokdesk.providers.grok_web.protocol import media_payload, payload, pictures, uploads
from grokdesk.providers.grok_web.protocol.generation import FilmDecoder
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.making import ALMOST
from grokdesk.providers.grok_web.protocol.media_payload import Look
from grokdesk.providers.grok_web.references import Reference
from grokdesk.providers.grok_web.session import Session
from grokdesk.providers.grok_web.submitting import LOST, Patience, sent

log = logging.getLogger(__name__)

# How a film is looked for whose stream was lost (§5.6): the pauses in seconds before each look.
LOOKS_S: Final = (0.0, 1.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0)
# And how long in all, also where nothing answers.
LOOKED_FOR_S: Final = 30.0


async def films(session: Session, request: VideoRequest, forms: MediaForms) -> AsyncGenerator[Batch]:
    """Make the film of `request`: `Submitted` as it gets known, progress, then one `Made` or `Withheld`.

    Raises `InvalidRequest` for a reference that cannot be used and what a refusal means; `MayBeMade` when it
    is not known what became of it.
    """
    job = _Job(session, request)
    making = job.longer(request.continues) if request.continues else job.anew(forms)
    async with aclosing(making) as parts:
        async for events in parts:
            yield events
    yield (Finished(),)


@dataclass(frozen=True, slots=True)
class _Part:
    """One call: what is sent, from which page, and where in the whole it stands."""

    body: bytes
    seconds: int
    referer: str = ""
    index: int = 0
    parts: int = 1
    made_s: float = 0.0

    @property
    def is_last(self) -> bool:
        return self.index + 1 == self.parts


class _Job:
    def __init__(self, session: Session, request: VideoRequest) -> None:
        self._session = session
        self._request = request
        self._patience = Patience(session.means.deadlines, session.options.video_s, "video_s")
        self._trace = Trace(session.account.id)
        self._look = Look(request.prompt, request.ratio, request.resolution, request.preset)
        self._reached = 0.0
        self._begun = False
        self._last: Artifact | None = None
        self._over = False

    # -- in which way

    async def anew(self, forms: MediaForms) -> AsyncGenerator[Batch]:
        """A film from the beginning, in the first form that upstream knows."""
        options, request = self._session.options, self._request
        order = forms.order(Kind.VIDEO, options.media_form)
        starts = await references.had(
            self._session,
            self._patience,
            request.references,
            most=references.MOST_OLDER,
            most_bytes=references.FILM_BYTES,
        )
        if starts and not request.ratio:
            self._look = replace(self._look, ratio=pictures.film_ratio_of(starts[0].file.data))
        lengths = media_payload.parts(request.seconds, options.media_form)
        for form in order:
            try:
                body = await self._first_body(form, lengths[0], starts)
                first = _Part(body, lengths[0], parts=len(lengths))
                async with aclosing(self._made(first)) as parts:
                    async for events in parts:
                        yield events
            except FormGone as gone:
                if form is order[-1]:
                    raise
                forms.gone(Kind.VIDEO, form, gone)
            else:
                break
        async with aclosing(self._extended(lengths, 1, 0.0, self._trace, request.prompt)) as parts:
            async for events in parts:
                yield events

    async def longer(self, film: Film) -> AsyncGenerator[Batch]:
        """`film` made longer."""
        if not (film.trace.parent_post_id or film.trace.post_id):
            raise InvalidRequest(
                "This film cannot be made longer: Grok did not say by which name it keeps it.",
                param="video",
                hint="Make a new film.",
            )
        self._trace = replace(
            film.trace, account=self._session.account.id, conversation_id="", response_id=""
        )
        lengths = media_payload.more_parts(self._request.seconds)
        async with aclosing(self._extended(lengths, 0, film.seconds, film.trace, film.prompt)) as parts:
            async for events in parts:
                yield events

    async def _extended(
        self, lengths: Sequence[int], start: int, made_s: float, first: Trace, prompt: str
    ) -> AsyncGenerator[Batch]:
        """The parts of `lengths` from number `start` on, each an extension of what there is (§5.5)."""
        made_s += sum(lengths[:start])
        root = first.parent_post_id or first.post_id
        for index in range(start, len(lengths)):
            if self._over:
                return
            trace = self._trace
            body = media_payload.extension_body(
                self._look,
                lengths[index],
                made_s=made_s,
                extend_post=trace.post_id or trace.asset_id or root,
                post_id=root,
                prompt=prompt,
            )
            self._trace = replace(trace, parent_post_id=root)
            part = _Part(body, lengths[index], media_payload.referer(root), index, len(lengths), made_s)
            async with aclosing(self._made(part)) as parts:
                async for events in parts:
                    yield events
            made_s += lengths[index]

    async def _first_body(self, form: MediaForm, seconds: int, starts: Sequence[Reference]) -> bytes:
        older = form is MediaForm.OLDER
        by_json = self._session.options.media_form is MediaForm.OLDER
        placed = [
            await references.placed(
                self._session, self._patience, one, older=by_json or (older and bool(one.url))
            )
            for one in starts
        ]
        if not older:
            self._trace = Trace(self._session.account.id)
            if not all(one.asset for one in placed):
                raise uploads.unplaced(0)
            return media_payload.film_body_current(self._look, seconds, [one.asset for one in placed])
        if not all(one.url for one in placed):
            raise uploads.unplaced(0)
        urls = [one.url for one in placed]
        posts = [await self._post("IMAGE", url=url) for url in urls]
        post_id = posts[0] if posts else await self._post("VIDEO", prompt=self._request.prompt)
        self._trace = replace(self._trace, parent_post_id=post_id)
        return media_payload.film_body(self._look, seconds, post_id, urls)

    async def _post(self, kind: str, *, prompt: str = "", url: str = "") -> str:
        body = media_payload.post_body(kind, prompt=prompt, url=url)
        session = self._patience.of(self._session)
        async with session.request("POST", Call.MEDIA_POST, media_payload.POST_PATH, body) as reply:
            return media_payload.post_in(await reply.body()).id

    # -- one part

    async def _made(self, part: _Part) -> AsyncGenerator[Batch]:
        """Make one part; the last one's film is that of the job."""
        decoder = FilmDecoder(
            self._session.places, Trace(self._session.account.id, parent_post_id=self._trace.parent_post_id)
        )
        session = self._patience.of(self._session)
        try:
            with sent():
                async with aclosing(self._read(session, part, decoder)) as parts:
                    async for events in parts:
                        if told := self._told(events, part):
                            yield told
                if told := self._told(decoder.last(), part):
                    yield told
        except MayBeMade as lost:
            self._trace = decoder.trace
            found = await self._found(decoder.trace) if isinstance(lost.cause, LOST) else None
            if found is None:
                raise
            log.info("film found after its stream was lost conversation=%s", found.trace.conversation_id)
            if told := self._told([Made(found)], part):
                yield told
        self._trace = replace(decoder.trace, account=self._session.account.id)

    async def _read(self, session: Session, part: _Part, decoder: FilmDecoder) -> AsyncGenerator[Batch]:
        path = payload.CHAT_PATH
        async with session.request("POST", Call.GENERATE, path, part.body, referer=part.referer) as reply:
            while not decoder.done and (data := await reply.chunk()):
                if events := decoder.feed(data):
                    yield events

    def _told(self, events: Sequence[Event], part: _Part) -> list[Event]:
        """What the events of a part say about the whole film."""
        out: list[Event] = []
        for event in events:
            match event:
                case Progressed(fraction):
                    overall = min((part.index + fraction) / part.parts, ALMOST)
                    if overall > self._reached:
                        self._reached = overall
                        out.append(Progressed(overall))
                case Made(artifact) if part.is_last:
                    out.append(Made(replace(artifact, seconds=part.made_s + part.seconds)))
                case Made():
                    pass
                case Withheld():
                    self._over = True
                    out.append(event)
                case _:
                    out.append(event)
        if out and not self._begun:
            self._begun = True
            out.insert(0, Started("", "", 0))
        return out

    async def _found(self, trace: Trace) -> Artifact | None:
        """What was made by a job whose stream was lost, if it is ready soon."""
        if not trace.conversation_id:
            return None
        deadlines = self._session.means.deadlines
        patience = Patience(deadlines, min(self._patience.left_s, LOOKED_FOR_S), "video_s")
        for pause_s in LOOKS_S:
            if patience.left_s <= pause_s:
                return None
            if pause_s:
                await deadlines.sleep(pause_s)
            try:
                found = await find(patience.of(self._session), trace, only_listed=True)
            except UpstreamError as error:
                log.info("film not found yet why=%s", error.message)
                continue
            if found is not None and found.kind is Kind.VIDEO:
                return found
        return None
