"""The program as a script sees it: arguments, output, exit codes (decisions 2 to 4).

Each start of a process costs most of a second, so a test holds several claims about one story, and what needs
neither a process nor this machine's keyring calls `main` right here.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from random import Random
from typing import Any

import pytest

from grokdesk import __version__
from grokdesk.__main__ import main
from grokdesk.sim import Simulator, World
from grokdesk.sim.pictures import frame

TOKENS = [f"invented-sso-token-number-{number}" for number in range(3)]
PATIENCE_S = 40


@dataclass
class Shell:
    """Runs the program on one data folder, without a display, a keyring or anything else of this machine."""

    folder: Path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GROKDESK", "DISPLAY", "WAYLAND", "QT_", "XDG_", "DBUS", "HOME"))
        }
        home = self.folder.parent / "home"
        run = self.folder.parent / "run"
        for folder in (home, run):
            folder.mkdir(exist_ok=True)
        return {
            **kept,
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(run),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "PYTHONWARNINGS": "error",
            **more,
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "grokdesk", "--data-dir", str(self.folder), *arguments]

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Done:
        """Start the program and wait for its end."""
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment(**environment),
            timeout=PATIENCE_S,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def serving(self, *arguments: str, **environment: str) -> Iterator[Server]:
        """The gateway on a free port; killed at the end if it is still there."""
        process = subprocess.Popen(
            self.command("--headless", "--port", "0", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(**environment),
        )
        guard = threading.Timer(PATIENCE_S, process.kill)
        guard.start()
        try:
            assert process.stdout is not None
            yield Server(process, process.stdout.readline().strip())
        finally:
            process.kill()
            process.communicate()
            guard.cancel()


@dataclass
class Done:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        assert self.code == 0, self.err
        return json.loads(self.out)


Here = Callable[..., Done]


@dataclass
class Server:
    """A running program and the first line it said."""

    process: subprocess.Popen[str]
    said: str

    @property
    def base_url(self) -> str:
        return self.said.rpartition(" ")[2]

    def ended(self) -> int:
        """The exit code. A program that takes longer than ten seconds to end does not say 0."""
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "data")


@pytest.fixture
def here(shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run the program's `main` in this process, on the same folder."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> Done:
        with monkeypatch.context() as patch:
            for name, value in shell.environment(**environment).items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            capsys.readouterr()
            code = main(["--data-dir", str(shell.folder), *arguments])
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run


# --- without a running program ------------------------------------------------------------------------------


def test_the_version_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """
    One line, exit code 0.
    """
    with pytest.raises(SystemExit) as left:
        main(["--version"])

    assert (left.value.code, capsys.readouterr().out) == (0, f"GrokDesk {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "65536", "--headless"],
        ["--port", "http"],
        ["accounts"],
        ["accounts", "import"],
        ["keys", "revoke"],
        ["image"],
        ["image", "a cat", "-n", "11"],
        ["video", "a cat", "--seconds", "21"],
        ["library", "export"],
        ["library", "list", "--limit", "-1"],
        ["dance"],
        ["--log-level", "loud", "status"],
        ["--demo", "status"],
        ["--demo", "accounts", "list"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_exit_code_2(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    """
    With a sentence on standard error and nothing on standard output. A demo's folder is thrown away with it,
    so no subcommand may touch the usual one instead.
    """
    with pytest.raises(SystemExit) as left:
        main(arguments)

    said = capsys.readouterr()
    assert (left.value.code, said.out) == (2, "")
    assert "grokdesk" in said.err
    assert "error:" in said.err


def test_scripts_work_on_a_folder_nobody_serves(shell: Shell, here: Here, tmp_path: Path) -> None:
    """
    Import, list and export accounts; make, list and revoke keys. Files with tokens are their owner's alone.
    """
    source, target = tmp_path / "tokens.txt", tmp_path / "out.txt"
    source.write_text("\n".join([*TOKENS[:2], "not a token!"]))

    imported = shell.run("accounts", "import", str(source))
    again = here("--json", "accounts", "import", "-", stdin=f"{TOKENS[0]}\n{TOKENS[2]}\n")
    listed = here("accounts", "list", "--json")
    exported = here("accounts", "export", str(target))
    made = shell.run("keys", "new", "My editor")
    revoked = here("keys", "revoke", "First key")
    keys = here("--json", "keys", "list")

    assert (imported.code, imported.out) == (
        0,
        "2 accounts added, 0 updated, 0 removed, 0 were already there.\n",
    )
    assert imported.err.startswith("line 3: ")
    assert (again.json["added"], again.json["already_there"]) == (1, 1)
    assert [one["token"][-1] for one in listed.json] == ["0", "1", "2"]
    assert not any(token in listed.out for token in TOKENS)
    assert target.read_text().split() == TOKENS
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert str(target) in exported.err
    assert (made.code, made.err) == (0, "")
    assert made.out.startswith("gd-")
    assert len(made.out) == len("gd-") + 43 + 1
    assert "'First key' is revoked" in revoked.out
    assert [(key["name"], key["ends_with"]) for key in keys.json] == [("My editor", made.out.strip()[-4:])]


def test_accounts_are_looked_after_by_scripts(here: Here) -> None:
    """
    Tagged, edited, given a tier, removed and brought back: by name, by filter, all of them.
    """
    here("accounts", "import", "-", stdin="\n".join(TOKENS))
    first, second, third = (one["id"] for one in here("--json", "accounts", "list").json)

    tagged = here("accounts", "tag", "work", first, second)
    here("accounts", "edit", first, "--label", "Ada", "--note", "mine", "--max-parallel", "2")
    here("accounts", "tier", "super", "Ada")
    here("accounts", "disable", "--only-tag", "work")
    shown = here("accounts", "show", "Ada", "--json").json
    text = here("accounts", "show", "Ada")
    off = here("accounts", "list", "--status", "disabled", "--json").json
    removed = here("--json", "accounts", "remove", third)
    gone = here("--json", "accounts", "removed").json
    back = here("accounts", "restore", third)
    nobody = here("accounts", "enable")

    assert (tagged.code, tagged.out.count("done")) == (0, 2)
    assert (shown["label"], shown["note"], shown["tags"], shown["max_parallel"]) == (
        "Ada",
        "mine",
        ["work"],
        2,
    )
    assert (shown["tier"], shown["tier_source"]) == ("super", "fixed")
    assert ["Requests at once", "2"] in [
        line.split("  ")[:1] + line.split()[-1:] for line in text.out.splitlines()
    ]
    assert [one["id"] for one in off] == [first, second]
    assert (removed.json["ok"], [one["id"] for one in gone], back.code) == (1, [third], 0)
    assert (nobody.code, nobody.out) == (1, "")
    assert "--all" in nobody.err


def test_an_import_can_be_looked_at_first(here: Here) -> None:
    """
    `--dry-run` changes nothing and says for each line what would; `--replace` removes what is not there.
    """
    here("accounts", "import", "-", stdin="\n".join(TOKENS[:2]))

    looked = here(
        "accounts", "import", "-", "--replace", "--dry-run", stdin=f"{TOKENS[1]}\n{TOKENS[2]}\nno!\n"
    )
    before = here("--json", "accounts", "list").json
    here("accounts", "import", "-", "--replace", stdin=f"{TOKENS[1]}\n{TOKENS[2]}\n")
    after = here("--json", "accounts", "list").json

    assert looked.out.startswith("1 accounts would be added, 0 would be updated, 1 would be removed")
    assert [line.split("\t")[1] for line in looked.out.splitlines()[1:]] == [
        "known",
        "new",
        "unreadable",
        "gone",
    ]
    assert [one["token"][-1] for one in before] == ["0", "1"]
    assert [one["token"][-1] for one in after] == ["1", "2"]


def test_a_backup_brings_everything_back(here: Here, shell: Shell, tmp_path: Path) -> None:
    """
    Sealed with a passphrase, told without changing anything, restored into a folder that has nothing.
    """
    file, word = tmp_path / "all.grokdesk", tmp_path / "word"
    word.write_text("a long enough passphrase\n")
    here("accounts", "import", "-", stdin="\n".join(TOKENS))
    key = here("keys", "new", "Editor").out.strip()

    written = here("backup", "write", str(file), "--passphrase-file", str(word))
    told = here("--json", "backup", "show", str(file), "--passphrase-file", str(word))
    wrong = here("backup", "show", str(file), GROKDESK_BACKUP_PASSPHRASE="another passphrase")
    none = here("backup", "show", str(file))
    elsewhere = Shell(shell.folder.parent / "elsewhere" / "data")
    elsewhere.folder.parent.mkdir()
    restored = elsewhere.run("backup", "restore", str(file), "--passphrase-file", str(word))
    listed = json.loads(elsewhere.run("--json", "accounts", "list").out)
    keys = json.loads(elsewhere.run("--json", "keys", "list").out)

    assert (written.code, stat.S_IMODE(file.stat().st_mode)) == (0, 0o600)
    assert not any(token.encode() in file.read_bytes() for token in [*TOKENS, key])
    assert told.json["counts"]["accounts"] == len(TOKENS)
    assert (wrong.code, none.code) == (1, 1)
    assert "--passphrase-file" in none.err
    assert (restored.code, restored.err) == (0, "")
    assert sorted(one["token"][-1] for one in listed) == ["0", "1", "2"]
    assert key[-4:] in {one["ends_with"] for one in keys}


def test_the_ways_out_are_listed_and_tested(here: Here) -> None:
    """
    A proxy nobody answers at is said to be so; what is no address is refused.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        proxy = f"socks5://name:a-password@127.0.0.1:{taken.getsockname()[1]}"
        listed = here(
            "proxy", "list", GROKDESK__EGRESS__MODE="proxies", GROKDESK__EGRESS__PROXIES=f'["{proxy}"]'
        )
        tested = here("proxy", "test", proxy)
    wrong = here("proxy", "test", "ftp://example.org")

    assert "127.0.0.1" in listed.out
    assert (tested.code, wrong.code, wrong.out) == (1, 1, "")
    assert "a-password" not in listed.out + tested.out + tested.err


def test_failures_are_exit_code_1(shell: Shell, here: Here, tmp_path: Path) -> None:
    """
    A file that is not there, one with nothing in it, a key nobody made: one sentence on standard error each.
    """
    missing = here("accounts", "import", str(tmp_path / "missing.txt"))
    made = shell.folder.exists()
    useless = shell.run("accounts", "import", "-", stdin="hello there!\n")
    unknown = here("keys", "revoke", "nobody")

    assert [done.code for done in (missing, useless, unknown)] == [1, 1, 1]
    assert "missing.txt cannot be read" in missing.err
    assert not made
    assert useless.err.startswith("line 1: ")
    assert unknown.err == "There is no key called 'nobody'. `grokdesk keys list` shows them.\n"
    assert missing.out == unknown.out == ""


def test_settings_are_shown_as_they_are_in_force(shell: Shell, here: Here) -> None:
    """
    File, environment and command line in this order; secrets only as set, also sealed ones; slips of the pen
    on standard error. The folder is not made for that.
    """
    environment = {
        "GROKDESK__LOGGING__LEVEL": "debug",
        "GROKDESK__GROK_WEB__CHAT_FORM": "rest",
        "GROKDESK__EGRESS__PROXIES": "http://u:hunter2@proxy:1",
    }

    fresh = here("config", "show")
    made = shell.folder.exists()
    shell.folder.mkdir()
    (shell.folder / "config.toml").write_text(
        '[egress]\ncookies = "sealed:AAAA"\n[chat]\nmemory = true\n[gateway]\nport = 5000\nprot = 1\n'
    )
    shown = here("--json", "--port", "6000", "config", "show", **environment)

    settings = shown.json
    assert '[gateway]\nhost = "127.0.0.1"\nport = 4765\n' in fresh.out
    assert '\ncookies = ""\n' in fresh.out
    assert not made
    assert (settings["chat"]["memory"], settings["gateway"]["port"]) == (True, 6000)
    assert (settings["grok_web"]["chat_form"], settings["logging"]["level"]) == ("rest", "debug")
    assert settings["egress"]["proxies"] == settings["egress"]["cookies"] == "(set)"
    assert settings["grok_web"]["statsig_value"] == ""
    assert "hunter2" not in shown.out + shown.err
    assert "gateway.prot" in shown.err


def test_settings_that_cannot_be_used_stop_the_start(shell: Shell, here: Here) -> None:
    """
    The variable or the line is named.
    """
    variable = here("config", "show", GROKDESK__GATEWAY__PORT="many")
    shell.folder.mkdir()
    (shell.folder / "config.toml").write_text("[gateway]\nport = 99999\n")
    line = shell.run("--headless")

    assert (variable.code, line.code) == (1, 1)
    assert "GROKDESK__GATEWAY__PORT" in variable.err
    assert "config.toml, line 2" in line.err
    assert "Traceback" not in line.err


def test_a_passphrase_opens_the_folder(shell: Shell, here: Here, tmp_path: Path) -> None:
    """
    From the environment or from a file; with a wrong one, and without, nothing is opened and it fails.
    """
    file = tmp_path / "passphrase"
    file.write_text("correct horse\n")
    made = here("accounts", "import", "-", stdin=TOKENS[0], GROKDESK_PASSPHRASE="correct horse")
    by_file = here("--json", "accounts", "list", GROKDESK_PASSPHRASE_FILE=str(file))
    wrong = here("accounts", "list", GROKDESK_PASSPHRASE="wrong horse")
    without = here("accounts", "list")

    assert made.code == 0
    assert not (shell.folder / "master.key").exists()
    assert len(by_file.json) == 1
    assert (wrong.code, without.code) == (1, 1)
    assert "passphrase" in wrong.err.lower()
    assert "GROKDESK_PASSPHRASE" in without.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_reader_that_has_seen_enough_is_no_failure_to_report(shell: Shell) -> None:
    """
    As with `grokdesk library list | head`: no traceback.
    """
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        left = subprocess.run(
            shell.command("config", "show"),
            stdout=closed,
            stderr=subprocess.PIPE,
            env=shell.environment(),
            timeout=PATIENCE_S,
            check=False,
        )

    assert (left.returncode, left.stderr) == (1, b"")


# --- pictures and films -------------------------------------------------------------------------------------


@dataclass
class Grok:
    """A simulated Grok on a thread of its own, with one account."""

    world: World
    sim: Simulator

    @property
    def environment(self) -> dict[str, str]:
        """What points the program at it."""
        names = ("API_URL", "ASSETS_URL", "ACCOUNTS_URL", "PUBLIC_IMAGES_URL")
        return {
            "GROKDESK__ACCOUNTS__CHECK_ON_IMPORT": "false",
            "GROKDESK__ACCOUNTS__CHECK_REGULARLY": "false",
            **{f"GROKDESK__GROK_WEB__{name}": self.sim.url for name in names},
        }


@pytest.fixture
def grok() -> Iterator[Grok]:
    world = World(time.time, Random(1), picture_scale=0.1)  # noqa: TID251 - the clock the simulator is given
    world.add(TOKENS[0], "super")
    started: Queue[tuple[Simulator, Callable[[], object]]] = Queue()

    async def serve() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with Simulator(world, port=0).started() as sim:
            started.put((sim, lambda: loop.call_soon_threadsafe(over.set)))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    sim, end = started.get(timeout=PATIENCE_S)
    try:
        yield Grok(world, sim)
    finally:
        end()
        thread.join()


def test_pictures_and_films_are_made_and_written(here: Here, grok: Grok, tmp_path: Path) -> None:
    """
    Each under a name for people, or the one that was said and in its format; nothing is written over.
    """
    out = tmp_path / "out"

    def run(*arguments: str) -> Done:
        return here(*arguments, **grok.environment)

    here("accounts", "import", "-", stdin=TOKENS[0])
    made = run("image", "a cat: on a/roof", "-n", "2", "--size", "1024x1792", "--out", str(out))
    pictures = [Path(line) for line in made.out.splitlines()]
    edit = run("image", "make it blue", "--from", str(pictures[0]), "--out", str(out / "blue.png"))
    again = run("--json", "image", "a dog", "--out", str(out / "blue.png"))
    film = run("video", "a dog", "--seconds", "6", "--out", str(out))
    listed = run("library", "list", "--json", "--text", "roof")

    assert (made.code, made.err, len(pictures)) == (0, "", 2)
    assert all(one.parent == out and " a cat on a roof" in one.name for one in pictures)
    assert all(one.read_bytes().startswith(b"\xff\xd8\xff") for one in pictures)
    assert (edit.code, edit.out) == (0, f"{out / 'blue.png'}\n")
    assert (out / "blue.png").read_bytes().startswith(b"\x89PNG")
    assert again.json["files"][0]["saved"] == str(out / "blue (2).png")
    assert Path(film.out.strip()).read_bytes()[4:8] == b"ftyp"
    assert [one["prompt"] for one in listed.json] == ["a cat: on a/roof"] * 2
    assert grok.sim.violations == []


def test_what_was_made_nevertheless_is_written(here: Here, grok: Grok, tmp_path: Path) -> None:
    """
    Some pictures withheld, or none made: what there is, one sentence why, exit code 1.
    """
    here("accounts", "import", "-", stdin=TOKENS[0], **grok.environment)

    some = here("image", "a cat [[moderate:1]]", "-n", "3", "--out", str(tmp_path), **grok.environment)
    none = here("image", "a cat [[moderate]]", "--out", str(tmp_path), **grok.environment)
    jobs = here("media", "list", "--json", **grok.environment)

    assert (some.code, len(some.out.splitlines())) == (1, 2)
    assert "2 of 3 pictures" in some.err
    assert (none.code, none.out) == (1, "")
    assert "withheld" in none.err
    assert [job["state"] for job in jobs.json] == ["failed", "failed"]


def test_nothing_is_asked_of_grok_that_cannot_be_written(here: Here, grok: Grok, tmp_path: Path) -> None:
    """
    One name for two pictures, a format that is none, a folder under a file, what is no picture to begin with.
    """
    here("accounts", "import", "-", stdin=TOKENS[0], **grok.environment)
    (tmp_path / "file").write_bytes(b"x")

    refused = [
        here("image", "a cat", *more, **grok.environment)
        for more in (
            ("-n", "2", "--out", str(tmp_path / "cat.jpg")),
            ("--out", str(tmp_path / "cat.tiff")),
            ("--out", str(tmp_path / "file" / "folder")),
            ("--from", str(tmp_path / "file")),
            ("--from", str(tmp_path / "missing.jpg")),
            ("--from", *[str(tmp_path / "file")] * 8),
        )
    ]

    assert [(one.code, one.out) for one in refused] == [(1, "")] * 6
    assert all(len(one.err.splitlines()) == 1 for one in refused)
    assert grok.sim.received == []


def test_the_library_is_looked_after_by_scripts(here: Here, grok: Grok, tmp_path: Path) -> None:
    """
    Shown, marked, tagged, exported, imported elsewhere, removed, brought back, tidied.
    """
    here("accounts", "import", "-", stdin=TOKENS[0], **grok.environment)
    here("image", "a cat", "-n", "2", "--out", str(tmp_path / "out"), **grok.environment)
    first, second = (one["id"] for one in here("library", "list", "--json").json)

    marked = here("library", "favourite", first)
    here("library", "tag", "work", second)
    shown = here("library", "show", second)
    favourites = here("library", "list", "--favourites").out.split("\t")[0]
    unsaid = here("library", "export", str(tmp_path / "all"))
    exported = here("library", "export", str(tmp_path / "all"), "--all")
    removed = here("library", "remove", first, "nonsense")
    gone = here("library", "list", "--removed").out.split("\t")[0]
    back = here("library", "restore", first)
    revoked = here("library", "revoke", first)
    tidied = here("library", "tidy")

    assert (marked.out, favourites) == ("1 file marked as favourite.\n", first)
    assert ["Tags", "work"] in [line.split() for line in shown.out.splitlines()]
    assert (unsaid.code, "--all" in unsaid.err) == (1, True)
    assert exported.out == "2 files exported, 0 were there already.\n"
    assert len(list((tmp_path / "all").glob("*.jpg"))) == len(list((tmp_path / "all").glob("*.json"))) == 2
    assert (removed.code, removed.out, "nonsense" in removed.err) == (1, "1 file removed.\n", True)
    assert (gone, back.out) == (first, "1 file brought back.\n")
    assert revoked.out.split("\t")[0] == first != revoked.out.split("\t")[1].strip()
    assert "image: 2 files" in tidied.out


def test_a_folder_of_the_predecessor_is_imported(here: Here, tmp_path: Path) -> None:
    """
    With counts; what was no picture is exit code 1, a folder without any says what it should be.
    """
    old = tmp_path / "old" / "files" / "images"
    old.mkdir(parents=True)
    (old / "a.jpg").write_bytes(frame("a", 48, 32, 0.5, 40))

    taken = here("library", "import", str(tmp_path / "old"))
    (old / "b.jpg").write_bytes(b"nothing")
    again = here("library", "import", str(tmp_path / "old"))
    none = here("library", "import", str(tmp_path / "missing"))

    assert (taken.code, taken.out) == (0, "1 file imported, 0 were there already.\n")
    assert (again.code, again.out) == (1, "0 files imported, 1 were there already.\n")
    assert again.err == "1 file could not be taken in.\n"
    assert (none.code, len(none.err.splitlines())) == (1, 1)


def test_what_accounts_keep_is_fetched(here: Here, grok: Grok) -> None:
    """
    Pictures and films at Grok come into the library once.
    """
    here("accounts", "import", "-", stdin=TOKENS[0])
    account = grok.world.accounts[TOKENS[0]]
    grok.world.media.picture(account, "p1", (640, 480))
    grok.world.media.film(account, "f1", (640, 480), 6)

    fetched = here("accounts", "assets", "fetch", "--all", **grok.environment)
    again = here("accounts", "assets", "fetch", "--all", **grok.environment)
    listed = here("library", "list", "--json").json

    assert (fetched.code, "2 fetched, 0 were here already." in fetched.out) == (0, True)
    assert (again.code, "0 fetched, 2 were here already." in again.out) == (0, True)
    assert sorted(one["kind"] for one in listed) == ["image", "video"]
    assert grok.sim.violations == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_ctrl_c_cancels_what_is_being_made(shell: Shell, here: Here, grok: Grok, tmp_path: Path) -> None:
    """
    The running program ends the job, and with it the call; the answer is exit code 1 and no traceback.
    """
    grok.world.media.slow_s = PATIENCE_S
    with shell.serving(**grok.environment):
        here("accounts", "import", "-", stdin=TOKENS[0])
        asking = subprocess.Popen(
            shell.command("image", "a cat [[slow]]", "--out", str(tmp_path)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=shell.environment(),
        )
        until(lambda: grok.world.turns)
        asking.send_signal(signal.SIGINT)
        said = asking.communicate(timeout=PATIENCE_S)
        jobs = here("media", "list", "--json").json
        removed = here("media", "remove", jobs[0]["id"])
        left = here("media", "list", "--json").json

    assert (asking.returncode, said) == (1, ("", ""))
    assert [job["state"] for job in jobs] == ["cancelled"]
    assert (removed.out, left) == ("Removed, with 0 files.\n", [])


def until(true: Callable[[], object]) -> None:
    """Wait for what happens on another thread or in another process."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


# --- beside a running program -------------------------------------------------------------------------------


def ask(url: str, key: str) -> list[str]:
    """The models the gateway lists."""
    request = urllib.request.Request(f"{url}/models", headers={"Authorization": f"Bearer {key}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 - our own address
        return [model["id"] for model in json.load(answer)["data"]]


def test_a_running_program_is_asked_and_ended(shell: Shell, here: Here) -> None:
    """
    Keys and accounts made beside it are in use at once; a second start is refused; `quit` ends it in order.
    """
    before = here("--json", "status")
    with shell.serving(
        GROKDESK__ACCOUNTS__CHECK_ON_IMPORT="false", GROKDESK__ACCOUNTS__CHECK_REGULARLY="false"
    ) as server:
        key = here("keys", "new", "Script").out.strip()
        here("accounts", "import", "-", stdin=TOKENS[0])
        models = ask(server.base_url, key)
        status = here("--json", "status")
        words = here("status")
        second = shell.run("--headless", "--port", "0")
        left = here("quit")
        code = server.ended()
        # Not `communicate`: it does not see what `readline` has taken in beyond the line.
        assert server.process.stdout is not None
        notes = server.process.stdout.read()
    after = here("status")
    gone = here("quit")

    assert before.json == {"running": False}
    assert server.said.startswith(f"GrokDesk {__version__} is listening on http://127.0.0.1:")
    assert "grok-4.20-fast" in models
    assert (status.json["running"], status.json["gateway"]["base_url"]) == (True, server.base_url)
    assert (status.json["accounts"]["ready"], status.json["accounts"]["total"]) == (1, 1)
    assert status.json["master_key"] == "key_file"
    assert "file in the data folder" in notes
    assert "1 of 1 accounts ready" in words.out
    assert (second.code, second.out) == (1, "")
    assert "already running" in second.err
    assert (left.code, code) == (0, 0)
    assert (after.code, after.out) == (0, "GrokDesk is not running.\n")
    assert (gone.code, gone.err) == (0, "GrokDesk is not running.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(shell: Shell, here: Here, number: signal.Signals) -> None:
    """
    What a service manager and Ctrl+C send: exit code 0 and no traceback, and the folder is free.
    """
    with shell.serving() as server:
        server.process.send_signal(number)
        code = server.ended()
        said = server.process.communicate()[1]

    assert (code, said) == (0, "")
    assert here("--json", "status").json == {"running": False}


def test_a_port_in_use_is_exit_code_2(shell: Shell) -> None:
    """
    The sentence names the port and a free one, and no other port is taken silently.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = shell.run("--headless", "--port", str(port))

    assert (done.code, done.out) == (2, "")
    assert f"Port {port} is in use" in done.err
    assert "--port" in done.err


def test_without_a_display_it_serves_without_a_window(tmp_path: Path) -> None:
    """
    Plain `grokdesk` says so and goes on; the demo leaves nothing behind, has a key ready, and answers.
    """
    shell = Shell(tmp_path / "unused")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "grokdesk", "--demo", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=shell.environment(TMPDIR=str(temporary)),
    )
    guard = threading.Timer(PATIENCE_S, process.kill)
    guard.start()
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while '\'{"model"' not in "".join(lines[-1:]):
            lines.append(process.stdout.readline())
            assert lines[-1], "it ended"
        made = list(temporary.iterdir())
        text = "".join(lines)
        url = text.split("listening on ")[1].split()[0]
        models = ask(url, text.split("Bearer ")[1].split('"')[0])
        process.terminate()
        code = process.wait(PATIENCE_S)
        said = process.communicate()[1]
    finally:
        process.kill()
        process.communicate()
        guard.cancel()

    assert code == 0
    assert said == "There is no display here, so GrokDesk runs without a window.\n"
    assert "grok-4.20-fast" in models
    assert made
    assert list(temporary.iterdir()) == []
    assert list((tmp_path / "home").iterdir()) == []
