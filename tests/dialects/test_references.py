"""The pictures that requests begin with."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.conversation import Media
from grokdesk.core.errors import InvalidRequest
from grokdesk.dialects.references import Source, file_id, picture_type, sources

PNG = b"\x89PNG\r\n\x1a\n and more"
URI = "data:image/jpeg;base64," + base64.b64encode(PNG).decode()
ID = "0123456789abcdef" * 2
WEB = "https://example.com/a.png"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, ()),
        ([], ()),
        (Media(data=PNG, name="a"), (Source("image", Media(data=PNG, media_type="image/png", name="a")),)),
        (URI, (Source("image", Media(data=PNG, media_type="image/png")),)),
        (WEB, (Source("image", Media(url=WEB)),)),
        ({"image_url": WEB}, (Source("image.image_url", Media(url=WEB)),)),
        ({"image_url": {"url": WEB}}, (Source("image.image_url", Media(url=WEB)),)),
        ({"url": WEB, "type": "image_url"}, (Source("image.url", Media(url=WEB)),)),
        ({"file_id": ID}, (Source("image.file_id", file_id=ID),)),
        ({"file_id": f"file-{ID}"}, (Source("image.file_id", file_id=ID),)),
        (
            [WEB, {"image_url": URI}],
            (
                Source("image.0", Media(url=WEB)),
                Source("image.1.image_url", Media(data=PNG, media_type="image/png")),
            ),
        ),
    ],
)
def test_a_picture_is_named_in_many_ways(value: Any, found: tuple[Source, ...]) -> None:  # noqa: ANN401 - JSON
    """
    Its type is what its content shows, whatever the client says.
    """
    assert sources(value, "image") == found


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ("apple.png", "image"),
        ("ftp://example.com/a.png", "image"),
        ("", "image"),
        (7, "image"),
        (True, "image"),
        ({}, "image"),
        ({"file_id": ""}, "image"),
        ({"image_url": 7}, "image"),
        ([WEB, {}], "image.1"),
        ([[[]]], "image.0"),
        (Media(), "image"),
        ([Media(data=PNG), Media(data=b"%PDF")], "image.1"),
        ("data:image/png;base64,AAAA", "image"),
        ({"image_url": "data:image/png;base64"}, "image.image_url"),
        ([WEB] * 8, "image"),
    ],
)
def test_what_is_no_picture_is_named(value: Any, param: str) -> None:  # noqa: ANN401 - JSON
    """
    By its path.
    """
    with pytest.raises(InvalidRequest) as caught:
        sources(value, "image")

    assert caught.value.param == param


@pytest.mark.parametrize(
    ("address", "found"),
    [
        (f"http://127.0.0.1:4765/v1/files/image/{ID}.jpg", ID),
        (f"http://127.0.0.1:4765/v1/files/image/{ID}", ID),
        (f"https://gateway.example/v1/files/image/{ID}.webp?compression=3", ID),
        (f"http://localhost/v1/files/video?id={ID}", ID),
        (f"http://localhost/v1/files/image?id={ID}x", ""),
        ("http://localhost/v1/files/image", ""),
        (f"http://localhost/other/{ID}", ""),
        (f"ftp://localhost/v1/files/image/{ID}", ""),
        (f"http://localhost/v1/files/image/{ID.upper()}", ""),
        (f"http://localhost/v1/files/image/../{ID}", ""),
        ("http://[bad/v1/files/image", ""),
        ("", ""),
    ],
)
def test_links_of_gateways_are_known(address: str, found: str) -> None:
    """
    In all the forms that 2.0.4 and this gateway write.
    """
    assert file_id(address) == found


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xdb", "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"GIF87a..", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVE", ""),
        (b"<svg/>", ""),
        (b"\x00\x00\x00\x18ftypmp42", ""),
        (b"", ""),
    ],
)
def test_pictures_are_known_by_their_beginning(data: bytes, kind: str) -> None:
    """
    Names and declared types are often wrong.
    """
    assert picture_type(data) == kind


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["image_url", "url", "file_id"]), inner, max_size=2)
    ),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_pictures_or_an_error(value: Any) -> None:  # noqa: ANN401 - JSON
    """
    That names a member of it.
    """
    with contextlib.suppress(InvalidRequest):
        assert all(source.path.startswith("image") for source in sources(value, "image"))
