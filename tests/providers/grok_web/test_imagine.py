"""What the imagine socket says, without the socket."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.errors import RateLimited, UpstreamError
from grokdesk.core.events import Event, Finished, Made, Previewed, Progressed, Withheld
from grokdesk.providers.grok_web.protocol import imagine
from grokdesk.providers.grok_web.protocol.imagine import ImagineDecoder
from grokdesk.providers.grok_web.protocol.pictures import Places
from tests.providers.grok_web.transcripts import JSON_VALUES, folded, media_frames, media_lines

PLACES = Places("https://assets.grok.com", "https://imagine-public.x.ai")
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(8) + (784).to_bytes(4, "big") + (1168).to_bytes(4, "big")
BLOB = b64encode(PICTURE).decode()


def decoder(count: int, *, spares: bool = False, previews: bool = False) -> ImagineDecoder:
    made = ImagineDecoder(count, PLACES, spares=spares, previews=previews)
    made.begin(0 if spares else count)
    return made


def read(one: ImagineDecoder, messages: Iterable[bytes]) -> list[Event]:
    return [event for message in messages for event in one.feed(message)]


def url(slot: str) -> str:
    return f"https://imagine-public.x.ai/imagine-public/images/{slot}.jpg"


def state(slot: str, status: str = "completed", **members: object) -> bytes:
    return orjson.dumps({"type": "json", "current_status": status, "image_id": slot, **members})


def final(slot: str, **members: object) -> bytes:
    return orjson.dumps({"type": "image", "id": slot, "blob": BLOB, "url": url(slot), **members})


def preview(slot: str, done: float = 50.0, **members: object) -> bytes:
    return final(slot, percentage_complete=done, **members)


# --- samples ------------------------------------------------------------------------------------------------


def test_a_batch_of_four_is_four_pictures() -> None:
    """
    Slot 1 is called complete before its picture comes, and slot 3 before slot 2.
    """
    one = decoder(4)

    events = read(one, media_frames("imagine-ws-4-images.ndjson", "ws.text"))

    assert sorted(made.slot for made in folded(events).made) == [0, 1, 2, 3]
    assert all(made.artifact.public and made.artifact.data for made in folded(events).made)
    assert (one.missing, one.whole, one.end()) == (0, True, [Finished()])


def test_a_moderated_slot_is_over_and_not_made() -> None:
    """
    Though a preview of it came.
    """
    one = decoder(2)

    told = folded(read(one, media_frames("imagine-ws-moderated.ndjson", "ws.text")))

    assert ([made.slot for made in told.made], [slot.slot for slot in told.withheld]) == ([1], [0])
    assert (one.missing, one.whole) == (0, True)


def test_a_slot_without_an_image_id_is_known_by_its_job() -> None:
    """
    The only one, and it is withheld.
    """
    one = decoder(1)

    told = folded(read(one, media_frames("imagine-ws-all-moderated.ndjson", "ws.text")))

    assert (told.made, [slot.slot for slot in told.withheld]) == ([], [0])
    assert one.missing == 0


def test_a_limit_is_a_limit() -> None:
    """
    By its code.
    """
    with pytest.raises(RateLimited, match="pictures"):
        read(decoder(4), media_frames("imagine-ws-rate-limited.ndjson", "ws.text"))


def test_two_rounds_of_the_older_form_make_three_pictures() -> None:
    """
    Two of the first four are withheld; nothing of that is told, because others take their place.
    """
    one = ImagineDecoder(3, PLACES, spares=True)
    events: list[Event] = []
    for line in media_lines("imagine-ws-older-two-rounds.ndjson"):
        content = orjson.dumps(line.get("json", {}))
        if line["dir"] == "c2s" and b'"reset"' in content:
            one.begin()
        elif line["dir"] == "s2c" and line["kind"] == "ws.text":
            events += one.feed(content)

    told = folded([*events, *one.end()])

    assert sorted(made.slot for made in told.made) == [0, 1, 2]
    assert told.withheld == []


# --- rules --------------------------------------------------------------------------------------------------


def test_a_preview_alone_never_becomes_the_picture() -> None:
    """
    Not even when its slot is called complete.
    """
    one = decoder(1)

    events = read(one, [preview("a"), state("a")])

    assert [type(event) for event in events] == [Progressed]
    assert (one.completed, one.settled, one.missing) == (True, False, 1)


@pytest.mark.parametrize("order", [(final("a"), state("a")), (state("a"), final("a"))])
def test_a_picture_is_made_when_both_have_come(order: tuple[bytes, bytes]) -> None:
    """
    In whichever order.
    """
    one = decoder(1)

    assert read(one, order[:1]) == []
    [made] = read(one, order[1:])
    assert isinstance(made, Made)
    assert (made.artifact.width, made.artifact.height) == (784, 1168)


def test_the_address_on_the_last_frame_will_do() -> None:
    """
    When no final picture came.
    """
    [made] = read(decoder(1), [state("a", url=url("a"))])

    assert isinstance(made, Made)
    assert (made.artifact.url, made.artifact.data, made.artifact.public) == (url("a"), b"", True)


@pytest.mark.parametrize(
    "blob", [BLOB.rstrip("="), f"data:image/png;base64,{BLOB}", "\n".join([BLOB[:20], BLOB[20:]])]
)
def test_a_picture_is_decoded_however_it_is_written(blob: str) -> None:
    """
    Without padding, as a data URI, in lines.
    """
    [made] = read(decoder(1), [final("a", blob=blob), state("a")])

    assert isinstance(made, Made)
    assert made.artifact.data == PICTURE


@pytest.mark.parametrize("blob", ["%%%", "", "AAAA", b64encode(b"<html>").decode(), 7, None])
def test_what_is_no_picture_is_left_at_its_address(blob: object) -> None:
    """
    Also base64 of something else.
    """
    [made] = read(decoder(1), [final("a", blob=blob), state("a")])

    assert isinstance(made, Made)
    assert (made.artifact.data, made.artifact.url) == (b"", url("a"))


def test_an_address_elsewhere_is_none() -> None:
    """
    Nothing is fetched from there, so without the picture itself there is none.
    """
    assert read(decoder(1), [final("a", blob="", url="https://evil.example/a.jpg"), state("a")]) == []


def test_more_pictures_than_wanted_are_ignored() -> None:
    """
    Of a fixed batch; who is ready first goes first.
    """
    one = decoder(2, spares=True)
    slots = ["a", "b", "c", "d"]
    frames = [state(slot, "start_stage", order=number) for number, slot in enumerate(slots)]
    frames += [final("d"), state("d"), final("c"), state("c"), final("a"), state("a")]

    told = folded(read(one, frames))

    assert sorted(made.slot for made in told.made) == [0, 1]
    assert {made.artifact.url for made in told.made} == {url("c"), url("d")}
    assert one.missing == 0


def test_what_is_withheld_for_good_is_told_at_the_end_of_the_older_form() -> None:
    """
    And only for slots that nothing took the place of.
    """
    one = decoder(2, spares=True)
    read(one, [state("a", moderated=True, order=0), state("b", moderated=True, order=1)])
    one.begin()
    read(one, [final("c", order=0), state("c")])

    assert [event.slot for event in one.end() if isinstance(event, Withheld)] == [1]


def test_previews_are_handed_on_when_they_are_wanted() -> None:
    """
    With their type; progress never goes back.
    """
    events = read(decoder(1, previews=True), [preview("a", 60), preview("a", 30)])

    assert [event for event in events if isinstance(event, Progressed)] == [Progressed(0.6)]
    assert [event.media_type for event in events if isinstance(event, Previewed)] == ["image/png"] * 2


def test_an_error_of_another_kind_says_so() -> None:
    """
    In words of its own, and never to be repeated elsewhere.
    """
    with pytest.raises(UpstreamError, match="ended with an error of its own"):
        decoder(1).feed(b'{"type":"error","err_code":"other","err_msg":"no"}')


@pytest.mark.parametrize("message", [b"", b"\xff", b"[]", b"7", b"{}", b'{"type":"notice"}', b'{"type":7}'])
def test_what_is_not_known_is_ignored(message: bytes) -> None:
    """
    Also what is no JSON.
    """
    assert decoder(1).feed(message) == []


def test_the_messages_are_those_of_the_documents() -> None:
    """
    Members and constants as in a recorded prompt; only the older form does not say how many.
    """
    [reset, prompt] = [
        line["json"]
        for line in media_lines("imagine-ws-4-images.ndjson")
        if line["dir"] == "c2s" and line["kind"] == "ws.text"
    ]
    assert isinstance(prompt, dict)
    content = prompt["item"]["content"][0]
    properties = content["properties"]
    ours = orjson.loads(
        imagine.prompt(
            content["text"],
            now_ms=prompt["timestamp"],
            request_id=content["requestId"],
            ratio=properties["aspect_ratio"],
            pro=properties["enable_pro"],
            adult=properties["enable_nsfw"],
            count=properties["num_generations"],
        )
    )

    assert isinstance(reset, dict)
    assert orjson.loads(imagine.reset(reset["timestamp"])) == reset
    assert ours == prompt
    older = imagine.prompt("a", now_ms=1, request_id="r", ratio="", pro=False, adult=False)
    assert b"num_generations" not in older


IDS = st.sampled_from(["a", "b", "c", "d"])
FRAMES = st.one_of(
    st.builds(state, IDS, st.sampled_from(["start_stage", "completed", "odd"]), moderated=st.booleans()),
    st.builds(state, IDS, percentage_complete=JSON_VALUES, url=JSON_VALUES, order=JSON_VALUES),
    st.builds(final, IDS, side_by_side_index=JSON_VALUES),
    st.builds(preview, IDS, st.floats(-10, 200), order=st.integers(-1, 5)),
    st.builds(final, IDS, blob=JSON_VALUES, url=JSON_VALUES),
    st.dictionaries(st.sampled_from(["type", "id", "blob", "url"]), JSON_VALUES).map(orjson.dumps),
    st.sampled_from([b'{"type":"error"}', b"{"]),
)


@given(st.lists(st.one_of(FRAMES, st.none()), max_size=30), st.integers(1, 4), st.booleans())
def test_whatever_is_said_becomes_events_or_an_upstream_error(
    frames: list[bytes | None], count: int, spares: bool
) -> None:
    """
    Each slot is made or withheld at most once, its progress grows, and there are no more than wanted. None
    stands for another round.
    """
    one = decoder(count, spares=spares, previews=True)
    events: list[Event] = []
    try:
        for frame in frames:
            if frame is None:
                one.begin(0 if spares else count)
            else:
                events += one.feed(frame)
    except UpstreamError:
        pass
    events += one.end()

    over = [event.slot for event in events if isinstance(event, (Made, Withheld))]
    assert len(over) == len(set(over))
    assert all(0 <= slot < count for slot in over)
    reached: dict[int, float] = {}
    for event in events:
        if isinstance(event, Progressed):
            assert reached.get(event.slot, 0) < event.fraction < 1
            reached[event.slot] = event.fraction
    assert [type(event) for event in events].count(Finished) == 1
