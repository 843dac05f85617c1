"""What stands in the log, and what does not."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from grokdesk.core.errors import Broken
from grokdesk.platform import logs
from grokdesk.platform.logs import Logs, redacted
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
        ("run finished id=7 model=grok-4 total_ms=12", "run finished id=7 model=grok-4 total_ms=12"),
    ],
)
def test_secrets_are_taken_out(text: str, shown: str) -> None:
    """
    What remains still says what it was about.
    """
    assert redacted(text) == shown
