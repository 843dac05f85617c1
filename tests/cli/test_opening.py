"""What on the command line is a link or a file to be shown, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from grokdesk.__main__ import main
from grokdesk.cli.arguments import parser
from grokdesk.cli.opening import split

COMMANDS: tuple[str, ...] = parser().get_default("commands")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files, one of them named like a command."""
    monkeypatch.chdir(tmp_path)
    for name in ("accounts.txt", "accounts", "two.json"):
        Path(name).write_text("x")
    return tmp_path


def test_links_and_files_are_told_from_commands(here: Path) -> None:
    """
    Files get their whole path, because the running program stands elsewhere; a command stays a command.
    """
    assert split(["grokdesk://open/requests"], COMMANDS) == ([], ("grokdesk://open/requests",))
    assert split(["accounts.txt", "two.json"], COMMANDS) == (
        [],
        (str(here / "accounts.txt"), str(here / "two.json")),
    )
    assert split(["--data-dir", "two.json", "accounts.txt", "--demo"], COMMANDS) == (
        ["--data-dir", "two.json", "--demo"],
        (str(here / "accounts.txt"),),
    )
    assert split(["accounts", "import", "accounts.txt"], COMMANDS) == (
        ["accounts", "import", "accounts.txt"],
        (),
    )
    assert split(["./accounts"], COMMANDS) == ([], (str(here / "accounts"),))
    assert split(["acounts"], COMMANDS) == (["acounts"], ())
    assert split(["x" * 5_000], COMMANDS) == (["x" * 5_000], ())
    assert split(["--headless"], COMMANDS) == (["--headless"], ())


def test_a_link_never_becomes_options_or_commands() -> None:
    """
    On Windows a quotation mark in a link ends the argument; what follows stays part of the link.
    """
    given = ["--data-dir", "D", "--link", "grokdesk://open/x", "accounts", "remove", "--all", "--link"]

    rest, opened = split(given, COMMANDS)

    assert rest == ["--data-dir", "D"]
    assert opened == ("grokdesk://open/x accounts remove --all --link",)


@pytest.mark.parametrize("more", [["--headless"], ["quit"]])
def test_without_a_window_nothing_can_be_opened(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """
    That is wrong use, and nothing is started or ended.
    """
    with pytest.raises(SystemExit) as ended:
        main(["grokdesk://open/home", *more])

    assert ended.value.code == 2
    assert "open in the window" in capsys.readouterr().err
