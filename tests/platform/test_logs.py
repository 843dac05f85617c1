"""What stands in the log, and what does not."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from grokdesk.core.errors import Broken
from grokdesk.platform import logs
from grokdesk.platform.logs import Level, Logs, redacted
from grokdesk.platform.paths import Paths

ours = logging.getLogger("grokdesk.somewhere")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.under(tmp_path).create()


@pytest.fixture
def log(paths: Paths) -> Iterator[Logs]:
    log = logs.start(paths, "info", 3)
    yield log
    log.stop()


def written(paths: Paths) -> list[str]:
    return (paths.logs / logs.FILE).read_text("utf-8").splitlines()


def test_a_line_says_when_how_bad_who_and_what(paths: Paths) -> None:
    """
    Everything logged before the end is in the file after it.
    """
    log = logs.start(paths, "info", 3)
    for number in range(500):
        ours.info("run finished id=%d 完", number)
    log.stop()

    lines = written(paths)
    assert len(lines) == 500
    assert lines[7].endswith(" INFO    grokdesk.somewhere: run finished id=7 完")


def test_the_level_is_ours_and_libraries_are_heard_from_warning(paths: Paths) -> None:
    """
    At debug a database library would write every value it is given.
    """
    log = logs.start(paths, "debug", 3)
    ours.debug("ours at debug")
    logging.getLogger("aiosqlite").debug("theirs at debug")
    logging.getLogger("aiosqlite").warning("theirs at warning")
    log.set_level("error")
    ours.warning("ours at warning")
    log.stop()

    assert [line.split(": ")[1] for line in written(paths)] == ["ours at debug", "theirs at warning"]


def test_a_stopped_log_leaves_logging_as_it_was(paths: Paths) -> None:
    """
    Starting twice does not write twice.
    """
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("grokdesk").level)

    logs.start(paths, "debug", 3).stop()

    assert (root.level, list(root.handlers), logging.getLogger("grokdesk").level) == before


def test_a_traceback_is_written_without_its_secrets(paths: Paths) -> None:
    """
    The last net also catches what stands in an error's text.
    """
    log = logs.start(paths, "info", 3)
    try:
        int("sso=eyJhbGciOiJIUzI1NiJ9.abc.def; theme=dark")
    except ValueError:
        ours.exception("failed")
    log.stop()

    text = "\n".join(written(paths))
    assert "Traceback" in text
    assert "eyJhbGci" not in text


@pytest.mark.skipif(os.name != "posix", reason="rights work differently elsewhere")
def test_only_the_owner_can_read_the_log(paths: Paths, log: Logs) -> None:
    """
    It names accounts and programs, which are nobody else's business.
    """
    assert (paths.logs / logs.FILE).stat().st_mode & 0o777 == 0o600


def test_a_log_that_cannot_be_written_is_explained(paths: Paths) -> None:
    """
    The program says why it does not start.
    """
    (paths.logs / logs.FILE).mkdir()

    with pytest.raises(Broken, match="log cannot be written"):
        logs.start(paths, "info", 3)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sso=abcdef; theme=dark", "sso=…; theme=dark"),
        ("sso-rw=abcdef", "sso-rw=…"),
        ("cf_clearance=abc.def-1;x", "cf_clearance=…;x"),
        ("Authorization: Bearer abc", "Authorization: …"),
        ("{'Cookie': 'a=b; c=d', 'Accept': '*/*'}", "{'Cookie': '…', 'Accept': '*/*'}"),
        ("x-api-key=abc", "x-api-key=…"),
        ("key gd-0123456789abcdef_-", "key gd-…"),
        ("token eyJhbGciOiJI.eyJzdWIi.sig_nature end", "token eyJ… end"),
        ("via socks5h://me:secret@proxy:1080", "via socks5h://…@proxy:1080"),
        ("xai-0123456789abcdef", "xai-…"),
        ("opened with passphrase=correct horse", "opened with passphrase=… horse"),
        ("{'password': 'correct horse', 'a': 1}", "{'password': …, 'a': 1}"),
        ('{"team_key": "correct horse"}', '{"team_key": …}'),
        ("GROKDESK_PASSPHRASE=hush", "GROKDESK_PASSPHRASE=…"),
        ("prompt_tokens=12 key=7", "prompt_tokens=12 key=7"),
        ("run finished id=7 model=grok-4 total_ms=12", "run finished id=7 model=grok-4 total_ms=12"),
    ],
)
def test_secrets_are_taken_out(text: str, shown: str) -> None:
    """
    What remains still says what it was about.
    """
    assert redacted(text) == shown


# --- reading it ---------------------------------------------------------------------------------------------

HEAD = "2026-08-12 10:00:00,123"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / logs.FILE


def add(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as opened:
        opened.write(text)


def test_entries_are_found_with_their_levels_and_all_their_lines(file: Path) -> None:
    """
    A traceback belongs to its entry; a line that looks like nothing belongs to the one before.
    """
    add(file, f"{HEAD} INFO    grokdesk.a: one\n{HEAD} ERROR   grokdesk.b.c: two: 2\nTraceback\n  File\n")
    add(file, f"{HEAD} CRITICAL lib: three\n{HEAD} WARNING lib: fo")

    found = logs.scan(file)
    entry = logs.entry_of(logs.piece(file, found.identity, found.offsets[1], found.offsets[2]))

    assert list(found.levels) == [Level.INFO, Level.ERROR, Level.ERROR]
    assert (entry.time, entry.level, entry.part) == (HEAD, Level.ERROR, "grokdesk.b.c")
    assert (entry.text, entry.more) == ("two: 2", "Traceback\n  File")
    assert found.end == file.read_bytes().rindex(b"\n") + 1


def test_a_later_look_finds_only_what_is_new(file: Path) -> None:
    """
    Also the rest of a line that was being written; another file of the same name is looked at anew.
    """
    add(file, f"{HEAD} INFO    a: one\n{HEAD} INFO    a: t")
    first = logs.scan(file)
    add(file, f"wo\n{HEAD} WARNING a: three\n")
    second = logs.scan(file, first)
    nothing = logs.scan(file, second)
    file.rename(file.with_suffix(".log.2026-08-12"))
    add(file, f"{HEAD} DEBUG   a: new\n")
    turned = logs.scan(file, second)
    file.write_text("")
    emptied = logs.scan(file, turned)

    assert [len(one.offsets) for one in (first, second, nothing, turned, emptied)] == [1, 2, 0, 1, 0]
    assert second.begin == first.end
    assert turned.begin == emptied.end == 0
    assert logs.piece(file, first.identity, 0, 10) in {b"", file.read_bytes()[:10]}


def test_lines_longer_than_a_chunk_and_other_beginnings_are_borne(file: Path) -> None:
    """
    A file that begins in the middle has an entry for that, too.
    """
    add(file, f"  File somewhere\n{HEAD} INFO    a: {'x' * (3 << 20)}\n{HEAD} INFO    a: end\n")

    found = logs.scan(file)

    assert len(found.offsets) == 3
    assert logs.entry_of(logs.piece(file, found.identity, found.offsets[2], found.end)).text == "end"


def test_words_are_found_whatever_their_case(file: Path) -> None:
    """
    All of them in one entry, its further lines included, and only between the places asked for.
    """
    for number in range(5):
        add(file, f"{HEAD} INFO    a: Line {number}\n  more of {number * 2}\n")
    found = logs.scan(file)

    def numbers(*words: str, begin: int = 0) -> list[int]:
        return logs.found_in(file, words, found.offsets, begin, found.end)

    assert numbers("line") == [0, 1, 2, 3, 4]
    assert numbers("LINE 3", "more of 6") == [3]
    assert numbers("line 3", "more of 5") == []
    assert numbers("line", begin=found.offsets[3]) == [3, 4]


def test_the_files_of_the_log_are_listed_newest_first(tmp_path: Path) -> None:
    """
    What else lies there is none.
    """
    for name in (logs.FILE, f"{logs.FILE}.2026-08-10", f"{logs.FILE}.2026-08-11", "other.txt"):
        (tmp_path / name).touch()

    assert [one.day for one in logs.log_files(tmp_path)] == ["", "2026-08-11", "2026-08-10"]


def test_the_last_lines_are_read_from_the_end(file: Path) -> None:
    """
    Of a long file as of a short one.
    """
    add(file, "".join(f"line {number} {'x' * 200}\n" for number in range(10_000)))

    assert [one.split()[1] for one in logs.last_lines(file, 3).splitlines()] == ["9997", "9998", "9999"]
    assert len(logs.last_lines(file, 100_000).splitlines()) == 10_000
