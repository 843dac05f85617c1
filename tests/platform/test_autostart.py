"""Starting at login and opening links, as three systems keep them."""

from __future__ import annotations

import os
import plistlib
import shlex
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.errors import Broken
from grokdesk.platform.autostart import (
    Autostart,
    DesktopEntry,
    LaunchAgent,
    RunKey,
    autostart_of,
    join_exec,
    split_exec,
)
from grokdesk.platform.link_handler import LinkEntry, LinkKey, link_handler_of
from grokdesk.platform.program import own_command

HERE = ("/opt/grokdesk/bin/grokdesk",)
THERE = ("/home/anna/new place/grokdesk",)
RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"


class InventedRegistry:
    """A `Registry` in memory."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str | bytes] = {}

    def read(self, key: str, name: str) -> str | bytes | None:
        return self.values.get((key, name))

    def write(self, key: str, name: str, value: str) -> None:
        self.values[key, name] = value

    def remove(self, key: str, name: str) -> None:
        self.values.pop((key, name), None)

    def remove_key(self, key: str) -> None:
        assert not any(one.startswith(f"{key}\\") for one, _ in self.values)
        self.values = {(one, name): value for (one, name), value in self.values.items() if one != key}


class Place:
    """Where one system keeps it."""

    def __init__(self, system: str, folder: Path) -> None:
        self.system = system
        self.folder = folder / "of" / "the owner"
        self.registry = InventedRegistry()

    def of(self, *command: str) -> Autostart:
        match self.system:
            case "linux":
                return DesktopEntry(self.folder, command)
            case "darwin":
                return LaunchAgent(self.folder, command)
            case _:
                return RunKey(self.registry, command)

    @property
    def command(self) -> list[str]:
        """What the system would start."""
        match self.system:
            case "linux":
                lines = (self.folder / "grokdesk.desktop").read_text("utf-8").splitlines()
                [line] = [line.removeprefix("Exec=") for line in lines if line.startswith("Exec=")]
                return shlex.split(line.replace("\\\\", "\\"))
            case "darwin":
                agent = plistlib.loads((self.folder / "org.grokdesk.GrokDesk.plist").read_bytes())
                return [str(part) for part in agent["ProgramArguments"]]
            case _:
                return shlex.split(str(self.registry.values[RUN, "GrokDesk"]).replace("\\", "\\\\"))

    def delete(self) -> None:
        """What an owner does who finds it."""
        for file in self.folder.iterdir() if self.folder.exists() else ():
            file.unlink()
        self.registry.values.clear()

    def switch_off_in_the_system(self) -> None:
        """What the system's own list of such programs does."""
        match self.system:
            case "linux":
                with (self.folder / "grokdesk.desktop").open("a") as file:
                    file.write("Hidden=true\n")
            case "darwin":
                agent = self.folder / "org.grokdesk.GrokDesk.plist"
                agent.write_bytes(plistlib.dumps({**plistlib.loads(agent.read_bytes()), "Disabled": True}))
            case _:
                self.registry.values[APPROVED, "GrokDesk"] = b"\x03" + bytes(11)


@pytest.fixture(params=["linux", "darwin", "win32"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(request.param, tmp_path)


def test_it_is_off_until_it_is_chosen(place: Place) -> None:
    """
    Switched on, the system starts the program hidden; switched off, nothing is left.
    """
    autostart = place.of(*HERE)
    at_first = autostart.is_on()

    autostart.switch(on=True)
    command, then = place.command, autostart.is_on()
    autostart.switch(on=False)

    assert not at_first
    assert command == [*HERE, "--hidden"]
    assert then
    assert not autostart.is_on()
    assert not place.registry.values
    assert not place.folder.exists() or list(place.folder.iterdir()) == []
    autostart.switch(on=False)


def test_what_the_system_has_is_the_truth(place: Place) -> None:
    """
    Deleted by its owner, or switched off in the system's list, it is off; on again, it is on.
    """
    autostart = place.of(*HERE)
    autostart.switch(on=True)
    place.switch_off_in_the_system()
    switched_off = autostart.is_on()
    repaired = autostart.repair()
    autostart.switch(on=True)
    again = autostart.is_on()
    place.delete()

    assert (switched_off, repaired, again) == (False, False, True)
    assert not autostart.is_on()
    assert not autostart.repair()


def test_a_program_that_was_moved_is_repaired(place: Place) -> None:
    """
    After an update into another folder the system starts the new one, also where its name has a space.
    """
    place.of(*HERE).switch(on=True)

    moved = place.of(*THERE)

    assert moved.is_on()
    assert moved.repair()
    assert place.command == [*THERE, "--hidden"]
    assert not moved.repair()


def test_another_data_folder_is_another_program(place: Place) -> None:
    """
    A GrokDesk tried out on other data is not the one that starts at login, and does not take its place.
    """
    place.of(*HERE).switch(on=True)
    other = place.of(*THERE, "--data-dir", "/srv/try it")

    assert not other.is_on()
    assert not other.repair()
    assert place.command == [*HERE, "--hidden"]
    other.switch(on=True)
    assert other.is_on()
    assert not place.of(*HERE).is_on()


def test_a_module_started_by_python_is_the_same_program(place: Place) -> None:
    """
    Installed later on, the command takes the place of `python -m grokdesk`.
    """
    place.of("/usr/bin/python3", "-m", "grokdesk").switch(on=True)

    assert place.of(*HERE).repair()
    assert place.command == [*HERE, "--hidden"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe nothing", b"[Desktop Entry]\nExec=\n", b"<plist>"])
def test_a_broken_file_is_off(tmp_path: Path, content: bytes) -> None:
    """
    What cannot be read starts nothing, and is written anew when it is switched on.
    """
    for name, autostart in (
        ("grokdesk.desktop", DesktopEntry(tmp_path, HERE)),
        ("org.grokdesk.GrokDesk.plist", LaunchAgent(tmp_path, HERE)),
    ):
        (tmp_path / name).write_bytes(content)
        assert not autostart.is_on()
        autostart.switch(on=True)
        assert autostart.is_on()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="rights of folders")
def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    """
    The sentence says what could not be done.
    """
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)

    with pytest.raises(Broken, match="could not be changed"):
        DesktopEntry(tmp_path / "autostart", HERE).switch(on=True)


def test_a_file_in_the_way_is_explained(tmp_path: Path) -> None:
    """
    A file where the folder should be is no traceback.
    """
    (tmp_path / "autostart").write_text("in the way")

    with pytest.raises(Broken, match="could not be changed"):
        DesktopEntry(tmp_path / "autostart", HERE).switch(on=True)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1), min_size=1))
def test_any_command_is_read_as_it_was_written(command: list[str]) -> None:
    """
    Quotes, percent signs, dollars and backslashes in a path survive.
    """
    assert list(split_exec(join_exec(command))) == command


@pytest.mark.parametrize(
    ("platform", "environment", "kind"),
    [
        ("linux", {"HOME": "/home/anna"}, DesktopEntry),
        ("darwin", {"HOME": "/Users/anna"}, LaunchAgent),
        ("win32", {"APPDATA": r"C:\Users\anna"}, RunKey),
        ("linux", {}, type(None)),
        ("darwin", {}, type(None)),
        ("win32", {}, type(None)),
    ],
)
def test_each_system_has_its_own(platform: str, environment: dict[str, str], kind: type) -> None:
    """
    Nobody's files are touched where the environment names nobody.
    """
    assert type(autostart_of(environment, HERE, platform=platform)) is kind


def test_the_folder_of_settings_may_be_elsewhere(tmp_path: Path) -> None:
    """
    XDG_CONFIG_HOME is followed when it is absolute.
    """
    environment = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    found = autostart_of(environment, HERE, platform="linux")
    assert found is not None

    found.switch(on=True)

    assert (tmp_path / "config" / "autostart" / "grokdesk.desktop").is_file()


def test_the_command_names_program_and_data_folder(tmp_path: Path) -> None:
    """
    An AppImage is called by its own name; a folder of its own is kept; what it names exists.
    """
    assert own_command({"APPIMAGE": "/apps/GrokDesk.AppImage"}) == ("/apps/GrokDesk.AppImage",)
    command = own_command({}, tmp_path)

    assert Path(command[0]).is_file()
    assert Path(command[0]).parent == Path(sys.executable).parent
    assert command[-2:] == ("--data-dir", str(tmp_path))


# --- links --------------------------------------------------------------------------------------------------


def test_links_are_opened_once_that_is_chosen(tmp_path: Path) -> None:
    """
    The entry hands over the link behind `--link`, is in no menu, and is gone when it is switched off.
    """
    indexed: list[Path] = []
    handler = LinkEntry(tmp_path / "applications", HERE, indexed.append)
    file = tmp_path / "applications" / "grokdesk-links.desktop"
    handler.switch(on=False)

    handler.switch(on=True)
    handler.switch(on=True)
    lines = file.read_text("utf-8").splitlines()
    handler.switch(on=False)

    assert f"Exec={HERE[0]} --link %u" in lines
    assert "MimeType=x-scheme-handler/grokdesk;" in lines
    assert "NoDisplay=true" in lines
    assert not file.exists()
    assert len(indexed) == 2


def test_windows_is_told_whom_to_call(tmp_path: Path) -> None:
    """
    The class of the scheme holds the command, and is removed from the inside out.
    """
    registry = InventedRegistry()
    handler = LinkKey(registry, (r"C:\Program Files\GrokDesk\grokdesk.exe",))

    handler.switch(on=True)
    command = registry.values[r"Software\Classes\grokdesk\shell\open\command", ""]
    marked = (r"Software\Classes\grokdesk", "URL Protocol") in registry.values
    handler.switch(on=False)

    assert command == r'"C:\Program Files\GrokDesk\grokdesk.exe" --link "%1"'
    assert marked
    assert registry.values == {}


def test_where_nobody_is_known_no_links_are_opened() -> None:
    """
    A packaged program for macOS says it by itself, and an empty environment names nobody.
    """
    assert link_handler_of({"HOME": "/Users/anna"}, HERE, platform="darwin") is None
    assert link_handler_of({}, HERE, platform="linux") is None
    assert link_handler_of({}, HERE, platform="win32") is None
    assert link_handler_of({"HOME": "/home/anna"}, HERE, platform="linux") is not None
