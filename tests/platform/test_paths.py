"""Where files are, and who may read them."""

import os
from pathlib import Path

import pytest

from grokdesk.core.errors import Broken
from grokdesk.platform.clock import SystemClock
from grokdesk.platform.ids import client_key, new_id
from grokdesk.platform.paths import Paths, write_private


def test_a_data_folder_holds_everything(tmp_path: Path) -> None:
    """
    With --data-dir nothing is written anywhere else.
    """
    folder = tmp_path / "数据 folder"

    paths = Paths.under(folder).create()

    every = [paths.data, paths.logs, paths.config_file, paths.database, paths.key_file, paths.backups]
    assert all(path.is_relative_to(folder) for path in [*every, paths.vault_file])
    assert (paths.logs.is_dir(), paths.backups.is_dir()) == (True, True)


@pytest.mark.skipif(os.name != "posix", reason="rights work differently elsewhere")
def test_new_folders_are_the_owners_alone(tmp_path: Path) -> None:
    """
    Also those on the way; a folder that was there keeps its rights.
    """
    tmp_path.chmod(0o755)

    paths = Paths.under(tmp_path / "one" / "two").create()

    folders = [tmp_path, tmp_path / "one", paths.data, paths.logs, paths.backups]
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o755, 0o700, 0o700, 0o700, 0o700]


def test_the_default_places_follow_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    The folder carries the name of the program.
    """
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    paths = Paths.default()

    assert "GrokDesk" in paths.data.parts
    assert paths.config_file.name == "config.toml"


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    """
    The message is for people; the path is for the log.
    """
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(Broken, match="cannot be made") as told:
        Paths.under(tmp_path / "file").create()

    assert "--data-dir" in told.value.hint
    assert str(tmp_path) not in told.value.message


@pytest.mark.skipif(os.name != "posix", reason="links and rights work differently elsewhere")
def test_a_private_file_replaces_what_a_link_points_to(tmp_path: Path) -> None:
    """
    Whoever keeps settings in another folder and links to them keeps the link; nothing else is left behind.
    """
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)

    write_private(link, b"new")

    assert (link.is_symlink(), real.read_text(), real.stat().st_mode & 0o777) == (True, "new", 0o600)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_names_and_keys_are_never_the_same() -> None:
    """
    A client key is `gd-` and 43 characters that need no quoting anywhere.
    """
    keys = {client_key().reveal() for _ in range(100)}

    assert len({new_id() for _ in range(100)}) == 100
    assert len(keys) == 100
    assert all(len(key) == 46 and key.startswith("gd-") for key in keys)
    assert all(
        set(key) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") for key in keys
    )


def test_the_system_clock_tells_seconds() -> None:
    """
    Unix seconds of this century, and a time that does not go back.
    """
    clock = SystemClock()

    assert 1_700_000_000 < clock.now() < 4_200_000_000
    assert clock.monotonic() <= clock.monotonic()
