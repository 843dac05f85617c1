"""Pictures made from others (grok-web-media.md §4).

The current form makes one a call, so there are as many calls as pictures. The older one makes two a call; if
some of these cannot be used it is asked once more than that takes.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from grokdesk.core.errors import FormGone, MayBeMade, Unreachable, UpstreamError
from grokdesk.core.events import Batch, Event, Finished, Made, Progressed, Started, Withheld
from grokdesk.core.media import ImageRequest, Kind, Trace
from grokdesk.core.settings import MediaForm
from grokdesk.providers.grok_web import references
from grokdesk.providers.grok_web.media_forms import MediaForms
from grokdesk.providers.grok_web.protocol import media_payload, payload, uploads
from grokdesk.providers.grok_web.protocol.generation import EditDecoder
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.making import PICTURE_WITHHELD
from grokdesk.providers.grok_web.references import Reference
from grokdesk.providers.grok_web.session import Session
from grokdesk.providers.grok_web.submitting import LOST, Patience, sent

log = logging.getLogger(__name__)


async def edits(session: Session, request: ImageRequest, forms: MediaForms) -> AsyncGenerator[Batch]:
    """Make the pictures of `request` from its references.

    Raises `InvalidRequest` for a reference that cannot be used and what a refusal means. A connection that is
    lost once some are there ends the answer with these; before that it raises `MayBeMade`.
    """
    patience = Patience(session.means.deadlines, session.options.image_s, "image_s")
    order = forms.order(Kind.IMAGE, session.options.media_form)
    most = references.MOST_OLDER if order[0] is MediaForm.OLDER else references.MOST
    pictures = await references.had(
        session, patience, request.references, most=most, most_bytes=references.EDIT_BYTES
    )
    job = _Job(session, patience, request)
    for form in order:
        try:
            async with aclosing(job.made(form, pictures)) as parts:
                async for events in parts:
                    yield events
        except FormGone as gone:
            if job.count or form is order[-1]:
                raise
            forms.gone(Kind.IMAGE, form, gone)
        else:
            break
    yield (Finished(),) if job.begun else (Started("", "", 0), Finished())


class _Job:
    """The pictures of one request; `count` is how many have been handed on, `begun` whether anything was."""

    def __init__(self, session: Session, patience: Patience, request: ImageRequest) -> None:
        self._session = session
        self._patience = patience
        self._request = request
        self._urls: set[str] = set()
        self._reached: dict[int, float] = {}
        self.begun = False
        self.count = 0

    async def made(self, form: MediaForm, pictures: Sequence[Reference]) -> AsyncGenerator[Batch]:
        """Ask in `form` until all are there, or a call brings none."""
        body, referer = await self._asked(form, pictures)
        a_call = media_payload.OLDER_BATCH if form is MediaForm.OLDER else 1
        calls = -(-self._request.count // a_call) + (1 if form is MediaForm.OLDER else 0)
        for _ in range(calls):
            before = self.count
            wanted = min(a_call, self._request.count - before)
            try:
                async with aclosing(self._call(body, referer, wanted)) as parts:
                    async for events in parts:
                        yield events
            except MayBeMade as error:
                if not (self.count and isinstance(error.cause, LOST)):
                    raise
                log.info("pictures broken off made=%d why=%s", self.count, error.message)
                return
            if self.count in {before, self._request.count}:
                return

    async def _asked(self, form: MediaForm, pictures: Sequence[Reference]) -> tuple[bytes, str]:
        """The body of the calls, and the page that they come from; the references are uploaded for it."""
        session, patience, request = self._session, self._patience, self._request
        older = form is MediaForm.OLDER
        placed = [await references.placed(session, patience, one, older=older) for one in pictures]
        if not older:
            if not all(one.asset for one in placed):
                raise uploads.unplaced(0)
            return media_payload.edit_body(request.prompt, [one.asset for one in placed], request.ratio), ""
        if not all(one.url for one in placed):
            raise uploads.unplaced(0)
        prompt = media_payload.with_references(request.prompt, [one.id or one.url for one in placed])
        body = media_payload.post_body("IMAGE", prompt=prompt)
        async with patience.of(session).request(
            "POST", Call.MEDIA_POST, media_payload.POST_PATH, body
        ) as reply:
            post = media_payload.post_in(await reply.body())
        urls = [one.url for one in placed]
        body = media_payload.edit_body_older(post.prompt or prompt, urls, post.id)
        return body, media_payload.referer(post.id)

    async def _call(self, body: bytes, referer: str, wanted: int) -> AsyncGenerator[Batch]:
        session = self._patience.of(self._session)
        account = session.account
        decoder = EditDecoder(
            wanted, session.places, Trace(account.id), first=self.count, user_id=account.user_id
        )
        failure: UpstreamError | None = None
        try:
            with sent():
                async with session.request(
                    "POST", Call.GENERATE, payload.CHAT_PATH, body, referer=referer
                ) as reply:
                    while not decoder.done and (data := await reply.chunk()):
                        if events := self._begin(decoder.feed(data)):
                            yield events
                decoder.end()
                if not (decoder.pictures() or decoder.withheld or decoder.whole or self.count):
                    raise Unreachable(
                        "Grok's answer ended before the picture was there.",
                        hint="Try again.",
                        detail="the stream ended without a picture or a last frame",
                    )
        except UpstreamError as error:
            failure = error
        # What was finished by then is there, whatever became of the call.
        if (failure is None or decoder.pictures()) and (events := self._handed_on(decoder)):
            yield self._begin(events)
        if failure is not None and self.count < self._request.count:
            raise failure

    def _handed_on(self, decoder: EditDecoder) -> list[Event]:
        """The new pictures of a call; of one that brought none, what was withheld."""
        out: list[Event] = []
        for artifact in decoder.pictures():
            if artifact.url not in self._urls:
                self._urls.add(artifact.url)
                out.append(Made(artifact, self.count))
                self.count += 1
        if not out:
            left = range(self.count, min(self._request.count, self.count + decoder.withheld))
            out += [Withheld(slot, PICTURE_WITHHELD) for slot in left]
        return out

    def _begin(self, events: list[Event]) -> list[Event]:
        """`events` without progress that goes back to where an earlier call was; the first with `Started`."""
        told = [event for event in events if self._is_news(event)]
        if self.begun or not told:
            return told
        self.begun = True
        return [Started("", "", 0), *told]

    def _is_news(self, event: Event) -> bool:
        if not isinstance(event, Progressed):
            return True
        is_news = event.fraction > self._reached.get(event.slot, 0.0)
        if is_news:
            self._reached[event.slot] = event.fraction
        return is_news
