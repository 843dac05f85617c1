"""The older form: a body of frames becomes events."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.errors import (
    EmptyAnswer,
    Garbled,
    Overloaded,
    RateLimited,
    Refused,
    TakenForRobot,
    UpstreamError,
)
from grokdesk.core.events import (
    Cited,
    Event,
    Finished,
    Progressed,
    Source,
    SourceKind,
    Started,
    TextPiece,
    ThoughtPiece,
)
from grokdesk.providers.grok_web.protocol.stream import RestDecoder
from tests.providers.grok_web.transcripts import (
    JSON_VALUES,
    PLACES,
    cut,
    decode,
    folded,
    frame,
    grammatical,
    lines,
    named,
    outcome,
    words,
)

ECLIPSE = "https://sky.example.org/eclipse-2026"
POST = "https://x.com/skywatcher/status/1912000000000000042"
FUNDY, SEVERN = "https://tides.example.org/fundy", "https://tides.example.org/severn"

# What the samples' README says.
TEXTS = {
    "rest-plain.ndjson": "Three moons of Jupiter are Io, Europa and Ganymede.",
    "rest-thinking-summary.ndjson": (
        "The ball costs **0.05**.\n\nWith x for the ball: x + (x + 1.00) = 1.10, so x = 0.05."
    ),
    "rest-heavy-multi-agent.ndjson": (
        f"The Bay of Fundy reaches about 16.3 m[[1]]({FUNDY}), the Severn about 14.5 m[[2]]({SEVERN})."
        " The difference is roughly 1.8 m."
    ),
    "rest-search-citations.ndjson": (
        f"The next one is on **12 August 2026**[[1]]({ECLIPSE}), near sunset[[2]]({POST})."
        f"\n[[1]]({ECLIPSE})\n\n"
        "[![Path of totality](https://img.example.org/t/path.jpg)](https://sky.example.org/map)"
        "\n\nTotality lasts under two minutes – naïve timing fails 🌘."
    ),
    "rest-image-card.ndjson": "Here is your paper boat.",
    "rest-moderated.ndjson": "I can't create that image. Try a different idea.",
    "rest-computer-use-sa.ndjson": "There are 168 such primes; the root is **12.961**.",
    "rest-tool-call-text.ndjson": (
        "Let me check. <tool_calls>\n  <tool_call>\n    <tool_name>get_weather</tool_name>\n"
        '    <parameters>{"city":"Oslo","note":"a &lt; b"}</parameters>\n  </tool_call>\n'
        "  <tool_call>\n    <tool_name>get_weather</tool_name>\n"
        '    <parameters>{"city":"Bergen"}</parameters>\n  </tool_call>\n'
        "  <tool_call>\n    <tool_name>not_declared</tool_name>\n"
        "    <parameters>{}</parameters>\n  </tool_call>\n</tool_calls>\n (waiting)"
    ),
    "rest-instream-error.ndjson": "The river wakes before the town,\n",
}
THINKING = {
    "rest-plain.ndjson": "",
    "rest-thinking-summary.ndjson": (
        "Thinking about your request\n"
        "Setting up the two equations\n"
        "- Let the ball cost x; then the bat costs x + 1.00.\n"
        "- The sum 2x + 1.00 must be 1.10, so 2x = 0.10.\n"
        "Checking the intuitive answer\n"
        "- 0.10 would make the total 1.20, so the quick guess is wrong.\n"
    ),
    "rest-heavy-multi-agent.ndjson": (
        "[Grok]\n"
        "Thinking about your request\n"
        "Splitting the question between the agents\n"
        "[Grok] To All: Agent 1: figures for the Bay of Fundy. Agent 2: figures for the Severn.\n"
        "[Agent 1]\n"
        "- Looking for official gauge data for Burntcoat Head.\n"
        '[Agent 1] Searching the web: "Burntcoat Head maximum tidal range metres"\n'
        "[Agent 2]\n"
        "- The Severn figure depends on the gauge; Avonmouth is the usual one.\n"
        '[Agent 2] Searching the web: "Avonmouth mean spring tidal range"\n'
        "[Agent 2] Opening https://tides.example.org/severn\n"
        "[Agent 1] Running code\n"
        "[Agent 1] To Grok: Fundy: extreme range 16.3 m at Burntcoat Head.\n"
        "[Agent 2] To Grok: Severn: mean springs 12.2 m at Avonmouth, extremes near 14.5 m.\n"
        "[Grok]\n"
        "- Both reports agree on the ranking: Fundy first, Severn second or third.\n"
    ),
    "rest-computer-use-sa.ndjson": (
        "Thinking about your request\n"
        "Counting the primes with a short script\n"
        "Running a command: Count primes below 1000\n"
        "Running code\n"
        "Opening https://primes.example.org/table\n"
        "- 168 primes below 1000, root about 12.961.\n"
    ),
}
SPANS = {
    "rest-heavy-multi-agent.ndjson": [(FUNDY, 37, 75), (SEVERN, 100, 139)],
    "rest-search-citations.ndjson": [(ECLIPSE, 37, 80), (POST, 93, 151), (ECLIPSE, 153, 196)],
}
SOURCES = {
    "rest-heavy-multi-agent.ndjson": [FUNDY, SEVERN],
    "rest-search-citations.ndjson": [ECLIPSE, "https://news.example.com/eclipse", POST],
    "rest-computer-use-sa.ndjson": ["https://primes.example.org/table"],
}


def plain(body: list[bytes]) -> bytes:
    return b"\n".join(body)


def glued(body: list[bytes]) -> bytes:
    return b"".join(body)


def as_events(body: list[bytes]) -> bytes:
    return b"".join(b"event: x\r\ndata: " + line + b"\r\n\r\n" for line in body) + b"data: [DONE]\n\n"


FRAMINGS: list[Callable[[list[bytes]], bytes]] = [plain, glued, as_events]


def read(*pieces: bytes) -> list[Event]:
    events, failure = decode(RestDecoder(), pieces)
    assert failure is None, failure
    return events


def failure_of(*pieces: bytes) -> UpstreamError:
    _, failure = decode(RestDecoder(), pieces)
    assert failure is not None
    return failure


def final(token: str, **more: object) -> bytes:
    return frame(token=token, isThinking=False, messageTag="final", **more)


def card(**members: object) -> bytes:
    return frame(cardAttachment={"jsonData": orjson.dumps(members).decode()})


def urls(events: list[Event]) -> list[str]:
    return [made.artifact.url for made in folded(events).made]


def image_card(uuid: str, url: str, *, progress: int = 100, moderated: bool = False) -> bytes:
    return card(
        id=uuid,
        image_chunk={"imageUuid": uuid, "imageUrl": url, "progress": progress, "moderated": moderated},
    )


def tag(card_id: str, kind: str = "render_inline_citation") -> str:
    start = f'<grok:render card_id="{card_id}" card_type="x" type="{kind}">'
    return f'{start}<argument name="a">0</argument></grok:render>'


# --- samples ---


def test_every_sample_is_in_the_table() -> None:
    """
    A new sample needs a line here.
    """
    assert named("rest-*.ndjson") == sorted(TEXTS)


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("name", TEXTS)
def test_a_sample_reads_as_its_readme_says(name: str, framing: Callable[[list[bytes]], bytes]) -> None:
    """
    Text, citations, sources and thinking of each recorded stream, in every framing.
    """
    events, failure = decode(RestDecoder(), [framing(lines(name))])

    read_back = folded(events)
    assert read_back.text == TEXTS[name]
    assert [(at.url, at.start, at.end) for at in read_back.citations] == SPANS.get(name, [])
    assert [source.url for source in read_back.sources] == SOURCES.get(name, [])
    assert read_back.thinking == THINKING.get(name, read_back.thinking)
    assert (failure is None) == (name != "rest-instream-error.ndjson")
    assert grammatical(events, finished=failure is None)


@given(st.data())
def test_chunking_never_changes_the_events(data: st.DataObject) -> None:
    """
    However a body is cut, the same events come out.
    """
    name = data.draw(st.sampled_from(sorted(TEXTS)))
    body = data.draw(st.sampled_from(FRAMINGS))(lines(name))

    assert outcome(RestDecoder(), cut(body, data.draw(PLACES))) == outcome(RestDecoder(), [body])


def test_the_events_before_an_error_are_delivered_first() -> None:
    """
    Text that arrived together with an error is not lost; the error comes with the next call.
    """
    decoder = RestDecoder()

    events = decoder.feed(plain(lines("rest-instream-error.ndjson")))

    assert folded(events).text == TEXTS["rest-instream-error.ndjson"]
    assert decoder.done
    with pytest.raises(RateLimited):
        decoder.feed(b"")
    with pytest.raises(RateLimited):
        decoder.end()


def test_an_error_before_any_output_is_raised_at_once() -> None:
    """
    Nothing has been promised yet, so another account can be asked.
    """
    decoder = RestDecoder()

    with pytest.raises(RateLimited):
        decoder.feed(lines("rest-instream-error.ndjson")[-1])


def test_the_ids_of_conversation_and_answer_are_kept() -> None:
    """
    They are what a continuation needs.
    """
    decoder = RestDecoder()

    decode(decoder, [plain(lines("rest-plain.ndjson"))])

    assert decoder.conversation_id == "f6fadfa7-e5c1-4b62-9362-da5cc13da58a"
    assert decoder.response_id == "8a119b9e-16bc-4732-8f7b-7676d015b0dc"


# --- any bytes ---

MEMBERS = words(
    """
    token isThinking isSoftStop messageTag messageStepId rolloutId responseId toolUsageCardId
    toolUsageCard webSearchResults xSearchResults cardAttachment cardAttachments userResponse uiLayout
    modelResponse streamingImageGenerationResponse finalMetadata error results query url title postId
    username text id image image_chunk imageUrl imageUuid progress moderated isFinal message
    streamErrors webSearch args generatedImageUrls cardAttachmentsJson citedWebSearchResults xposts
    rolloutIds jsonData code thumbnail link
    """
)
VALUES = JSON_VALUES | st.sampled_from(
    [
        True,
        "final",
        "header",
        "tool_usage_card",
        "a.jpg",
        "https://a.example/b",
        100,
        tag("c") + "x",
        '{"id":"c","url":"https://a.example"}',
    ]
)
WILD = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=6),
    max_leaves=12,
)
RESPONSES = st.dictionaries(st.sampled_from(MEMBERS), WILD, max_size=6)
WILD_FRAMES = st.one_of(
    RESPONSES.map(lambda members: frame(**members)),
    st.dictionaries(st.sampled_from(["result", "error", "code", "message"]), WILD, max_size=3).map(
        orjson.dumps
    ),
    st.binary(max_size=20),
)


@given(st.lists(WILD_FRAMES, max_size=8).map(b"".join), PLACES)
def test_any_bytes_give_events_or_an_upstream_error(body: bytes, places: list[int]) -> None:
    """
    Frames of any shape, cut anywhere, give the same valid run or the same failure.
    """
    whole = outcome(RestDecoder(), [body])

    assert grammatical(whole[0], finished=whole[1] is None)
    assert outcome(RestDecoder(), cut(body, places)) == whole


# --- text ---


@pytest.mark.parametrize("more", [{"messageTag": "final"}, {"messageTag": ""}, {"messageTag": None}, {}])
def test_text_is_tagged_final_or_not_at_all(more: dict[str, object]) -> None:
    """
    Both tags that the current form accepts are text.
    """
    assert read(frame(token="Io", isThinking=False, **more)) == [
        Started("", "", 0),
        TextPiece("Io"),
        Finished(),
    ]


@pytest.mark.parametrize("other", ["summary", "other", ["final"], {"final": 1}])
def test_other_tags_are_not_text(other: object) -> None:
    """
    A token that is neither thinking nor tagged as the answer is not shown.
    """
    shown = frame(token="no", messageTag=other)

    expected = "no" if isinstance(other, (list, dict)) else ""
    assert folded(read(shown, final("."))).text == expected + "."


def test_calls_in_their_own_markup_are_never_shown() -> None:
    """
    Tool-card tokens stay hidden, also when they come as text.
    """
    call = "<xai:tool_usage_card><xai:tool_name>web_search</xai:tool_name></xai:tool_usage_card>"

    assert folded(read(final(f"a{call}b"), frame(token="{}", messageTag="raw_function_result"))).text == "ab"


def test_a_soft_stop_may_carry_the_last_words() -> None:
    """
    Text in the frame that ends the answer counts.
    """
    assert folded(read(final("a"), final("b", isSoftStop=True))).text == "ab"


def test_the_whole_answer_adds_a_missing_tail() -> None:
    """
    `modelResponse` completes what the stream left out, once.
    """
    whole = frame(modelResponse={"message": "Io, Europa and Ganymede."})

    assert folded(read(final("Io, Eur"), whole, whole)).text == "Io, Europa and Ganymede."


def test_the_whole_answer_stands_in_for_a_silent_stream() -> None:
    """
    When nothing was streamed, all of it is shown, its tags replaced.
    """
    whole = frame(modelResponse={"message": f"Io{tag('c')}."})

    read_back = folded(read(card(id="c", url=ECLIPSE), whole))

    assert read_back.text == f"Io[[1]]({ECLIPSE})."


def test_a_different_whole_answer_is_ignored() -> None:
    """
    Shown text is never taken back.
    """
    assert folded(read(final("Io"), frame(modelResponse={"message": "Europa and more"}))).text == "Io"


# --- the end ---


def test_the_end_is_the_closing_frame_once_there_is_an_answer() -> None:
    """
    Soft stop is not the end, because the whole answer and its sources follow; `finalMetadata` is.
    """
    decoder = RestDecoder()

    states = []
    for piece in (final("Io"), frame(token="", isSoftStop=True), frame(finalMetadata={})):
        decoder.feed(piece)
        states.append((decoder.complete, decoder.done))

    assert states == [(False, False), (True, False), (True, True)]


def test_a_closing_frame_before_any_text_waits_for_the_whole_answer() -> None:
    """
    The order after soft stop is not known, so the end may come before the whole answer.
    """
    decoder = RestDecoder()

    decoder.feed(frame(finalMetadata={}))
    early = decoder.done
    events = decoder.feed(frame(modelResponse={"message": "Io"}))

    assert (early, decoder.done) == (False, True)
    assert folded(events).text == "Io"


def test_an_error_behind_the_closing_frame_changes_nothing() -> None:
    """
    The answer stands.
    """
    assert read(final("Io"), frame(finalMetadata={}), b'{"error":{"code":8}}', b'{"cut')[-1] == Finished()


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], EmptyAnswer),
        ([frame(token="", isSoftStop=True)], EmptyAnswer),
        ([frame(token=" \n")], EmptyAnswer),
        ([frame(token="hm", isThinking=True)], EmptyAnswer),
        ([b"<html>{nothing}</html>"], Garbled),
        ([final("Io"), b'{"result"'], Garbled),
        ([image_card("i", "", moderated=True)], Refused),
        ([b'{"error":{"code":8,"message":"Too many requests","details":[]}}'], RateLimited),
        ([b'{"error":"Too many requests"}'], RateLimited),
        ([b'{"code":8,"message":"x","details":[]}'], RateLimited),
        ([b'{"result":{"error":{"code":14}}}'], Overloaded),
        ([frame(error={"code": 13, "message": "The model is overloaded, try again"})], Overloaded),
        ([frame(modelResponse={"streamErrors": ["", "usage limit"]})], RateLimited),
        (
            [frame(modelResponse={"streamErrors": [{"error": {"code": 7, "message": "anti-bot"}}]})],
            TakenForRobot,
        ),
        ([frame(modelResponse={"streamErrors": [{"message": "overloaded"}]})], Overloaded),
    ],
)
def test_what_is_no_answer_is_a_failure(pieces: list[bytes], expected: type[UpstreamError]) -> None:
    """
    Silence, garbage, a withheld picture and errors at every depth are told apart.
    """
    failure = failure_of(*pieces)

    assert type(failure) is expected
    assert failure.message.endswith(".")
    assert failure.hint


# --- citations and sources ---


def test_a_repeated_source_has_one_marker_until_text_comes_between() -> None:
    """
    The same source twice in a row is marked once; its number never changes.
    """
    body = [card(id="c", url="https://A.example/x y"), final(tag("c") + tag("c")), final(f"z{tag('c')}")]

    marker = "[[1]](https://a.example/x%20y)"
    assert folded(read(*body)).text == f"{marker}z{marker}"


def test_a_citation_takes_the_best_title_there_is() -> None:
    """
    The card's own title, else that of the source, else the address.
    """
    sources = frame(webSearchResults=[{"url": "https://b.example", "title": "B"}])
    cards = [card(id=name, url=f"https://{name}.example") for name in "bc"]
    titled = card(id="a", url="https://a.example", title="A")

    events = read(sources, *cards, titled, final(tag("a") + tag("b") + tag("c")))

    assert [at.title for at in events if isinstance(at, Cited)] == ["A", "B", "https://c.example"]


def test_a_tag_without_a_usable_card_shows_nothing() -> None:
    """
    Unknown cards, unknown kinds and addresses that are not of the web leave no trace.
    """
    cards = [card(id="f", url="ftp://a.example"), card(id="i", image={"title": "no picture"})]
    text = (
        tag("unknown")
        + tag("f")
        + tag("i", "render_searched_image")
        + tag("f", "render_file")
        + tag("f", "new")
    )

    assert folded(read(*cards, final(f"a{text}b"))).text == "ab"


def test_no_more_than_256_sources_are_numbered() -> None:
    """
    Beyond that the text goes on without markers.
    """
    cards = [card(id=str(at), url=f"https://{at}.example") for at in range(257)]

    read_back = folded(read(*cards, final("".join(f"x{tag(str(at))}" for at in range(257)))))

    assert read_back.text.endswith("[[256]](https://255.example)x")


def test_no_more_than_2048_citations_are_annotated() -> None:
    """
    Beyond that the marker stays, its annotation does not.
    """
    read_back = folded(read(card(id="c", url="https://a.example"), final(f"x{tag('c')}" * 2050)))

    assert read_back.text.count("[[1]]") == 2050
    assert len(read_back.citations) == 2048


def test_no_more_than_256_sources_are_told() -> None:
    """
    The list of sources has an end.
    """
    results = [{"url": f"https://{at}.example"} for at in range(300)]

    assert len(folded(read(frame(webSearchResults={"results": results}), final("x"))).sources) == 256


def test_sources_come_from_every_place_once() -> None:
    """
    Search results in either shape and those of the whole answer; posts need a handle and an id.
    """
    whole = {
        "webSearchResults": [{"url": "https://a.example", "title": "again"}],
        "citedWebSearchResults": [{"url": "https://b.example"}, {"url": "javascript:alert(1)"}],
        "xposts": [{"username": "ada", "postId": "1", "text": "hello\n  there"}, {"username": "ada"}],
        "citedXposts": [{"username": "bob", "name": "Bob", "postId": "2"}],
    }
    body = [
        frame(webSearchResults=[{"url": "https://a.example", "title": "A"}]),
        final("x"),
        frame(modelResponse=whole),
    ]

    assert folded(read(*body)).sources == [
        Source("https://a.example", "A"),
        Source("https://b.example", ""),
        Source("https://x.com/ada/status/1", "@ada: hello there", SourceKind.X_POST),
        Source("https://x.com/bob/status/2", "Bob", SourceKind.X_POST),
    ]


# --- images ---


def test_an_image_is_shown_once_wherever_it_is_told() -> None:
    """
    Card, list of cards, progress frame and whole answer name the same image.
    """
    done = {"imageUuid": "i", "imageUrl": "/u/i/image.jpg", "progress": 100}
    body = [
        image_card("i", "u/i/part.jpg", progress=50),
        image_card("i", "u/i/image.jpg"),
        frame(cardAttachments=[{"jsonData": {"id": "i", "imageChunk": done}}, {"image_chunk": done}, 7]),
        frame(streamingImageGenerationResponse={"imageId": "i", "url": "u/i/image.jpg", "isFinal": True}),
        frame(
            modelResponse={
                "generatedImageUrls": ["u/i/image.jpg", None],
                "cardAttachmentsJson": [orjson.dumps({"id": "i", "image_chunk": done}).decode(), "{broken"],
            }
        ),
    ]

    assert urls(read(*body)) == ["https://assets.grok.com/u/i/image.jpg"]


def test_a_sample_with_a_picture_hands_it_on() -> None:
    """
    The finished one, once.
    """
    events, _ = decode(RestDecoder(), lines("rest-image-card.ndjson"))

    assert urls(events) == [
        "https://assets.grok.com/users/7b0c1f8e/generated/ff53a46f-5ead-403a-84c4-b877678537a3/image.jpg"
    ]


def test_images_come_behind_the_text() -> None:
    """
    Wherever they came, numbered in order; one at a place that is not Grok's is shown as text.
    """
    body = [
        image_card("a", "a b(1).jpg"),
        final("Two."),
        image_card("b", "https://Cdn.example/b.jpg"),
        image_card("c", "c.jpg"),
    ]

    events = read(*body)

    assert folded(events).text == "Two.\n\n![image](https://cdn.example/b.jpg)"
    assert urls(events) == ["https://assets.grok.com/a%20b%281%29.jpg", "https://assets.grok.com/c.jpg"]
    assert [made.slot for made in folded(events).made] == [0, 1]


def test_a_withheld_image_is_not_shown_under_any_address() -> None:
    """
    Moderation may come after the image, and the whole answer may still list it.
    """
    body = [
        image_card("i-1", "u/i-1/image.jpg"),
        image_card("i-1", "", moderated=True),
        frame(modelResponse={"generatedImageUrls": ["u/i-1/image.jpg", "data:image/png;base64,x", "a\nb"]}),
        final("Sorry."),
    ]

    assert folded(read(*body)).text == "Sorry."
    assert urls(read(*body)) == []


def test_images_are_looked_for_where_the_owner_says() -> None:
    """
    A mirror or a simulator is one address.
    """
    events, _ = decode(RestDecoder(assets_url="http://127.0.0.1:9/files/"), [image_card("i", "u/i.jpg")])

    assert urls(events) == ["http://127.0.0.1:9/files/u/i.jpg"]


def test_a_drawing_is_handed_on_as_soon_as_it_is_finished() -> None:
    """
    With its progress before, whatever else the answer goes on to say.
    """
    decoder = RestDecoder(drawing=True)

    half = decoder.feed(image_card("i", "u/i-part-0/image.jpg", progress=50))
    whole = decoder.feed(image_card("i", "u/i/image.jpg"))
    again = decoder.feed(frame(modelResponse={"generatedImageUrls": ["u/i/image.jpg"]}))

    assert [event for event in half if not isinstance(event, Started)] == [Progressed(0.5, 0)]
    assert urls(whole) == ["https://assets.grok.com/u/i/image.jpg"]
    assert urls(again) == []


def test_a_drawing_that_is_withheld_is_told() -> None:
    """
    Once, and it is no empty answer.
    """
    card = image_card("i-1", "u/i-1/image.jpg", moderated=True)
    events, failure = decode(RestDecoder(drawing=True), [card, card])

    assert failure is None
    assert [event.slot for event in folded(events).withheld] == [0]
    assert urls(events) == []


# --- thinking ---


def test_words_of_thinking_are_passed_on_as_they_are() -> None:
    """
    Thinking that streams word by word keeps its own spaces and repeats, also when a tag is new.
    """
    words = ["very", " very", " very", " good"]
    body = [frame(token=word, isThinking=True, messageTag="new") for word in words]

    events = read(*body, final("x"))

    assert [event.text for event in events if isinstance(event, ThoughtPiece)] == words


def test_a_repeated_header_is_one_line() -> None:
    """
    An exact repeat right behind the first says nothing new.
    """
    header = frame(token="Looking", isThinking=True, messageTag="header")

    assert folded(read(header, header, final("x"))).thinking == "Looking\n"


def test_what_a_tool_said_is_not_thinking() -> None:
    """
    Raw results and tokens that belong to a call are dropped.
    """
    body = [
        frame(token="{}", isThinking=True, messageTag="raw_function_result"),
        frame(token="{}", isThinking=True, messageTag="function_call"),
        frame(token="{}", isThinking=True, toolUsageCardId="tc-1"),
    ]

    assert folded(read(*body, final("x"))).thinking == ""


def test_thinking_after_the_text_began_is_not_shown() -> None:
    """
    A client that streams cannot put it anywhere.
    """
    late = [
        frame(token="late", isThinking=True),
        frame(token="late", isThinking=True, messageTag="summary"),
        frame(token="", toolUsageCard={"bash": {}}),
    ]

    assert folded(read(final("x"), *late)).thinking == ""
