"""Where files are written that were made for somebody at a terminal."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from grokdesk.cli.saving import Target
from grokdesk.core.errors import GrokDeskError, InvalidRequest

CONTENT = bytes(range(256)) * 40
PART = 4_096


def file(path: Path | str = "/nowhere/a.jpg", name: str = "a cat.jpg", **more: object) -> dict[str, Any]:
    return {
        "id": "f1",
        "path": str(path),
        "name": name,
        "media_type": "image/jpeg",
        "bytes": len(CONTENT),
        **more,
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def reads(wish: Mapping[str, Any]) -> dict[str, Any]:
    """The program, reading `CONTENT` in parts."""
    if wish.get("as"):
        return {"data": base64.b64encode(f"as {wish['as']}".encode()).decode(), "size": 0}
    start = int(wish["offset"])
    return {"data": base64.b64encode(CONTENT[start : start + PART]).decode(), "size": len(CONTENT)}


async def gone(wish: Mapping[str, Any]) -> dict[str, Any]:
    """The program, without the file."""
    raise GrokDeskError("This file has been deleted.")


async def test_nothing_is_written_over(tmp_path: Path) -> None:
    """
    Files of the same name stand beside each other.
    """
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    out = tmp_path / "out"

    told = await Target(out).save_all({"files": [file(source), file(source), file(source)]}, reads)

    assert [Path(one["saved"]).name for one in told["files"]] == [
        "a cat.jpg",
        "a cat (2).jpg",
        "a cat (3).jpg",
    ]
    assert {path.read_bytes() for path in out.iterdir()} == {CONTENT}
    assert told["problems"] == []


async def test_what_cannot_be_read_from_here_is_asked_for_in_parts(tmp_path: Path) -> None:
    """
    The whole content, under its name, and nothing else is left in the folder.
    """
    told = await Target(tmp_path).save_all({"files": [file()]}, reads)

    assert told["files"][0]["saved"] == str(tmp_path / "a cat.jpg")
    assert contents(tmp_path) == {"a cat.jpg": CONTENT}


async def test_one_that_cannot_be_had_does_not_take_the_others_along(tmp_path: Path) -> None:
    """
    It is named by its id in the library; the others are written, and nothing half is left.
    """
    source = tmp_path / "source"
    source.write_bytes(CONTENT)

    told = await Target(tmp_path / "out").save_all({"files": [file(), file(source)]}, gone)

    assert [bool(one["saved"]) for one in told["files"]] == [False, True]
    assert told["problems"] == ["This file has been deleted. It is kept in the library as f1."]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a cat.jpg"]


async def test_a_picture_is_written_in_the_format_of_its_name(tmp_path: Path) -> None:
    """
    Asked for as PNG when that is what the name says; as it is when it is that already.
    """
    source = tmp_path / "source"
    source.write_bytes(CONTENT)

    for name in ("cat.png", "cat.JPEG"):
        await Target(tmp_path / "out", name).save_all({"files": [file(source)]}, reads)

    assert (tmp_path / "out" / "cat.png").read_bytes() == b"as png"
    assert (tmp_path / "out" / "cat.JPEG").read_bytes() == CONTENT


def test_what_a_path_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The name of a picture names the file, anything else a folder; nothing means here.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.jpg").mkdir()

    assert Target.of(None, 2, "image") == Target(tmp_path)
    assert Target.of(Path("new/cats"), 2, "image") == Target(tmp_path / "new" / "cats")
    assert Target.of(Path("cat.webp"), 1, "image") == Target(tmp_path, "cat.webp")
    assert Target.of(Path("dog.mp4"), 1, "video") == Target(tmp_path, "dog.mp4")
    assert Target.of(Path("odd.jpg"), 1, "image") == Target(tmp_path / "odd.jpg")


@pytest.mark.parametrize(
    ("name", "count", "kind"),
    [("cat.jpg", 2, "image"), ("cat.tiff", 1, "image"), ("cat.mp4", 1, "image"), ("dog.png", 1, "video")],
)
def test_a_name_that_cannot_be_is_refused(name: str, count: int, kind: str) -> None:
    """
    One name for several, a format that is not written, a film as a picture.
    """
    with pytest.raises(InvalidRequest, match=r"cat|dog"):
        Target.of(Path(name), count, kind)


def test_a_place_is_tried_without_making_it(tmp_path: Path) -> None:
    """
    A folder that is not there yet is made when there is something to put into it.
    """
    (tmp_path / "file").touch()

    Target(tmp_path / "new" / "folder").check()
    with pytest.raises(GrokDeskError, match="Nothing can be written"):
        Target(tmp_path / "file" / "folder").check()

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
