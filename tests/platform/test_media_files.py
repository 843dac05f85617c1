"""Pictures and films on disk."""

import hashlib
from pathlib import Path

import pytest

from grokdesk.core.errors import Broken
from grokdesk.core.media import Kept, Kind
from grokdesk.platform.media_files import Compared, Incoming, MediaFiles, Stored

CONTENT = b"a picture" * 1_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def files(tmp_path: Path) -> MediaFiles:
    files = MediaFiles(tmp_path / "media")
    files.prepare()
    return files


def kept(digest: str = DIGEST) -> Kept:
    return Kept("id", Kind.IMAGE, digest, "image/png", len(CONTENT), 0.0)


def arrived(files: MediaFiles, content: bytes = CONTENT) -> Incoming:
    incoming = files.incoming()
    incoming.add(content[:100])
    incoming.add(content[100:])
    incoming.finish()
    return incoming


def lying(files: MediaFiles) -> list[str]:
    return sorted(str(path.relative_to(files.folder)) for path in files.folder.rglob("*") if path.is_file())


def test_a_file_has_a_name_when_all_of_it_is_there(files: MediaFiles) -> None:
    """
    Until then it lies among what is incoming; its name is the hash of its content.
    """
    incoming = files.incoming()
    incoming.add(CONTENT)
    assert [name.split("/")[0] for name in lying(files)] == ["incoming"]

    assert incoming.finish() == DIGEST
    assert files.put(incoming, kept())

    assert lying(files) == [f"images/{DIGEST[:2]}/{DIGEST}.png"]
    assert files.path(kept()).read_bytes() == CONTENT


def test_half_a_file_that_cannot_be_deleted_does_not_keep_the_program_from_starting(
    files: MediaFiles, caplog: pytest.LogCaptureFixture
) -> None:
    """
    What cannot be deleted, here for being a folder, stays; the others go.
    """
    (files.folder / "incoming" / "a").mkdir()
    (files.folder / "incoming" / "b").write_bytes(b"half")

    files.prepare()

    assert lying(files) == []
    assert "cannot be deleted" in caplog.text
    caplog.clear()


def test_a_content_is_written_once(files: MediaFiles) -> None:
    """
    The second time it is only said to be there, and nothing stays of it.
    """
    files.put(arrived(files), kept())

    assert not files.put(arrived(files), kept())
    assert lying(files) == [f"images/{DIGEST[:2]}/{DIGEST}.png"]


def test_a_name_without_all_of_its_content_is_written_again(files: MediaFiles) -> None:
    """
    What a power cut left empty does not pass for the content.
    """
    files.put(arrived(files), kept())
    files.path(kept()).write_bytes(b"")

    assert files.put(arrived(files), kept())
    assert files.path(kept()).read_bytes() == CONTENT


def test_what_is_discarded_leaves_nothing(files: MediaFiles) -> None:
    """
    Also in the middle of writing, and more than once.
    """
    incoming = files.incoming()
    incoming.add(CONTENT)

    incoming.discard()
    incoming.discard()

    assert lying(files) == []


def test_what_is_written_after_it_was_discarded_is_not_there(files: MediaFiles) -> None:
    """
    A thread that is late writes nothing.
    """
    incoming = files.incoming()
    incoming.discard()

    incoming.add(CONTENT)
    incoming.finish()

    assert lying(files) == []


def test_starting_throws_away_what_was_incoming(files: MediaFiles) -> None:
    """
    And nothing else.
    """
    files.put(arrived(files), kept())
    arrived(files, b"other" * 100)

    files.prepare()

    assert lying(files) == [f"images/{DIGEST[:2]}/{DIGEST}.png"]


def test_deleting_takes_the_small_picture_along(files: MediaFiles) -> None:
    """
    A second time it is deleted already, which is as good.
    """
    files.put(arrived(files), kept())
    files.put_thumbnail(DIGEST, b"small")

    assert files.remove(kept())
    assert files.remove(kept())
    assert lying(files) == []


def test_what_lies_there_is_compared_with_what_is_known(files: MediaFiles) -> None:
    """
    Unknown contents, contents that are gone, and small pictures of nothing; strange files are not looked at.
    """
    unknown, gone, stray = (text * 32 for text in ("aa", "bb", "cc"))
    for digest in (DIGEST, unknown):
        files.put(arrived(files, digest.encode() * 9), kept(digest))
    files.put_thumbnail(DIGEST, b"small")
    files.put_thumbnail(stray, b"small")
    for name in ("images/notes.txt", "images/aa/notes.txt", f"images/aa/{'dd' * 32}.png"):
        (files.folder / name).write_text("mine")
    (files.folder / "videos").mkdir()

    found = files.compared({(Kind.IMAGE, DIGEST), (Kind.VIDEO, gone)})

    assert found == Compared(
        [Stored(Kind.IMAGE, unknown, files.path(kept(unknown)))],
        {(Kind.VIDEO, gone)},
        [(stray, files.thumbnail_path(stray))],
    )


def test_a_folder_that_takes_no_files_is_explained(tmp_path: Path) -> None:
    """
    A file in its place is the simplest reason.
    """
    (tmp_path / "media").write_text("in the way")

    with pytest.raises(Broken, match="cannot be stored") as raised:
        MediaFiles(tmp_path / "media").prepare()

    assert str(tmp_path) not in raised.value.message + raised.value.hint
