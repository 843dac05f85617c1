"""Event filters for pictures and films: how they stand in a conversation, and whether all of them came.

The forms are those of spec/public-api.md §3.5, §4 and §6.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from grokdesk.core.errors import Incomplete, NothingMade, Undelivered, UpstreamError, Withdrawn
from grokdesk.core.events import (
    Event,
    Finished,
    Made,
    MediaEvent,
    Progressed,
    TextPiece,
    ThoughtPiece,
    Transcript,
    Withheld,
)
from grokdesk.core.media import Artifact, Kept, Kind
from grokdesk.core.settings import ImageForm, VideoForm

Link = Callable[[Kept], str]

_STEP: Final = 0.05


class AllMade:
    """Lets an answer end only when everything that was asked for has been made.

    Raises `Withdrawn` when moderation kept all of it back, `Incomplete` when some of it is missing,
    `NothingMade` when upstream made nothing and does not say why, and what was `lost` when that is all.
    """

    def __init__(self, wanted: int, what: str) -> None:
        self._wanted = wanted
        self._what = what
        self._made = 0
        self._withheld: dict[int, str] = {}
        self._lost: Undelivered | None = None

    def lost(self, why: Undelivered) -> None:
        """One was made, and its file cannot be had."""
        self._lost = why

    def cut_short(self, why: UpstreamError) -> UpstreamError:
        """What to say when upstream fails for `why`: how many there are, if there are some."""
        if not 0 < self._made < self._wanted or isinstance(why, Incomplete):
            return why
        return self._incomplete(why.message, why)

    def _incomplete(self, why: str, cause: UpstreamError | None = None) -> Incomplete:
        return Incomplete(
            f"{self._made} of {self._wanted} {self._what}s were made: {why}",
            made=self._made,
            wanted=self._wanted,
            hint="Those that were made are in the library of GrokDesk.",
            detail="" if cause is None else cause.detail,
            cause=cause,
        )

    def feed(self, event: Event) -> Sequence[Event]:
        """Return `event`."""
        match event:
            case Made():
                self._made += 1
            case Withheld(slot, reason):
                self._withheld[slot] = reason
            case Finished() if self._made < self._wanted:
                raise self._missing()
        return (event,)

    def _missing(self) -> UpstreamError:
        made, withheld = self._made, len(self._withheld)
        if self._lost is not None:
            return self._incomplete(self._lost.message, self._lost) if made else self._lost
        if not made and withheld:
            reason = next((reason for reason in self._withheld.values() if reason), "")
            return Withdrawn(
                reason or f"Grok withheld the {self._what}: its moderation does not let this be shown.",
                hint="Ask for something else.",
            )
        if not made:
            return NothingMade(f"Grok made no {self._what} and did not say why.", hint="Try again.")
        return self._incomplete(
            f"Grok's moderation withheld {withheld}." if withheld else "Grok made no more."
        )


class ProgressAsThinking:
    """Tells how far the work is as thinking, a line each time it has got on."""

    def __init__(self, wanted: int, what: str) -> None:
        self._wanted = wanted
        self._what = what
        self._fractions: dict[int, float] = {}
        self._told = -1.0

    def feed(self, event: Event) -> Sequence[Event]:
        """Return a line instead of progress, when it is worth one."""
        match event:
            case Progressed(fraction, slot):
                self._fractions[slot] = max(fraction, self._fractions.get(slot, 0.0))
            case Made(_, slot):
                self._fractions[slot] = 1.0
                return (*self._line(), event)
            case _:
                return (event,)
        return self._line()

    def _line(self) -> Sequence[Event]:
        best = sorted(self._fractions.values(), reverse=True)[: self._wanted]
        whole = sum(best) / self._wanted
        if whole < self._told + _STEP and not (whole >= 1.0 > self._told):
            return ()
        self._told = whole
        done = sum(fraction >= 1.0 for fraction in best)
        count = f" ({done} of {self._wanted})" if self._wanted > 1 else ""
        return (ThoughtPiece(f"Making the {self._what}: {whole:.0%}{count}\n"),)


class MediaAsText:
    """Puts pictures and films into the text of an answer; whatever else is told about them is dropped.

    `transcript` holds what was said before the first of them: until then it need not be fed.
    """

    def __init__(
        self, image_form: ImageForm, video_form: VideoForm, link: Link, transcript: Transcript
    ) -> None:
        self._image_form = image_form
        self._video_form = video_form
        self._link = link
        self._transcript = transcript
        self._begun = False

    def feed(self, event: Event) -> Sequence[Event]:
        """Return text instead of what was made."""
        match event:
            case TextPiece():
                self._begun = True
                return (event,)
            case Made(artifact, _, kept):
                gap = "\n\n" if self._begun or self._transcript.text else ""
                self._begun = True
                return (TextPiece(gap + self._text(artifact, kept)),)
            case MediaEvent():
                return ()
            case _:
                return (event,)

    def _text(self, artifact: Artifact, kept: Kept | None) -> str:
        local = self._link(kept) if kept is not None else artifact.url
        if artifact.kind is Kind.VIDEO:
            match self._video_form:
                case VideoForm.GROK_URL:
                    return artifact.url or local
                case VideoForm.LOCAL_URL:
                    return local
                case VideoForm.GROK_HTML:
                    return _player(artifact.url or local)
                case VideoForm.LOCAL_HTML:
                    return _player(local)
        match self._image_form:
            case ImageForm.GROK_URL:
                return artifact.url or local
            case ImageForm.LOCAL_URL:
                return local
            case ImageForm.GROK_MD:
                return f"![image]({artifact.url or local})"
            case ImageForm.BASE64 if kept is not None and artifact.data:
                return f"![image](data:{kept.media_type};base64,{b64encode(artifact.data).decode()})"
            case ImageForm.LOCAL_MD | ImageForm.BASE64:
                return f"![image]({local})"


def _player(address: str) -> str:
    return f'<video controls src="{escape(address)}"></video>'
