"""Addresses, tags and cards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.providers.grok_web.protocol import render
from grokdesk.providers.grok_web.protocol.render import Tag

TAG = (
    '<grok:render card_id="c" card_type="t" type="k" more="1">\n'
    '<argument name="a">0</argument>\n</grok:render>'
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://News.Example.com/Eclipse?Q=1#F", "https://news.example.com/Eclipse?Q=1#F"),
        ("HTTP://Example.com", "http://example.com"),
        (" https://a.example/b c ", "https://a.example/b%20c"),
        ("https://a.example:8443/x@y", "https://a.example:8443/x@y"),
        ("https://user@a.example/", ""),
        ("https://a.example\\@b.example/", ""),
        ("ftp://a.example", ""),
        ("javascript:alert(1)", ""),
        ("https:///path", ""),
        ("https://a.example/\n", ""),
        ("https://a.example/" + "x" * 8192, ""),
        ("", ""),
    ],
)
def test_an_address_is_made_normal_or_refused(url: str, expected: str) -> None:
    """
    The web only, no user info, no control characters, at most 8 KiB (§10.3).
    """
    assert render.normal_url(url) == expected


@given(st.text(max_size=60).map(lambda rest: f"https://{rest}") | st.text(max_size=40))
def test_a_normal_address_stays_as_it_is(url: str) -> None:
    """
    Normalising twice changes nothing.
    """
    once = render.normal_url(url)

    assert render.normal_url(once) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ["plain"]),
        (f"a{TAG}b{TAG}", ["a", Tag("c", "k"), "b", Tag("c", "k"), ""]),
        ("<grok:render card_id=", ["<grok:render card_id="]),
        (f"<grok:render {TAG}", ["<grok:render ", Tag("c", "k"), ""]),
        ("a<xai:tool_usage_card>x</xai:tool_usage_card>b<xai:tool_usage_card>", ["ab<xai:tool_usage_card>"]),
        (
            '<grok:render type="k" card_id="c" card_type="t"></grok:render>',
            ['<grok:render type="k" card_id="c" card_type="t"></grok:render>'],
        ),
    ],
)
def test_a_whole_tag_is_found_and_a_fragment_is_text(text: str, expected: list[str | Tag]) -> None:
    """
    Attributes stand in one order; what is not whole is passed on.
    """
    assert list(render.split_tags(text)) == expected


def test_many_beginnings_without_an_end_cost_little() -> None:
    """
    A stream cannot make the reader slow: were it quadratic, this would run into the time limit.
    """
    text = '<grok:render card_id="c" card_type="t" type="k">' * 20_000 + "<xai:tool_usage_card>" * 20_000

    parts = list(render.split_tags(f"{TAG}{text}"))

    assert parts == ["", Tag("c", "k"), text]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (
            {"title": "A [b]", "thumbnail": "https://a.example/t", "link": "https://a.example"},
            "[![A b](https://a.example/t)](https://a.example)",
        ),
        ({"original": "https://a.example/o", "link": "ftp://a"}, "![image](https://a.example/o)"),
        ({"title": "no picture", "link": "https://a.example"}, ""),
    ],
)
def test_a_found_image_is_markdown(image: dict[str, str], expected: str) -> None:
    """
    With a link when there is one, not at all without a picture.
    """
    assert render.searched_image({"image": image}) == expected


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        ({"jsonData": '{"id":"c"}'}, {"id": "c"}),
        ({"jsonData": {"id": "c"}}, {"id": "c"}),
        ({"json_data": '{"id":"c"}'}, {"id": "c"}),
        ('{"id":"c"}', {"id": "c"}),
        ({"imageChunk": {"progress": 1}}, {"imageChunk": {"progress": 1}}),
        ({"jsonData": "[]"}, {}),
        ({"other": 1}, {}),
        ("{", {}),
        (None, {}),
    ],
)
def test_a_card_is_read_in_every_shape(attachment: object, expected: dict[str, object]) -> None:
    """
    JSON in a string, an object, or a bare card with an image.
    """
    assert render.card_in(attachment) == expected
