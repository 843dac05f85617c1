"""How pictures and films stand in a conversation, and when an answer is complete."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from grokdesk.core.errors import EmptyAnswer, Incomplete, UpstreamError, Withdrawn
from grokdesk.core.events import (
    Event,
    Finished,
    Made,
    Previewed,
    Progressed,
    Submitted,
    TextPiece,
    ThoughtPiece,
    Transcript,
    Withheld,
)
from grokdesk.core.media import Artifact, Kept, Kind, Trace
from grokdesk.core.settings import ImageForm, VideoForm
from grokdesk.core.shaping import Shape, shaped
from grokdesk.core.shaping_media import AllMade, MediaAsText, ProgressAsThinking

GROK = "https://assets.grok.example/users/u/1/image.jpg"
FILE = Kept("ab" * 16, Kind.IMAGE, "d" * 64, "image/png", 3, 0.0)
PICTURE = Made(Artifact(Kind.IMAGE, GROK, data=b"abc"), 0, FILE)
FILM = Made(Artifact(Kind.VIDEO, "https://g/f.mp4?a=1&b=2"), 0, FILE)


def through(shape: Shape, *events: Event) -> list[Event]:
    """What comes out."""
    return [out for event in events for out in shaped([shape], [event])]


def text(image: ImageForm, video: VideoForm, *events: Event) -> str:
    """The text of a conversation."""
    shape = MediaAsText(image, video, lambda kept: f"http://here{kept.path}", Transcript())
    return "".join(event.text for event in through(shape, *events) if isinstance(event, TextPiece))


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        (ImageForm.GROK_URL, GROK),
        (ImageForm.LOCAL_URL, f"http://here/v1/files/image/{'ab' * 16}.png"),
        (ImageForm.GROK_MD, f"![image]({GROK})"),
        (ImageForm.LOCAL_MD, f"![image](http://here/v1/files/image/{'ab' * 16}.png)"),
        (ImageForm.BASE64, "![image](data:image/png;base64,YWJj)"),
    ],
)
def test_a_picture_stands_as_the_owner_wants(form: ImageForm, shown: str) -> None:
    """
    In one of five forms.
    """
    assert text(form, VideoForm.LOCAL_URL, PICTURE) == shown


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        (VideoForm.GROK_URL, "https://g/f.mp4?a=1&b=2"),
        (VideoForm.LOCAL_URL, f"http://here/v1/files/image/{'ab' * 16}.png"),
        (VideoForm.GROK_HTML, '<video controls src="https://g/f.mp4?a=1&amp;b=2"></video>'),
        (VideoForm.LOCAL_HTML, f'<video controls src="http://here/v1/files/image/{"ab" * 16}.png"></video>'),
    ],
)
def test_a_film_stands_as_the_owner_wants(form: VideoForm, shown: str) -> None:
    """
    In one of four forms.
    """
    assert text(ImageForm.LOCAL_MD, form, FILM) == shown


def test_what_follows_something_begins_a_paragraph() -> None:
    """
    Two pictures never run into one another, nor into the words before them.
    """
    form = ImageForm.GROK_URL

    assert text(form, VideoForm.LOCAL_URL, PICTURE, PICTURE) == f"{GROK}\n\n{GROK}"
    assert text(form, VideoForm.LOCAL_URL, TextPiece("Here:"), PICTURE) == f"Here:\n\n{GROK}"


def test_what_is_not_kept_is_shown_where_upstream_has_it() -> None:
    """
    The address alone is better than nothing.
    """
    lost = Made(Artifact(Kind.IMAGE, GROK))

    assert text(ImageForm.LOCAL_MD, VideoForm.LOCAL_URL, lost) == f"![image]({GROK})"
    assert text(ImageForm.BASE64, VideoForm.LOCAL_URL, lost) == f"![image]({GROK})"


def test_nothing_else_about_pictures_reaches_a_conversation() -> None:
    """
    Formats of conversations know no such events.
    """
    shape = MediaAsText(ImageForm.LOCAL_MD, VideoForm.LOCAL_URL, lambda kept: kept.path, Transcript())
    told = (Submitted(Trace()), Progressed(0.5), Previewed(b"x", "image/png"), Withheld(0, "no"))

    assert through(shape, *told, Finished()) == [Finished()]


def test_progress_is_told_as_thinking_when_it_has_got_on() -> None:
    """
    Over all pictures that are wanted, never going back, and not for every percent.
    """
    shape = ProgressAsThinking(2, "picture")
    steps = (0.0, 0.01, 0.5, 0.4)
    told = through(shape, *(Progressed(step, 0) for step in steps), PICTURE, Progressed(1.0, 1))
    lines = [event.text for event in told if isinstance(event, ThoughtPiece)]

    assert lines == [
        "Making the picture: 0% (0 of 2)\n",
        "Making the picture: 25% (0 of 2)\n",
        "Making the picture: 50% (1 of 2)\n",
        "Making the picture: 100% (2 of 2)\n",
    ]
    assert told[-2] == PICTURE or PICTURE in told


@pytest.mark.parametrize(
    ("events", "failure", "says"),
    [
        ([], EmptyAnswer, "made no picture"),
        ([Withheld(0), Withheld(1)], Withdrawn, "moderation"),
        ([Withheld(0, "Not this."), Withheld(1)], Withdrawn, "Not this."),
        ([PICTURE, Withheld(1)], Incomplete, "1 of 2 pictures were made: Grok's moderation withheld 1"),
        ([PICTURE], Incomplete, "1 of 2 pictures were made: Grok made no more"),
    ],
)
def test_an_answer_with_too_little_is_a_failure(
    events: Sequence[Event], failure: type[UpstreamError], says: str
) -> None:
    """
    That says how many there are, and why.
    """
    shape = AllMade(2, "picture")

    assert through(shape, *events) == list(events)
    with pytest.raises(failure, match=says):
        through(shape, Finished())


def test_an_answer_with_everything_ends() -> None:
    """
    What moderation held back besides does not matter then.
    """
    events: list[Event] = [PICTURE, Withheld(1), PICTURE, Finished()]

    assert through(AllMade(2, "picture"), *events) == events
