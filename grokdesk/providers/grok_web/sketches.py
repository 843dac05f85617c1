"""Pictures drawn within a conversation, the light way (grok-web-media.md §3).

A turn makes two pictures and counts as one question, so there are as many turns as it takes, one behind the
other.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from grokdesk.core.errors import EmptyAnswer
from grokdesk.core.events import Batch, Event, Finished, Made, Progressed, Started, TextPiece, Withheld
from grokdesk.core.media import ImageRequest
from grokdesk.providers.grok_web.chat import Chat
from grokdesk.providers.grok_web.protocol.failures import NotMade
from grokdesk.providers.grok_web.protocol.making import images_in
from grokdesk.providers.grok_web.protocol.pictures import Places, is_preview
from grokdesk.providers.grok_web.rounds import Asking
from grokdesk.providers.grok_web.session import Session
from grokdesk.providers.grok_web.submitting import Patience

_PREFIX: Final = "Drawing: "


async def sketches(
    chat: Callable[[Session], Chat], session: Session, request: ImageRequest
) -> AsyncGenerator[Batch]:
    """Draw the pictures of `request`, each turn in a `chat` of its own. Raises what a refusal means.

    A turn that draws nothing is the last one: the next would not either. Only then what was withheld counts.
    `NotMade` is raised when that was the first one, and said something.
    """
    patience = Patience(session.means.deadlines, session.options.image_s, "image_s")
    drawn = _Drawn(request.count, session.places)
    asking = Asking((), literal=_PREFIX + request.prompt)
    told: list[Event] = [Started("", "", 0)]
    while True:
        drawn.begin()
        async with chat(patience.of(session)) as turn, aclosing(_answer(turn, asking)) as answer:
            async for batch in answer:
                told += drawn.take(batch)
                if told:
                    yield told
                    told = []
                if drawn.enough:
                    break
        told += drawn.end_of_turn()
        if drawn.enough or drawn.dry:
            break
    if drawn.only_words:
        raise NotMade(
            "Grok answered in words instead of drawing.", hint="Describe the picture in another way."
        )
    yield [*told, Finished()]


async def _answer(turn: Chat, asking: Asking) -> AsyncGenerator[Batch]:
    try:
        async for batch in await turn.ask(asking):
            yield batch
    except EmptyAnswer:
        # Nothing was drawn; the request says so when nothing was at all.
        return


class _Drawn:
    """The pictures of all turns, in the slots of the request."""

    def __init__(self, count: int, places: Places) -> None:
        self._count = count
        self._places = places
        self._next = 0
        self._base = 0
        self._reached: dict[int, float] = {}
        self._text: list[str] = []
        self._withheld: list[str] = []

    @property
    def enough(self) -> bool:
        return self._next >= self._count

    @property
    def dry(self) -> bool:
        """Whether the last turn brought nothing, as the next one would."""
        return self._next == self._base

    @property
    def only_words(self) -> bool:
        """Whether nothing was drawn at all, nor withheld, but something said."""
        return not (self._next or self._withheld) and bool("".join(self._text).strip())

    def begin(self) -> None:
        self._base = self._next
        self._text.clear()
        self._withheld.clear()

    def take(self, batch: Batch) -> list[Event]:
        out: list[Event] = []
        for event in batch:
            match event:
                case Made(artifact) if not self.enough:
                    out.append(Made(artifact, self._slot()))
                case Withheld(_, reason):
                    self._withheld.append(reason)
                case Progressed(fraction, slot) if self._is_news(fraction, self._base + slot):
                    out.append(Progressed(fraction, self._base + slot))
                case TextPiece(text):
                    self._text.append(text)
                case _:
                    pass
        return out

    def end_of_turn(self) -> list[Event]:
        """What else a turn without pictures tells: one named in its text (§3.2), or what was withheld."""
        if not self.dry:
            return []
        left = range(self._next, self._count)
        if self._withheld:
            return [Withheld(slot, reason) for slot, reason in zip(left, self._withheld, strict=False)]
        urls = [self._places.absolute(url) for url in images_in("".join(self._text))]
        found = dict.fromkeys(url for url in urls if url and not is_preview(url))
        return [Made(self._places.picture(url), self._slot()) for url in list(found)[: len(left)]]

    def _slot(self) -> int:
        self._next += 1
        return self._next - 1

    def _is_news(self, fraction: float, slot: int) -> bool:
        if not self._next <= slot < self._count or fraction <= self._reached.get(slot, 0.0):
            return False
        self._reached[slot] = fraction
        return True
