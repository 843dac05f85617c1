"""The bodies of edits and films, and what comes back of them, without a connection."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.errors import Garbled, RateLimited, TakenForRobot, UpstreamError
from grokdesk.core.events import Event, Made, Progressed, Submitted, Withheld
from grokdesk.core.media import Kind, Preset, Resolution, Trace
from grokdesk.core.settings import MediaForm
from grokdesk.providers.grok_web.protocol import media_payload, pictures
from grokdesk.providers.grok_web.protocol.failures import NotMade
from grokdesk.providers.grok_web.protocol.generation import EditDecoder, FilmDecoder, made_in
from grokdesk.providers.grok_web.protocol.media_payload import Look
from grokdesk.providers.grok_web.protocol.pictures import Place, Places
from tests.providers.grok_web.transcripts import (
    JSON_VALUES,
    PLACES,
    cut,
    folded,
    frame,
    media_bodies,
    media_frames,
    media_lines,
)

CHAT = "/rest/app-chat/conversations/new"
THERE = Places("https://assets.grok.com", "https://imagine-public.x.ai")


def editing(wanted: int = 1) -> EditDecoder:
    return EditDecoder(wanted, THERE, Trace())


def filming() -> FilmDecoder:
    return FilmDecoder(THERE, Trace())


def film(**members: object) -> bytes:
    return frame(streamingVideoGenerationResponse=members)


def image(**members: object) -> bytes:
    return frame(streamingImageGenerationResponse=members)


def edited(decoder: EditDecoder, *pieces: bytes) -> list[str]:
    for piece in pieces:
        decoder.feed(piece)
    return [artifact.url for artifact in decoder.pictures()]


# --- what is sent -------------------------------------------------------------------------------------------


def look(**members: Any) -> Look:  # noqa: ANN401 - any member
    given: dict[str, Any] = {
        "prompt": "waves at dawn",
        "ratio": "16:9",
        "resolution": Resolution.P720,
        "preset": Preset.CUSTOM,
    }
    return Look(**(given | members))


def test_a_film_is_asked_for_as_recorded() -> None:
    """
    The older form from words, its post, and the current form.
    """
    [older] = media_bodies("video-stream.ndjson", CHAT)
    [post] = media_bodies("video-stream.ndjson", "/post/create")
    [current] = media_bodies("video-stream-current-form.ndjson", CHAT)
    assert isinstance(older, dict)
    config = older["responseMetadata"]["modelConfigOverride"]["modelMap"]["videoGenModelConfig"]

    assert orjson.loads(media_payload.film_body(look(), 6, config["parentPostId"])) == older
    assert orjson.loads(media_payload.post_body("VIDEO", prompt="waves at dawn")) == post
    assert orjson.loads(media_payload.film_body_current(look(), 6)) == current


def test_a_film_is_extended_as_recorded() -> None:
    """
    From the end of what there is, with the first post and the last one.
    """
    _, extension = media_bodies("video-extension-16s.ndjson", CHAT)
    assert isinstance(extension, dict)
    config = extension["responseMetadata"]["modelConfigOverride"]["modelMap"]["videoGenModelConfig"]

    ours = media_payload.extension_body(
        look(prompt=config["originalPrompt"], ratio=config["aspectRatio"]),
        6,
        made_s=10,
        extend_post=config["extendPostId"],
        post_id=config["originalPostId"],
        prompt=config["originalPrompt"],
    )

    assert orjson.loads(ours) == extension


def test_an_edit_is_asked_for_as_recorded() -> None:
    """
    In both forms.
    """
    [current] = media_bodies("image-edit-stream.ndjson", CHAT)
    [older] = media_bodies("image-edit-stream-older.ndjson", CHAT)
    assert isinstance(current, dict)
    assert isinstance(older, dict)
    made_from = current["mediaGenInput"]["imageToImage"]
    config = older["responseMetadata"]["modelConfigOverride"]["modelMap"]["imageEditModelConfig"]

    ours = media_payload.edit_body(
        made_from["prompt"], made_from["inputAssets"], made_from.get("aspectRatio", "")
    )
    assert orjson.loads(ours) == current
    ours = media_payload.edit_body_older(older["message"], config["imageReferences"], config["parentPostId"])
    assert orjson.loads(ours) == older


@pytest.mark.parametrize("seconds", range(1, 21))
@pytest.mark.parametrize("form", list(MediaForm))
def test_a_film_is_never_shorter_than_was_asked(seconds: int, form: MediaForm) -> None:
    """
    In at most two calls.
    """
    parts = media_payload.parts(seconds, form)

    assert sum(parts) >= seconds
    assert len(parts) <= 2
    assert form is MediaForm.OLDER or seconds > 15 or parts == (seconds,)


def test_a_film_without_words_has_only_a_flag() -> None:
    """
    From one picture the current form leaves the prompt out.
    """
    body = orjson.loads(media_payload.film_body_current(look(prompt=" "), 6, ["f-1"]))

    assert body["message"] == "--mode=normal"
    made_from = body["mediaGenInput"]["imageToVideo"]
    assert (made_from["mode"], "prompt" in made_from) == ("normal", False)


def test_a_post_without_an_id_is_none() -> None:
    """
    Nothing can begin with it.
    """
    with pytest.raises(Garbled):
        media_payload.post_in(b'{"post":{"prompt":"a"}}')


# --- edits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample", "wanted", "count"),
    [
        ("image-edit-stream.ndjson", 1, 1),
        ("image-edit-stream-older.ndjson", 2, 2),
        ("image-edit-stream-older.ndjson", 1, 1),
        ("image-edit-moderated.ndjson", 1, 0),
    ],
)
def test_a_sample_of_an_edit_gives_what_its_readme_says(sample: str, wanted: int, count: int) -> None:
    """
    A withheld picture does not come back by its address.
    """
    decoder = editing(wanted)

    urls = edited(decoder, *media_frames(sample, "http.chunk"))

    assert len(urls) == count
    assert not any(pictures.is_preview(url) for url in urls)
    assert decoder.withheld == (0 if count else 1)


@pytest.mark.parametrize(
    "pieces",
    [
        [image(imageIndex=0, progress=100, imageUrl="users/u/generated/e1/image.jpg")],
        [image(isFinal=True, url="https://assets.grok.com/users/u/generated/e1/image.jpg")],
        [frame(modelResponse={"generatedImageUrls": ["users/u/generated/e1/image.jpg"]})],
        [frame(cardAttachment={"image_chunk": {"progress": 100, "url": "users/u/generated/e1/image.jpg"}})],
        [frame(token="![image](users/u/generated/e1/image.jpg)"), frame(modelResponse={"message": ""})],
        [frame(modelResponse={"odd": {"deep": ["users/u/generated/e1/image.jpg"]}})],
    ],
)
def test_a_picture_is_found_wherever_it_is_told(pieces: list[bytes]) -> None:
    """
    In the frame that is meant for it, in summaries, cards, text, and anywhere else.
    """
    assert edited(editing(), *pieces) == ["https://assets.grok.com/users/u/generated/e1/image.jpg"]


def test_the_files_of_the_answer_are_the_last_resort() -> None:
    """
    Their address is made from the owner's id, where that is known.
    """
    body = frame(modelResponse={"fileAttachments": ["e1", 7, "../x"]})

    known = EditDecoder(2, THERE, Trace(), user_id="u-1")

    assert edited(known, body) == ["https://assets.grok.com/users/u-1/e1/content"]
    assert edited(editing(), body) == []


@pytest.mark.parametrize(
    "url",
    ["users/u/generated/e1-part-0/image.jpg", "https://evil.example/generated/e1/image.jpg", "", 7],
)
def test_previews_and_other_places_are_no_results(url: object) -> None:
    """
    Wherever they are named.
    """
    body = [
        image(progress=100, imageUrl=url),
        frame(modelResponse={"generatedImageUrls": [url], "x": url}),
    ]

    assert edited(editing(), *body) == []


# --- films --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sample",
    ["video-stream.ndjson", "video-stream-current-form.ndjson", "video-with-reference.ndjson"],
)
def test_a_sample_of_a_film_gives_the_film(sample: str) -> None:
    """
    With its names, and progress before it.
    """
    decoder = filming()

    events = [event for piece in media_frames(sample, "http.chunk") for event in decoder.feed(piece)]

    decoder.last()
    [made] = folded(events).made
    assert made.artifact.kind is Kind.VIDEO
    assert made.artifact.url.startswith("https://assets.grok.com/users/")
    assert made.artifact.trace.conversation_id
    fractions = [event.fraction for event in events if isinstance(event, Progressed)]
    assert fractions == sorted(fractions)
    assert decoder.done


def test_a_sample_of_a_withheld_film_gives_none() -> None:
    """
    It is told, and is the end.
    """
    decoder = filming()

    events = [
        event
        for piece in media_frames("video-moderated.ndjson", "http.chunk")
        for event in decoder.feed(piece)
    ]

    decoder.last()
    assert folded(events).made == []
    assert [type(event) for event in events].count(Withheld) == 1
    assert decoder.done


@pytest.mark.parametrize(
    "name", ["videoUrl", "contentUrl", "contentURL", "assetUrl", "assetURL", "fileUri", "fileURL"]
)
def test_the_first_address_of_a_film_ends_it(name: str) -> None:
    """
    Under any of its names, whatever the progress says.
    """
    decoder = filming()

    decoder.feed(film(progress=40, **{name: "users/u/generated/f/generated_video.mp4"}))

    assert decoder.done
    assert decoder.film is not None


@pytest.mark.parametrize("url", ["users/u/generated/f/preview.jpg", "f00d", "https://evil.example/a.mp4", 7])
def test_what_is_no_address_of_a_film_is_none(url: object) -> None:
    """
    Also a bare id, and a film elsewhere.
    """
    decoder = filming()

    decoder.feed(film(progress=100, videoUrl=url))
    decoder.feed(frame(modelResponse={"fileAttachments": [url]}))

    assert decoder.film is None
    with pytest.raises(UpstreamError, match="ended before the film"):
        decoder.last()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (b'{"error":{"code":8,"message":"Too many requests"}}', RateLimited),
        (b'{"error":{"code":7,"message":"Request rejected by anti-bot rules."}}', TakenForRobot),
        (frame(error={"message": "You've reached your usage limit for now."}), RateLimited),
        (frame(modelResponse={"streamErrors": [{"error": {"message": "usage quota"}}]}), RateLimited),
        (frame(modelResponse={"streamErrors": ["rate limit"]}), RateLimited),
        (b'{"code":8,"message":"Too many requests"}', RateLimited),
    ],
)
def test_an_error_in_the_stream_says_what_it_means(error: bytes, expected: type[UpstreamError]) -> None:
    """
    At the top, in the response, and in the summary; right away when nothing but ids came before it.
    """
    named = b'{"result":{"conversation":{"conversationId":"c-1"}}}'
    for decoder in (filming(), editing()):
        with pytest.raises(expected):
            decoder.feed(named + error)


def test_an_error_behind_news_is_raised_by_the_end() -> None:
    """
    The news are handed on first; then nothing more is waited for, also where the body stays open.
    """
    limit = b'{"error":{"code":8,"message":"Too many requests"}}'
    films, edits = filming(), editing()

    events = [*films.feed(film(progress=10) + limit), *edits.feed(image(progress=10) + limit)]

    assert [type(event) for event in events] == [Progressed, Progressed]
    assert films.done
    assert edits.done
    with pytest.raises(RateLimited):
        films.last()
    with pytest.raises(RateLimited):
        edits.end()


def test_nothing_that_follows_a_film_takes_it_back() -> None:
    """
    Not even what is no frame at all.
    """
    decoder = filming()

    decoder.feed(film(videoUrl="users/u/generated/f/a.mp4") + b'{"x":"' + b"y" * (9 << 20))

    assert decoder.last() == []
    assert decoder.film is not None


def test_an_answer_in_words_is_no_film_that_was_lost() -> None:
    """
    It is whole, and there was never any work on a film: nobody need look for one.
    """
    decoder = filming()

    decoder.feed(frame(token="I cannot do that.") + frame(modelResponse={"message": "I cannot do that."}))

    assert decoder.done
    with pytest.raises(NotMade):
        decoder.last()


def test_a_film_that_is_withheld_while_it_is_made_is_told_at_the_end() -> None:
    """
    When nothing takes that back.
    """
    decoder = filming()

    decoder.feed(film(progress=60, moderated=True) + frame(modelResponse={"message": ""}))

    assert [type(event) for event in decoder.last()] == [Withheld]
    assert decoder.withheld


PARTS = st.dictionaries(
    st.sampled_from(
        ["progress", "moderated", "videoUrl", "imageUrl", "assetId", "imageIndex", "isFinal", "videoPostId"]
    ),
    st.one_of(JSON_VALUES, st.sampled_from(["users/u/generated/f/a.mp4", "users/u/generated/e/image.jpg"])),
)
BODIES = st.one_of(
    st.builds(lambda parts: film(**parts), PARTS),
    st.builds(lambda parts: image(**parts), PARTS),
    st.builds(lambda whole: frame(modelResponse=whole), JSON_VALUES),
    st.builds(
        lambda urls: frame(modelResponse={"generatedImageUrls": urls, "fileAttachments": urls}),
        st.lists(JSON_VALUES, max_size=3),
    ),
    JSON_VALUES.map(orjson.dumps),
    st.just(b'data: {"error":"no"}\n'),
)


@given(st.lists(BODIES, max_size=12).map(b"\n".join), PLACES)
def test_whatever_is_said_becomes_events_or_an_upstream_error(body: bytes, places: list[int]) -> None:
    """
    Cut anywhere: the same in the end, with progress that only grows and one end at most.
    """

    def read(pieces: list[bytes]) -> tuple[list[Event], object]:
        one = filming()
        events: list[Event] = []
        try:
            for piece in pieces:
                events += one.feed(piece)
            one.end()
        except UpstreamError as failure:
            return events, type(failure)
        return events, one.film

    events, result = read([body])
    pieces, again = read(cut(body, places))

    assert result == again
    told = [event for event in events if not isinstance(event, Submitted)]
    # Ids that came in one piece with an error are not told.
    assert told == [event for event in pieces if not isinstance(event, Submitted)]
    fractions = [event.fraction for event in told if isinstance(event, Progressed)]
    assert fractions == sorted(set(fractions))
    assert sum(isinstance(event, (Made, Withheld)) for event in told) <= 1

    edit = editing(2)
    try:
        edit.feed(body)
    except UpstreamError:
        return
    assert len(edit.pictures()) <= 2


# --- listings -----------------------------------------------------------------------------------------------


def test_a_film_is_found_in_a_listing_by_its_names() -> None:
    """
    Of the pages of files; one that is somebody else's job is not taken.
    """
    [first, *_] = [
        line["json"]
        for line in media_lines("asset-list-page.ndjson")
        if line["kind"] == "http.response" and "json" in line
    ]
    body = orjson.dumps(first)
    assert isinstance(first, dict)
    film_there = next(one for one in first["assets"] if one["mimeType"] == "video/mp4")

    for trace in (
        Trace(asset_id=film_there["assetId"]),
        Trace(response_id=film_there["responseId"]),
        Trace(conversation_id=film_there["sourceConversationId"]),
    ):
        found = made_in(body, THERE, trace)
        assert found is not None
        assert found.url.endswith(film_there["key"])
    assert made_in(body, THERE, Trace(asset_id="other")) is None
    assert made_in(b"<html>", THERE, Trace(asset_id="other")) is None


@given(JSON_VALUES.map(orjson.dumps))
def test_any_listing_can_be_looked_through(body: bytes) -> None:
    """
    Whatever it is.
    """
    assert made_in(body, THERE, Trace(asset_id="a"), own=True) is None


# --- addresses and sizes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://assets.grok.com/users/u/f/content", Place.OWNER),
        ("https://ASSETS.grok.com:443/a", Place.OWNER),
        ("https://imagine-public.x.ai/imagine-public/images/a.jpg", Place.EVERYBODY),
        ("https://imgen.x.ai/a.jpg", Place.EVERYBODY),
        ("http://assets.grok.com/a", None),
        ("https://assets.grok.com.evil.example/a", None),
        ("https://a@assets.grok.com/a", None),
        ("https://assets.grok.com:8443/a", None),
        ("https://assets.grok.com\\@evil.example/a", None),
        ("https://assets.grok.com:x/a", None),
        ("https://assets.grok.com/" + "a" * 9_000, None),
    ],
)
def test_a_place_is_known_by_its_exact_origin(url: str, place: Place | None) -> None:
    """
    Scheme, host and port; nothing that only looks like it.
    """
    assert THERE.of(url) is place


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(8) + b"\0\0\5\0\0\0\2\xd0", (1280, 720)),
        (b"GIF89a\x40\x01\xf0\0", (320, 240)),
        (b"\xff\xd8\xff\xe0\0\4ab\xff\xc2\0\x11\x08\2\xd0\5\0", (1280, 720)),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\xff\4\0\xcf\2\0", (1280, 720)),
        (b"RIFF\0\0\0\0WEBPVP8L" + bytes(5) + (1279 | 719 << 14).to_bytes(4, "little"), (1280, 720)),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + b"\0\5\xd0\2", (1280, 720)),
        (b"\xff\xd8\xff", (0, 0)),
        (b"nothing", (0, 0)),
    ],
)
def test_the_size_of_a_picture_is_seen(data: bytes, size: tuple[int, int]) -> None:
    """
    Of each kind that can be a reference, by its first bytes.
    """
    assert pictures.size_of(data) == size
    assert pictures.film_ratio_of(data) == ("4:3" if size == (320, 240) else "16:9" if size[0] else "")


@given(st.binary(max_size=60), st.sampled_from([b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8X", b"GIF8", b""]))
def test_any_bytes_have_a_size_or_none(data: bytes, start: bytes) -> None:
    """
    Never an error.
    """
    assert len(pictures.size_of(start + data)) == 2
