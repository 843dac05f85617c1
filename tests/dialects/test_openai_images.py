"""What requests for pictures mean, and how finished ones are told."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import ImageGenCompletedEvent, ImageGenPartialImageEvent, ImagesResponse

from grokdesk.core.conversation import Media
from grokdesk.core.errors import InvalidRequest, ModelNotFound, Unsupported, Withdrawn
from grokdesk.core.media import ImageRequest
from grokdesk.dialects.form_fields import Field
from grokdesk.dialects.openai_images import (
    ImagesAsked,
    ImagesEncoder,
    Picture,
    edit,
    generation,
    render,
    variation,
)
from grokdesk.dialects.references import Source

PNG = b"\x89PNG\r\n\x1a\n and more"
FILE = Media(data=PNG, media_type="image/png")
DRAW = "grok-imagine-image"
EDIT = "grok-imagine-image-edit"


def asked(**wish: Any) -> ImagesAsked:  # noqa: ANN401 - JSON
    return generation(orjson.dumps({"prompt": "An apple", **wish}))


def told(frame: bytes) -> tuple[str, dict[str, Any]]:
    """The name and the data of a frame."""
    name, data, _, _ = frame.split(b"\n")
    return name.removeprefix(b"event: ").decode(), orjson.loads(data.removeprefix(b"data: "))


def test_the_smallest_request() -> None:
    """
    One picture of a size that Grok chooses, told by its address.
    """
    assert asked() == ImagesAsked(ImageRequest(DRAW, "An apple", 1, "auto"))


def test_null_is_the_same_as_absent() -> None:
    """
    Many clients send every field they know.
    """
    names = ["model", "n", "size", "aspect_ratio", "response_format", "stream", "partial_images", "style"]
    names += ["output_format", "output_compression", "quality", "background", "moderation", "user"]

    assert asked(**dict.fromkeys(names)) == asked()


def test_json_and_forms_mean_the_same() -> None:
    """
    In a form everything is text.
    """
    fields = {"prompt": "An apple", "n": "3", "stream": "true", "partial_images": "2", "size": "3:2"}

    assert generation([Field(name, value) for name, value in fields.items()]) == asked(
        n=3, stream=True, partial_images=2, size="3:2"
    )


@pytest.mark.parametrize(
    ("model", "quality", "drawn_by", "said"),
    [
        (None, None, DRAW, "medium"),
        (DRAW, "low", DRAW, "medium"),
        (DRAW, "standard", DRAW, "medium"),
        (DRAW, "high", "grok-imagine-image-pro", "high"),
        (DRAW, "hd", "grok-imagine-image-pro", "high"),
        (None, "max", "grok-imagine-image-pro", "high"),
        ("grok-imagine-image-2.0", "low", "grok-imagine-image-2.0", "high"),
        ("grok-imagine-image-lite", "high", "grok-imagine-image-lite", "low"),
        # The engine says what they do.
        ("grok-imagine-video", None, "grok-imagine-video", "medium"),
    ],
)
def test_high_quality_is_another_model(
    model: str | None, quality: str | None, drawn_by: str, said: str
) -> None:
    """
    Of the usual one; whoever names another gets that one.
    """
    wish = asked(model=model, quality=quality)

    assert (wish.request.model, wish.quality) == (drawn_by, said)


@pytest.mark.parametrize(
    ("wish", "ratio"),
    [
        ({"size": "auto"}, "auto"),
        ({"size": ""}, "auto"),
        ({"size": "1792x1024"}, "3:2"),
        ({"size": "1024x1024", "aspect_ratio": "9:16"}, "9:16"),
        ({"aspect_ratio": "auto"}, "auto"),
    ],
)
def test_a_ratio_wins_over_a_size(wish: dict[str, str], ratio: str) -> None:
    """
    And what is not said is left to Grok; the first picture of an edit decides.
    """
    body = orjson.dumps({"prompt": "x", "image": "https://example.com/a.png", **wish})

    assert asked(**wish).request.ratio == ratio
    assert edit(body).request.ratio == ("" if ratio == "auto" else ratio)


def test_previews_are_for_streams() -> None:
    """
    And a stream has its pictures within.
    """
    assert asked(partial_images=3).request.previews is False
    wish = asked(stream=True, partial_images=3)
    assert (wish.request.previews, wish.previews, wish.embedded) == (True, 3, True)
    assert asked(stream=True, partial_images=0).request.previews is False


def test_jpg_is_jpeg() -> None:
    """
    As people call it.
    """
    assert asked(output_format="jpg").format == asked(output_format="jpeg").format == "jpeg"


def test_an_edit_takes_pictures_under_both_names() -> None:
    """
    `image` comes first, then `images`.
    """
    fields = [Field("prompt", "x"), Field("images[]", FILE), Field("image", "https://example.com/a.png")]

    wish = edit(fields)

    assert wish.request.model == EDIT
    assert wish.sources == (
        Source("image", Media(url="https://example.com/a.png")),
        Source("images.0", FILE),
    )


def test_a_variation_has_words_of_ours() -> None:
    """
    Its own are not read.
    """
    wish = variation([Field("image", FILE), Field("prompt", "mine"), Field("n", "2")])

    assert (wish.request.count, wish.sources) == (2, (Source("image", FILE),))
    assert "mine" not in wish.request.prompt


@pytest.mark.parametrize(
    ("wish", "param", "kind"),
    [
        ({"prompt": "x"}, "image", InvalidRequest),
        ({"prompt": "x", "image": []}, "image", InvalidRequest),
        ({"image": "https://example.com/a.png"}, "prompt", InvalidRequest),
        ({"prompt": "x", "image": "https://example.com/a.png", "mask": {}}, "mask", Unsupported),
        ({"prompt": "x", "image": "https://example.com/a.png", "model": DRAW}, "model", InvalidRequest),
    ],
)
def test_a_wrong_edit_is_refused(wish: dict[str, Any], param: str, kind: type[InvalidRequest]) -> None:
    """
    By the name of what is wrong.
    """
    with pytest.raises(kind) as caught:
        edit(orjson.dumps(wish))

    assert caught.value.param == param


@pytest.mark.parametrize(
    ("wish", "param", "kind", "hint"),
    [
        ({"background": "transparent"}, "background", Unsupported, "opaque"),
        ({"model": "dall-e-3"}, "model", ModelNotFound, f"Use {DRAW}"),
    ],
)
def test_what_grok_has_not_is_told_with_what_to_do(
    wish: dict[str, Any], param: str, kind: type[InvalidRequest], hint: str
) -> None:
    """
    Names of other services are not taken for ours.
    """
    with pytest.raises(kind) as caught:
        asked(**wish)

    assert caught.value.param == param
    assert hint in caught.value.hint


def test_an_answer_reads_back() -> None:
    """
    By the official client's type, with every member.
    """
    pictures = [
        Picture("image/jpeg", 784, 1168, "http://here/1", prompt="half \ud83d of a sign"),
        Picture("image/jpeg", 784, 1168, "http://here/2", b"two"),
    ]

    answer = ImagesResponse.model_validate(orjson.loads(render(asked(n=2), 7, pictures)))

    assert (answer.created, answer.size, answer.output_format) == (7, "784x1168", "jpeg")
    assert answer.data is not None
    first, second = answer.data
    assert (first.url, first.b64_json) == ("http://here/1", None)
    assert first.revised_prompt == "half \ufffd of a sign"
    assert (second.url, second.b64_json) == (None, base64.b64encode(b"two").decode())
    assert answer.usage is not None


def test_what_is_not_known_is_left_open() -> None:
    """
    A picture whose size nobody has said.
    """
    answer = orjson.loads(render(asked(), 7, [Picture("image/gif", 0, 0, "http://here/1")]))

    assert (answer["size"], answer["output_format"]) == ("auto", "gif")
    assert orjson.loads(render(asked(), 7, []))["data"] == []


def test_frames_read_back() -> None:
    """
    By the official client's types; previews are counted for each picture, and no more than were asked for.
    """
    encoder = ImagesEncoder(asked(stream=True, partial_images=1, n=2), "image_generation", 7)

    assert encoder.wants_preview(1)
    name, partial = told(encoder.preview(b"draft", "image/png", 1))
    assert not encoder.wants_preview(1)
    assert encoder.wants_preview(0)
    done_name, done = told(
        encoder.completed(Picture("image/webp", 10, 20, "http://here/1", b"done", "A red apple"), 1)
    )

    draft = ImageGenPartialImageEvent.model_validate(partial)
    assert (name, draft.type) == ("image_generation.partial_image", "image_generation.partial_image")
    assert (draft.partial_image_index, draft.output_format, partial["index"]) == (0, "png", 1)
    completed = ImageGenCompletedEvent.model_validate(done)
    assert (done_name, completed.type) == ("image_generation.completed", "image_generation.completed")
    assert (completed.size, completed.output_format, completed.created_at) == ("10x20", "webp", 7)
    assert (done["url"], done["revised_prompt"], done["index"]) == ("http://here/1", "A red apple", 1)


def test_a_stream_that_fails_tells_the_code() -> None:
    """
    In the envelope for which official clients raise.
    """
    name, data = told(ImagesEncoder(asked(), "image_edit", 7).fail(Withdrawn("Withheld.")))

    assert (name, data["error"]["code"], data["error"]["message"]) == (
        "error",
        "moderation_blocked",
        "Withheld.",
    )


NAMES = ["prompt", "model", "n", "size", "image", "images", "image[]", "stream", "quality", "mask", "x[y]"]
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.just([{}]))


@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.sampled_from([generation, edit, variation]))
def test_any_body_is_a_wish_or_an_error(members: dict[str, Any], read: Any) -> None:  # noqa: ANN401 - one of three
    """
    Nothing else comes out, of JSON or of a form.
    """
    fields = [Field(name, value) for name, value in members.items() if isinstance(value, str)]
    for body in (json.dumps(members).encode(), fields):
        with contextlib.suppress(InvalidRequest):
            assert 1 <= read(body).request.count <= 10
