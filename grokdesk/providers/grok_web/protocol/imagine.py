"""The socket that makes pictures: what is said to it, and what it says (grok-web-media.md §2).

A *slot* is one picture being made. It is usable when it is `completed`, not moderated, and its final picture
has come, in whichever order; a preview never becomes a result (§2.5). A *round* is one prompt with what
follows. The current form asks for as many pictures as are wanted and makes them in one round; the older one
makes a fixed number each round, so that it takes several (§2.7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import orjson

from grokdesk.core.errors import UpstreamError
from grokdesk.core.events import Event, Finished, Made, Previewed, Progressed, Withheld
from grokdesk.core.file_types import sniffed
from grokdesk.core.media import AUTO, Artifact, Kind, Trace
from grokdesk.providers.grok_web.protocol import loose
from grokdesk.providers.grok_web.protocol.failures import stream_failure
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.loose import Json
from grokdesk.providers.grok_web.protocol.making import ALL, PICTURE_WITHHELD, fraction, pixels
from grokdesk.providers.grok_web.protocol.pictures import Place, Places, decoded, image_id_in, size_of

PATH: Final = "/ws/imagine/listen"
MAX_MESSAGE: Final = 64 << 20

# More slots than this are not announced by any server that means well.
_MOST_SLOTS: Final = 400


def reset(now_ms: int) -> bytes:
    """The message that has to go before every prompt (§2.2)."""
    return _item(now_ms, {"type": "reset"})


def prompt(
    text: str, *, now_ms: int, request_id: str, ratio: str, pro: bool, adult: bool, count: int = 0
) -> bytes:
    """The prompt. `count` is how many pictures are wanted; the older form, with 0, does not say (§2.2)."""
    properties: dict[str, object] = {
        "section_count": 0,
        "is_kids_mode": False,
        "enable_nsfw": adult,
        "skip_upsampler": False,
        "enable_side_by_side": True,
        "is_initial": False,
        "aspect_ratio": ratio or AUTO,
        "enable_pro": pro,
    }
    if count:
        properties["num_generations"] = count
    return _item(
        now_ms, {"requestId": request_id, "text": text, "type": "input_text", "properties": properties}
    )


def _item(now_ms: int, content: dict[str, object]) -> bytes:
    return orjson.dumps(
        {
            "type": "conversation.item.create",
            "timestamp": now_ms,
            "item": {"type": "message", "content": [content]},
        }
    )


@dataclass(slots=True)
class _Slot:
    """One picture being made. `number` is the one it has for whoever asked; None while it is a spare."""

    id: str
    number: int | None = None
    is_complete: bool = False
    is_final: bool = False
    over: bool = False
    data: bytes = b""
    url: str = ""
    width: int = 0
    height: int = 0
    adult: bool = False
    prompt: str = ""


class ImagineDecoder:
    """What the socket says, over all rounds of one request for `count` pictures.

    `begin` each round, with how many it was asked for, 0 in the older form; feed it every message; at the end
    call `end`. With `previews`, unfinished pictures are handed on too. `spares` says that what is withheld
    may be made up for by other pictures, of the same round or another one.
    """

    __slots__ = (
        "_asked",
        "_blocked",
        "_count",
        "_given",
        "_places",
        "_previews",
        "_reached",
        "_round",
        "_spares",
    )

    def __init__(self, count: int, places: Places, *, previews: bool = False, spares: bool = False) -> None:
        self._count = count
        self._places = places
        self._previews = previews
        self._spares = spares
        self._round: dict[str, _Slot] = {}
        self._asked = 0
        self._given: set[int] = set()
        self._blocked: set[int] = set()
        self._reached: dict[int, float] = {}

    @property
    def made(self) -> int:
        """How many pictures have been handed on."""
        return len(self._given)

    @property
    def missing(self) -> int:
        """How many are still to come; those that were withheld for good are not."""
        return self._count - len(self._given) - (0 if self._spares else len(self._blocked))

    @property
    def settled(self) -> bool:
        """Whether nothing is left to come of the slots that were announced in this round."""
        return bool(self._round) and all(slot.over for slot in self._round.values())

    @property
    def completed(self) -> bool:
        """Whether upstream has called every slot of this round complete, if not sent what is in it."""
        return bool(self._round) and all(slot.is_complete for slot in self._round.values())

    @property
    def whole(self) -> bool:
        """Whether this round is over for sure: all that it was asked for has come to an end (§2.7)."""
        return bool(self._asked) and self.settled and len(self._round) >= self._asked

    def begin(self, asked: int = 0) -> None:
        """Another round; what is left of the one before is not waited for."""
        self._round = {}
        self._asked = asked

    def feed(self, message: bytes) -> list[Event]:
        """Decode one text message. What is not JSON, or of an unknown type, is ignored (§2.1).

        Raises `UpstreamError` for an error of the socket (§2.4).
        """
        frame = loose.parsed(message)
        if frame is None:
            return []
        match frame.get("type"):
            case "json":
                return list(self._state(frame))
            case "image":
                return list(self._picture(frame))
            case "error":
                raise failure_in(frame)
            case _:
                return []

    def end(self) -> list[Event]:
        """Nothing follows. Returns what is said of slots that were withheld and not made up for."""
        left = sorted(self._blocked - self._given) if self._spares else []
        self._blocked.clear()
        return [*(Withheld(number, PICTURE_WITHHELD) for number in left), Finished()]

    # --- frames ---

    def _state(self, frame: Json) -> Iterator[Event]:
        slot = self._slot(frame)
        if slot is None or slot.over:
            return
        self._told(slot, frame)
        if frame.get("current_status") != "completed":
            yield from self._progress(slot, frame)
            return
        slot.is_complete = True
        if frame.get("moderated") is True:
            yield from self._withheld(slot)
            return
        if not slot.is_final:
            self._take(slot, frame)
            slot.is_final = bool(slot.data or slot.url)
        yield from self._made(slot)

    def _picture(self, frame: Json) -> Iterator[Event]:
        slot = self._slot(frame)
        if slot is None or slot.over:
            return
        self._told(slot, frame)
        done = loose.number(frame, "percentage_complete")
        if done is not None and done < ALL:
            yield from self._progress(slot, frame)
            if self._previews and slot.number is not None and (data := decoded(loose.text(frame, "blob"))):
                yield Previewed(data, sniffed(data), slot.number)
            return
        self._take(slot, frame)
        slot.is_final = bool(slot.data or slot.url)
        yield from self._made(slot)

    def _take(self, slot: _Slot, frame: Json) -> None:
        slot.data = decoded(loose.text(frame, "blob")) or slot.data
        slot.url = self._places.absolute(loose.text(frame, "url")) or slot.url

    def _told(self, slot: _Slot, frame: Json) -> None:
        slot.width = pixels(frame, "width") or slot.width
        slot.height = pixels(frame, "height") or slot.height
        slot.adult = slot.adult or frame.get("r_rated") is True
        slot.prompt = loose.text(frame, "full_prompt") or slot.prompt

    # --- slots ---

    def _slot(self, frame: Json) -> _Slot | None:
        """The slot a frame is about; one that was not announced begins with it (§2.5)."""
        names = [name for key in ("image_id", "job_id", "id") if (name := loose.text(frame, key))]
        if in_url := image_id_in(loose.text(frame, "url")):
            names.append(in_url)
        for name in names:
            if name in self._round:
                return self._round[name]
        if not names or len(self._round) >= _MOST_SLOTS:
            return None
        slot = _Slot(names[0], self._number_at(_position(frame)))
        self._round[names[0]] = slot
        return slot

    def _number_at(self, position: int | None) -> int | None:
        """A number for a new slot: its position if that is free, else the next free one, else none."""
        free = self._free()
        held = {slot.number for slot in self._round.values()}
        open_ = [number for number in free if number not in held]
        if position in open_:
            return position
        return open_[0] if open_ else None

    def _free(self) -> list[int]:
        gone = self._given if self._spares else self._given | self._blocked
        return [number for number in range(self._count) if number not in gone]

    def _made(self, slot: _Slot) -> Iterator[Event]:
        if not (slot.is_complete and slot.is_final):
            return
        slot.over = True
        number = slot.number if slot.number is not None else self._number_at(None)
        if number is None:
            number = self._taken_over()
        if number is None:
            return
        self._given.add(number)
        self._blocked.discard(number)
        artifact = self._artifact(slot)
        # Whoever takes it keeps it; ten large pictures are not held twice.
        slot.data = b""
        yield Made(artifact, number)

    def _taken_over(self) -> int | None:
        """The number of a slot that is still being made: who is ready first goes first."""
        free = self._free()
        for slot in self._round.values():
            if not slot.over and slot.number in free:
                number, slot.number = slot.number, None
                return number
        return None

    def _withheld(self, slot: _Slot) -> Iterator[Event]:
        slot.over = True
        number, slot.number = slot.number, None
        if number is None:
            return
        self._blocked.add(number)
        if not self._spares:
            yield Withheld(number, PICTURE_WITHHELD)

    def _progress(self, slot: _Slot, frame: Json) -> Iterator[Event]:
        done = loose.number(frame, "percentage_complete")
        number = slot.number
        if done is None or number is None:
            return
        reached = fraction(done)
        if reached > self._reached.get(number, 0.0):
            self._reached[number] = reached
            yield Progressed(reached, number)

    def _artifact(self, slot: _Slot) -> Artifact:
        width, height = size_of(slot.data) if slot.data else (0, 0)
        return Artifact(
            Kind.IMAGE,
            slot.url,
            slot.data,
            public=self._places.of(slot.url) is Place.EVERYBODY,
            trace=Trace(asset_id=slot.id),
            width=width or slot.width,
            height=height or slot.height,
            prompt=slot.prompt,
            adult=slot.adult,
        )


def failure_in(frame: Json) -> UpstreamError:
    """What an `error` frame means (§2.4, §12.3)."""
    return stream_failure(
        {"code": frame.get("err_code"), "message": frame.get("err_msg"), "error": frame.get("error")},
        call=Call.IMAGINE,
    )


def _position(frame: Json) -> int | None:
    for name in ("side_by_side_index", "order", "grid_index"):
        found = loose.number(frame, name)
        if found is not None:
            return int(found) if found == found // 1 else None
    return None
