"""One answer being put together, whichever form it arrives in.

`Answer` receives what the decoders find and appends core events: text with citation markers instead of render
tags, thinking, sources, and at the end the images. It keeps the rules that hold for the answer as a whole:
what was shown before, which number a source has, what is said only once.
"""

from __future__ import annotations

from typing import Final

from grokdesk.core.errors import EmptyAnswer, Refused
from grokdesk.core.events import (
    Cited,
    Event,
    Finished,
    Made,
    Progressed,
    Source,
    Sourced,
    Started,
    TextPiece,
    ThoughtPiece,
    Withheld,
)
from grokdesk.providers.grok_web.protocol import render
from grokdesk.providers.grok_web.protocol.loose import Json, number, text
from grokdesk.providers.grok_web.protocol.making import PICTURE_WITHHELD, fraction
from grokdesk.providers.grok_web.protocol.pictures import Places, is_preview
from grokdesk.providers.grok_web.protocol.thinking import Thinking

ASSETS_URL: Final = "https://assets.grok.com"
PUBLIC_IMAGES_URL: Final = "https://imagine-public.x.ai"

_STARTED: Final = Started("", "", 0)


class Answer:
    """Turns pieces of an answer into events, appended to the list that each method is given.

    Pictures that Grok made come at the end. In a `drawing` they are what was asked for: each comes as soon as
    it is finished, with its progress before, and one that was withheld is told.
    """

    __slots__ = (
        "_annotations",
        "_blocked",
        "_cards",
        "_drawing",
        "_drawn",
        "_has_ink",
        "_images",
        "_last_cited",
        "_length",
        "_numbers",
        "_places",
        "_raw",
        "_slots",
        "_sources",
        "_started",
        "_thinking",
        "_thought",
    )

    def __init__(self, assets_url: str, *, drawing: bool = False) -> None:
        self._drawing = drawing
        self._drawn: dict[str, None] = {}
        self._blocked: set[str] = set()
        self._slots: dict[str, int] = {}
        self._places = Places(assets_url, PUBLIC_IMAGES_URL)
        self._started = False
        self._raw: list[str] = []
        self._length = 0
        self._has_ink = False
        self._thinking = Thinking()
        self._thought = False
        self._cards: dict[str, Json] = {}
        self._images = render.Images(assets_url)
        self._sources: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._last_cited = ""
        self._annotations = 0

    @property
    def has_text(self) -> bool:
        """Whether any text was shown."""
        return self._length > 0

    # --- text ---

    def text(self, piece: str, out: list[Event]) -> None:
        """The next piece of the answer, as upstream sent it."""
        self._raw.append(piece)
        if render.has_markup(piece):
            self._marked_up(piece, out)
        else:
            self._show(piece, out)

    def whole_text(self, message: str, out: list[Event]) -> None:
        """The whole answer once more: what was missing at the end is shown, another text ignored (§8.5)."""
        shown = "".join(self._raw)
        if len(message) > len(shown) and message.startswith(shown):
            self.text(message[len(shown) :], out)

    def cite(self, url: str, out: list[Event], title: str = "") -> None:
        """Mark the text so far with a source: `[[N]](url)`, N by first use of the address (§10.3)."""
        url = render.normal_url(url)
        if not url or url == self._last_cited:
            return
        number = self._numbers.get(url)
        if number is None:
            if len(self._numbers) >= render.MAX_CITED:
                return
            number = self._numbers[url] = len(self._numbers) + 1
        start = self._length
        self._show(f"[[{number}]]({url})", out)
        self._last_cited = url
        if self._annotations < render.MAX_ANNOTATIONS:
            self._annotations += 1
            out.append(Cited(url, title or self._sources.get(url) or url, start, self._length))

    def _marked_up(self, piece: str, out: list[Event]) -> None:
        for part in render.split_tags(piece):
            if isinstance(part, str):
                self._show(part, out)
                continue
            card = self._cards.get(part.card_id, {})
            if part.kind == "render_inline_citation":
                self.cite(text(card, "url"), out, render.title_of(text(card, "title")))
            elif part.kind == "render_searched_image":
                self._show(render.searched_image(card), out)

    def _show(self, shown: str, out: list[Event]) -> None:
        if not shown:
            return
        if not self._started:
            self._start(out)
        out.append(TextPiece(shown))
        self._length += len(shown)
        self._last_cited = ""
        if not self._has_ink:
            self._has_ink = not shown.isspace()

    def _start(self, out: list[Event]) -> None:
        if not self._started:
            self._started = True
            out.append(_STARTED)

    # --- thinking; what comes after the text began is not shown (§11.3) ---

    def agents(self, names: list[object]) -> None:
        """Who will work on the answer."""
        self._thinking.announced(names)

    def thought(self, piece: str, agent: str, out: list[Event]) -> None:
        """The next words of thinking."""
        if not self._length:
            self._think(self._thinking.raw(piece, agent), out)

    def thought_line(self, line: str, agent: str, out: list[Event]) -> None:
        """A header or summary of the thinking."""
        if not self._length:
            self._think(self._thinking.line(line, agent), out)

    def tool(self, card: Json, token: str, card_id: str, agent: str, out: list[Event]) -> None:
        """What a tool does, as a line of thinking."""
        if not self._length:
            self._think(self._thinking.tool(card, token, card_id, agent), out)

    def _think(self, shown: str, out: list[Event]) -> None:
        if shown:
            self._thought = True
            self._start(out)
            out.append(ThoughtPiece(shown))

    # --- cards, images, sources ---

    def card(self, attachment: object, out: list[Event]) -> None:
        """A card: remembered for the tags that name it, with the image in it."""
        card = render.card_in(attachment)
        if card_id := text(card, "id"):
            self._cards[card_id] = card
        self.image(render.image_in(card), out)

    def image(self, image: Json, out: list[Event]) -> None:
        """The state of a generated image."""
        self._images.add(image)
        if self._drawing and image:
            self._draw(image, out)

    def image_url(self, url: object, out: list[Event]) -> None:
        """The address of a finished image."""
        if isinstance(url, str) and not is_preview(url):
            self._images.found(url)
            if self._drawing:
                self._hand_on(out)

    def _draw(self, image: Json, out: list[Event]) -> None:
        """What a state of an image says to whoever waits for it. Slots are numbered as they turn up."""
        name = text(image, "imageUuid", "imageId", "image_uuid", "assetId", "imageUrl", "image_url", "url")
        if not name:
            return
        slot = self._slots.setdefault(name, len(self._slots))
        self._start(out)
        if image.get("moderated") is True:
            if name not in self._blocked:
                self._blocked.add(name)
                out.append(Withheld(slot, PICTURE_WITHHELD))
            return
        done = number(image, "progress")
        if done is not None:
            out.append(Progressed(fraction(done), slot))
        self._hand_on(out)

    def _hand_on(self, out: list[Event]) -> None:
        for url in self._images.urls():
            if url not in self._drawn and self._places.of(url) is not None:
                self._drawn[url] = None
                self._start(out)
                out.append(Made(self._places.picture(url), len(self._drawn) - 1))

    def web_results(self, results: list[object], out: list[Event]) -> None:
        """Pages that were found."""
        for source in render.web_sources(results):
            self._source(source, out)

    def posts(self, posts: list[object], out: list[Event]) -> None:
        """Posts that were found."""
        for source in render.post_sources(posts):
            self._source(source, out)

    def _source(self, source: Source, out: list[Event]) -> None:
        if source.url not in self._sources and len(self._sources) < render.MAX_SOURCES:
            self._sources[source.url] = source.title
            self._start(out)
            out.append(Sourced(source))

    # --- the end ---

    def finish(self, out: list[Event]) -> None:
        """Close the answer: its images, then `Finished`.

        Raises `EmptyAnswer` when it has neither text nor image, `Refused` when moderation kept its only image
        back.
        """
        for url in self._images.urls():
            # What is at another place cannot be fetched as ours; whoever reads it may still open it.
            if self._places.of(url) is None:
                gap = "\n\n" if self._length else ""
                self._show(f"{gap}![image]({url})", out)
        self._hand_on(out)
        if not (self._has_ink or self._drawn or (self._drawing and self._images.withheld)):
            raise self._nothing()
        out.append(Finished())

    def _nothing(self) -> EmptyAnswer | Refused:
        if self._images.withheld:
            return Refused(
                "Grok made a picture and withheld it because of its content; the account is fine.",
                hint="Describe something else.",
            )
        if self._thought:
            return EmptyAnswer("Grok thought about this but sent no answer.", hint="Ask again.")
        return EmptyAnswer("Grok sent an empty answer.", hint="Ask again.")
