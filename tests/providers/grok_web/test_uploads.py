"""Files that go with a message: prepared, checked, sent in both forms, and named by what came back."""

from __future__ import annotations

from base64 import b64decode
from email.parser import BytesParser
from email.policy import HTTP

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.errors import Garbled, InvalidRequest, TooLarge
from grokdesk.providers.grok_web.protocol import uploads
from grokdesk.providers.grok_web.protocol.uploads import File

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8


@pytest.mark.parametrize(
    ("data", "declared", "name", "expected"),
    [
        (PNG, "", "", ("image/png", "file-1.png")),
        (PNG, "image/jpeg", "", ("image/png", "file-1.png")),
        (b"\xff\xd8\xff\xe0", "application/octet-stream", "", ("image/jpeg", "file-1.jpeg")),
        (b"RIFF\0\0\0\0WEBPVP8 ", "", "", ("image/webp", "file-1.webp")),
        (b"%PDF-1.7", "", "report.pdf", ("application/pdf", "report.pdf")),
        (b"hello", "", "", ("text/plain", "file-1.txt")),
        (b"a,b", "text/csv; charset=utf-8", "", ("text/csv", "file-1.csv")),
        (b"\0\1\2\xff", "", "", ("application/octet-stream", "file-1.octetstr")),
        (b"x", "text/plain", "../../etc/pass\r\nwd", ("text/plain", "passwd")),
        (b"x", "text/plain", "C:\\notes\\лодка.txt", ("text/plain", "лодка.txt")),
    ],
)
def test_a_file_gets_the_type_of_its_bytes_and_a_safe_name(
    data: bytes, declared: str, name: str, expected: tuple[str, str]
) -> None:
    """
    Pictures and PDFs are known by their first bytes; names lose paths and line breaks.
    """
    file = uploads.prepared(data, declared, name, 1)

    assert (file.media_type, file.name) == expected


def test_an_empty_file_is_refused_by_its_number() -> None:
    """
    The sentence says which attachment it is.
    """
    with pytest.raises(InvalidRequest, match="Attachment 2 is empty"):
        uploads.prepared(b"", "image/png", "", 2)


def test_a_file_above_the_limit_is_too_large() -> None:
    """
    More than 32 MB is refused before anything is sent.
    """
    with pytest.raises(TooLarge, match="at most 32 MB"):
        uploads.prepared(b"\0" * (uploads.MAX_FILE + 1), "", "", 1)


def test_the_same_file_goes_once_and_nine_are_too_many() -> None:
    """
    Identical files count once; the ninth different one is refused.
    """
    one = File(b"x", "text/plain", "x.txt")
    many = [File(bytes([number]), "text/plain", f"{number}.txt") for number in range(9)]

    assert uploads.checked([one, one]) == [one]
    with pytest.raises(TooLarge, match="at most 8"):
        uploads.checked(many)


def test_files_that_are_too_big_together_are_refused() -> None:
    """
    Three of 30 MB exceed what a message may carry.
    """
    big = [File(bytes([number]) * (30 << 20), "text/plain", f"{number}.txt") for number in range(3)]

    with pytest.raises(TooLarge, match="together"):
        uploads.checked(big)


def test_the_older_upload_is_json_with_base64() -> None:
    """
    Name, type and content as protocol/grok-web-media.md §6.1 has them.
    """
    body = orjson.loads(uploads.json_body(File(PNG, "image/png", "a.png")))

    assert (body["fileName"], body["fileMimeType"]) == ("a.png", "image/png")
    assert b64decode(body["content"]) == PNG


@given(data=st.binary(max_size=300), name=st.text(min_size=1, max_size=30))
def test_the_current_upload_is_read_back_by_a_mime_parser(data: bytes, name: str) -> None:
    """
    Whatever is in the file, the one part of the body holds exactly that.
    """
    file = uploads.prepared(data + b"x", "text/plain", name, 1)
    boundary = "----WebKitFormBoundary0123456789abcdef"

    head = f"Content-Type: multipart/form-data; boundary={boundary}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + uploads.multipart(file, boundary))
    [part] = message.iter_parts()

    assert part.get_param("name", header="content-disposition") == "file"
    raw = uploads.multipart(file, boundary)
    assert raw.split(b"\r\n\r\n", 1)[1].rsplit(f"\r\n--{boundary}--".encode(), 1)[0] == file.data


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"fileMetadataId": "a", "fileId": "b"}, "a"),
        ({"fileId": "b", "fileUri": "users/x"}, "b"),
        ({"uploadId": "u", "terminalError": None, "fileMetadata": {"fileMetadataId": "m"}}, "m"),
        ({"uploadId": "u", "terminalError": "", "fileMetadata": {"fileId": "f"}}, "f"),
        ({"uploadId": "u", "fileMetadata": {}}, "u"),
    ],
)
def test_the_id_is_found_in_the_order_of_the_document(answer: dict[str, object], expected: str) -> None:
    """
    fileMetadataId, else fileId, else uploadId.
    """
    assert uploads.file_id(orjson.dumps(answer)) == expected


def test_a_terminal_error_is_a_refusal_of_the_file() -> None:
    """
    200 with terminalError means that Grok does not take the file.
    """
    with pytest.raises(InvalidRequest, match="does not accept this attachment"):
        uploads.file_id(b'{"uploadId":"u","terminalError":{"message":"unsupported"},"fileMetadata":{}}')


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"fileMetadata":[]}'])
def test_an_answer_without_an_id_is_garbled(body: bytes) -> None:
    """
    No id anywhere: the answer cannot be used.
    """
    with pytest.raises(Garbled):
        uploads.file_id(body)
