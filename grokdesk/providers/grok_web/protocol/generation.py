"""What comes back of edits and films: the body of `conversations/new` (grok-web-media.md §4.3, §5.8)."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from grokdesk.core.errors import Unreachable, UpstreamError
from grokdesk.core.events import Event, Made, Progressed, Submitted, Withheld
from grokdesk.core.media import Artifact, Kind, Trace
from grokdesk.providers.grok_web.protocol import loose, render
from grokdesk.providers.grok_web.protocol.failures import not_made, stream_failure
from grokdesk.providers.grok_web.protocol.frames import Frames
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.loose import Json
from grokdesk.providers.grok_web.protocol.making import ALL, FILM_WITHHELD, fraction, images_in, pixels
from grokdesk.providers.grok_web.protocol.pictures import Places, asset_in, is_preview

_FILM_URLS: Final = ("videoUrl", "contentUrl", "contentURL", "assetUrl", "assetURL", "fileUri", "fileURL")
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,100}")
_LONGEST_ID: Final = 100


class _Stream(ABC):
    """The frames of one answer, whatever their framing, and what both kinds have in common."""

    def __init__(self, trace: Trace) -> None:
        self._frames = Frames()
        self._failure: UpstreamError | None = None
        self.trace = trace

    def feed(self, data: bytes) -> list[Event]:
        """Decode the next piece of the body; it may end anywhere.

        Raises `UpstreamError` for an error in the stream (§12.3); one that comes behind events of the same
        piece is raised by the next call.
        """
        if self._failure is not None:
            raise self._failure
        out: list[Event] = []
        before = self.trace
        try:
            for frame in self._frames.feed(data):
                if self.done:
                    # What is said after the end says nothing new.
                    continue
                found = list(self._frame(frame))
                if self.trace != before:
                    before = self.trace
                    out.append(Submitted(self.trace))
                out += found
        except UpstreamError as failure:
            if self.done:
                return out
            self._failure = failure
            # Nothing but ids is nothing yet: another account can still be asked.
            if all(isinstance(event, Submitted) for event in out):
                raise
        return out

    def end(self) -> None:
        """The body has ended, or is no longer wanted. Raises a failure that has not been raised yet."""
        if self._failure is not None:
            raise self._failure

    def _frame(self, frame: Json) -> Iterator[Event]:
        result = loose.member(frame, "result")
        response = loose.member(result, "response")
        whole = loose.member(response, "modelResponse")
        for place in (frame, result, response):
            _raise_for(place.get("error"))
        if "code" in frame and "message" in frame:
            _raise_for(frame)
        for error in loose.items(whole, "streamErrors"):
            _raise_for((loose.member(error, "error") or error) if isinstance(error, dict) else error)
        self._know(conversation_id=loose.text(loose.member(result, "conversation"), "conversationId"))
        self._know(response_id=loose.text(whole, "responseId"))
        if response:
            yield from self._response(response, whole)

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether no more bytes are wanted: all has come, or a failure that `end` raises."""

    @abstractmethod
    def _response(self, response: Json, whole: Json) -> Iterator[Event]:
        """What a frame tells; `whole` is its `modelResponse`, or nothing."""

    def _know(
        self,
        *,
        conversation_id: str = "",
        response_id: str = "",
        post_id: str = "",
        parent_post_id: str = "",
        asset_id: str = "",
    ) -> None:
        known = self.trace
        self.trace = Trace(
            known.account,
            conversation_id or known.conversation_id,
            response_id or known.response_id,
            post_id or known.post_id,
            parent_post_id or known.parent_post_id,
            asset_id or known.asset_id,
        )


def _raise_for(error: object) -> None:
    if error and isinstance(error, (dict, str)):
        raise stream_failure(error, call=Call.GENERATE)


class EditDecoder(_Stream):
    """An answer with edited pictures: `wanted` of them at most.

    Feed it the body until that ends or it is `done`, then take the `pictures`, in order, each once. Progress
    is told for slots from `first` on.
    """

    def __init__(
        self, wanted: int, places: Places, trace: Trace, *, first: int = 0, user_id: str = ""
    ) -> None:
        super().__init__(trace)
        self._wanted = wanted
        self._places = places
        self._first = first
        self._user_id = user_id
        self._images = render.Images(places.assets_url)
        self._spare = render.Images(places.assets_url)
        self._attached: list[str] = []
        self._text: list[str] = []
        self._reached: dict[int, float] = {}
        self._blocked: set[str] = set()
        self.whole = False

    @property
    def done(self) -> bool:
        """Whether no more bytes are wanted."""
        return self._failure is not None or self.whole or len(self._images.urls()) >= self._wanted

    @property
    def withheld(self) -> int:
        """How many pictures moderation kept back."""
        return len(self._blocked)

    def pictures(self) -> list[Artifact]:
        """What was made, without what moderation kept back, which may be named again at the end."""
        found = [url for url in self._images.urls() if self._usable(url)]
        if not found:
            found = [url for url in self._fallbacks() if self._usable(url)]
        return [
            self._places.picture(url, trace=replace(self.trace, asset_id=asset_in(url)))
            for url in found[: self._wanted]
        ]

    def _usable(self, url: str) -> bool:
        return not is_preview(url) and self._places.of(url) is not None and not self._images.is_withheld(url)

    def _fallbacks(self) -> Iterator[str]:
        """Where else an address may be: files of the account, then the text (§3.2, §4.3)."""
        if self._user_id:
            for asset_id in self._attached:
                yield self._places.absolute(f"users/{self._user_id}/{asset_id}/content")
        for url in images_in("".join(self._text)):
            yield self._places.absolute(url)
        yield from self._spare.urls()

    def _response(self, response: Json, whole: Json) -> Iterator[Event]:
        yield from self._image(loose.member(response, "streamingImageGenerationResponse"))
        cards = [response.get("cardAttachment"), *loose.items(response, "cardAttachments")]
        cards += loose.items(whole, "cardAttachmentsJson")
        for card in cards:
            yield from self._image(render.image_in(render.card_in(card)))
        self._text.append(loose.text(response, "token") + loose.text(whole, "message"))
        for url in loose.items(whole, "generatedImageUrls"):
            if isinstance(url, str) and not is_preview(url):
                self._images.found(url)
        attached = loose.items(whole, "fileAttachments")
        self._attached += [one for one in attached if isinstance(one, str) and _ID.fullmatch(one)]
        for url in _generated_in(response):
            self._spare.found(url)
        self.whole = self.whole or bool(whole)

    def _image(self, image: Json) -> Iterator[Event]:
        if not image:
            return
        url = loose.text(image, "imageUrl", "image_url", "url")
        if image.get("moderated") is True:
            self._blocked.add(loose.text(image, "assetId", "imageUuid") or url or str(len(self._blocked)))
            self._images.add(image)
        elif not is_preview(url):
            self._images.add(image)
        position = loose.number(image, "imageIndex")
        done = loose.number(image, "progress")
        slot = 0 if position is None or not 0 <= position < self._wanted else int(position)
        if done is not None:
            reached = fraction(done)
            if reached > self._reached.get(slot, 0.0):
                self._reached[slot] = reached
                yield Progressed(reached, self._first + slot)


def _generated_in(value: object, depth: int = 8) -> Iterator[str]:
    """Every text within `value` that looks like the address of a finished picture."""
    if isinstance(value, str):
        if "/generated/" in value and not is_preview(value) and " " not in value and "{" not in value:
            yield value
    elif depth and isinstance(value, dict):
        for inner in value.values():
            yield from _generated_in(inner, depth - 1)
    elif depth and isinstance(value, list):
        for inner in value:
            yield from _generated_in(inner, depth - 1)


class FilmDecoder(_Stream):
    """An answer with one part of a film. Feed it the body until that ends or it is `done`.

    Tells progress, 0 to 0.99 and never back, then `Made` or `Withheld` for slot 0. The first address of a
    film that is not moderated ends it, whatever the progress says (§5.8).
    """

    def __init__(self, places: Places, trace: Trace) -> None:
        super().__init__(trace)
        self._places = places
        self._reached = 0.0
        self._over = False
        self._blocked = False
        self._begun = False
        self._answered = False
        self.withheld = False
        self.film: Artifact | None = None

    @property
    def done(self) -> bool:
        """Whether no more bytes are wanted: the film is there, or will not come."""
        return self._over or self._failure is not None

    def last(self) -> list[Event]:
        """The body has ended, or is no longer wanted: what that says, besides what was told.

        Raises a failure that has not been raised yet, `NotMade` when the answer was about something else than
        a film, and `Unreachable` when it ended before the film was there.
        """
        self.end()
        if self.film is not None or self.withheld:
            return []
        if self._blocked:
            self.withheld = True
            return [Withheld(0, FILM_WITHHELD)]
        if self._answered and not (self._begun or self.trace.asset_id):
            raise not_made("the answer is complete, without a film")
        raise Unreachable(
            "Grok's answer ended before the film was there.",
            hint="Try again.",
            detail="the stream ended without a film",
        )

    def _response(self, response: Json, whole: Json) -> Iterator[Event]:
        told = loose.member(response, "streamingVideoGenerationResponse")
        if told:
            yield from self._told(told)
        if self.film is None and not self.withheld:
            attached = [one for one in loose.items(whole, "fileAttachments") if isinstance(one, str)]
            if url := next((url for one in attached if (url := self._film_url(one))), ""):
                yield from self._made(url, {})
            elif attached:
                # A bare id is no address, and says that there is a film (§5.8).
                self._know(asset_id=self.trace.asset_id or attached[0][:_LONGEST_ID])
        if whole:
            # The answer is over, with a film or without.
            self._over = self._answered = True

    def _told(self, told: Json) -> Iterator[Event]:
        self._begun = True
        asset_id = loose.text(told, "assetId") or loose.text(told, "videoId")
        post_id = loose.text(told, "videoPostId") or loose.text(told, "videoId")
        parent = self.trace.parent_post_id or loose.text(told, "parentPostId")
        self._know(post_id=post_id, parent_post_id=parent, asset_id=asset_id)
        done = loose.number(told, "progress")
        self._blocked = told.get("moderated") is True
        if self._blocked:
            if done is None or done >= ALL:
                self._over = self.withheld = True
                yield Withheld(0, FILM_WITHHELD)
            return
        url = next((found for name in _FILM_URLS if (found := self._film_url(loose.text(told, name)))), "")
        if url:
            yield from self._made(url, told)
        elif done is not None:
            reached = fraction(done)
            if reached > self._reached:
                self._reached = reached
                yield Progressed(reached)

    def _film_url(self, value: str) -> str:
        """`value` in full if it is the address of a film: of a file `.mp4`, or of `/content` (§5.8)."""
        path = value.partition("?")[0]
        if not value or not (path.lower().endswith(".mp4") or "/content" in path):
            return ""
        return self._places.absolute(value)

    def _made(self, url: str, told: Json) -> Iterator[Event]:
        self._over = True
        self._know(asset_id=asset_in(url) or self.trace.asset_id)
        self.film = Artifact(
            Kind.VIDEO,
            url,
            public=False,
            thumbnail_url=self._places.absolute(loose.text(told, "thumbnailImageUrl")),
            trace=self.trace,
            width=pixels(told, "width"),
            height=pixels(told, "height"),
            adult=told.get("rRated") is True or told.get("r_rated") is True,
        )
        yield Made(self.film)


# --- looking for what was lost ------------------------------------------------------------------------------

_IDS: Final = ("assetId", "responseId", "sourceConversationId", "rootAssetSourceConversationId")
_PLACES_OF_FILES: Final = ("key", "filePath", *_FILM_URLS)
_DEPTH: Final = 10


def made_in(body: bytes, places: Places, trace: Trace, *, own: bool = False) -> Artifact | None:
    """What the job `trace` has made, by a listing of responses or files (§5.6, §6.3); None when not there.

    A film goes before a picture. `own` says that everything listed is of that job. Members are read wherever
    they are, because the shape of the listing is not known for sure.
    """
    listing = loose.parsed(body)
    if listing is None:
        return None
    found = list(_made_in(listing, places, trace, None if own else {}, _DEPTH))
    films = [one for one in found if one.kind is Kind.VIDEO]
    return next(iter(films or found), None)


def _made_in(
    value: object, places: Places, trace: Trace, around: Json | None, depth: int
) -> Iterator[Artifact]:
    if not depth:
        return
    if isinstance(value, list):
        for inner in value:
            yield from _made_in(inner, places, trace, around, depth - 1)
    elif isinstance(value, dict):
        if around is not None:
            around = {**around, **{name: value[name] for name in _IDS if isinstance(value.get(name), str)}}
        artifact = _as_artifact(value, places, trace)
        if artifact is not None and (around is None or _is_of(trace, around, artifact.url)):
            yield artifact
        for inner in value.values():
            yield from _made_in(inner, places, trace, around, depth - 1)


def _as_artifact(source: Json, places: Places, trace: Trace) -> Artifact | None:
    url = places.absolute(loose.text(source, *_PLACES_OF_FILES))
    is_blocked = loose.text(loose.member(source, "auxKeys"), "moderated") == "true"
    if not url or source.get("isDeleted") is True or source.get("moderated") is True or is_blocked:
        return None
    media_type = loose.text(source, "mimeType", "contentType")
    if media_type.startswith("video/") or url.partition("?")[0].lower().endswith(".mp4"):
        kind = Kind.VIDEO
    elif media_type.startswith("image/") and "/generated/" in url and not is_preview(url):
        kind = Kind.IMAGE
    else:
        return None
    return Artifact(
        kind,
        url,
        thumbnail_url=places.absolute(loose.text(source, "previewImageKey", "thumbnailImageUrl")),
        trace=replace(trace, asset_id=loose.text(source, "assetId") or asset_in(url) or trace.asset_id),
        width=pixels(source, "width"),
        height=pixels(source, "height"),
        adult=source.get("rRated") is True,
    )


def _is_of(trace: Trace, source: Json, url: str) -> bool:
    if trace.asset_id and trace.asset_id in {loose.text(source, "assetId"), asset_in(url)}:
        return True
    if trace.response_id and loose.text(source, "responseId") == trace.response_id:
        return True
    return bool(trace.conversation_id) and trace.conversation_id in {
        loose.text(source, name) for name in _IDS[2:]
    }
