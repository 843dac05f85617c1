"""Which program holds a port, read from a folder that looks like /proc."""

from __future__ import annotations

from pathlib import Path

import pytest

from grokdesk.gateway.holder import holder_of

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:129D 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 4242 1
"""


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Process 77, called `node`, has socket 4242 open; process 78 is gone by the time it is looked at."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(TABLE.format(state="0A"))
    files = tmp_path / "77" / "fd"
    files.mkdir(parents=True)
    (files / "0").symlink_to("/dev/null")
    (files / "3").symlink_to("socket:[4242]")
    (tmp_path / "77" / "comm").write_text("node\n")
    (tmp_path / "78").mkdir()
    return tmp_path


def test_the_listening_program_is_named(proc: Path) -> None:
    """
    By its name and its number.
    """
    assert holder_of(4765, proc) == "node (process 77)"


def test_a_connection_does_not_hold_a_port(proc: Path) -> None:
    """
    Only who listens is in the way.
    """
    (proc / "net" / "tcp").write_text(TABLE.format(state="01"))

    assert holder_of(4765, proc) == ""


def test_a_program_of_another_user_stays_unnamed(proc: Path) -> None:
    """
    The system does not show its files.
    """
    (proc / "77" / "fd" / "3").unlink()

    assert holder_of(4765, proc) == ""


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    """
    As on systems that have none.
    """
    assert holder_of(4765, tmp_path / "nowhere") == ""
