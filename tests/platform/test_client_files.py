"""The settings files of other programs on a disk: found, changed, and put back."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from grokdesk.core.client_setups import BY_ID, Values
from grokdesk.core.errors import NotFound
from grokdesk.platform.client_files import CannotSetUp, ClientFiles, Found, Plan, SetupState, home_of
from grokdesk.platform.secrets import KeySource, Vault

VALUES = Values("http://127.0.0.1:4765/v1", "gd-invented-key-0001", "grok-4.20-fast")
OTHER = Values("http://127.0.0.1:5000/v1", "gd-invented-key-0002", "grok-4.20-auto")
CLAUDE, CODEX, ZED = BY_ID["claude-code"], BY_ID["codex"], BY_ID["zed"]
SECRET = "sk-of-somebody-else"
TEXT = '{\n  "env": {"OTHER": "' + SECRET + '"} // mine\n}\n'


class Place:
    """A home folder and our data folder, opened anew like after a restart."""

    def __init__(self, folder: Path) -> None:
        self.home, self.data = folder / "home", folder / "data"
        self.home.mkdir()
        self.data.mkdir()
        self.time = 1_786_500_000.0
        self.environment: dict[str, str] = {}
        self.system = "linux"

    @property
    def files(self) -> ClientFiles:
        vault = Vault(b"k" * 32, KeySource.KEY_FILE)
        return ClientFiles(self.home, self.data, vault, lambda: self.time, self.environment, self.system)

    @property
    def claude(self) -> Path:
        return self.home / ".claude" / "settings.json"

    def write(self, text: str = TEXT, mode: int = 0o644) -> None:
        self.claude.parent.mkdir(exist_ok=True)
        self.claude.write_bytes(text.encode())
        self.claude.chmod(mode)

    def set_up(self, values: Values = VALUES) -> Plan:
        self.time += 1
        return self.files.apply(CLAUDE, values, self.files.plan(CLAUDE, values))

    def found(self) -> Found:
        return self.files.look()["claude-code"]

    def everything(self) -> bytes:
        """All that lies in our own folder."""
        return b"".join(path.read_bytes() for path in self.data.rglob("*") if path.is_file())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- doing and undoing --------------------------------------------------------------------------------------


def test_a_file_that_was_not_there_is_made_for_its_owner_and_removed_again(place: Place) -> None:
    """
    With its folder, which goes too.
    """
    plan = place.files.plan(CLAUDE, VALUES)
    before = place.claude.exists()
    place.set_up()
    made = (mode_of(place.claude), mode_of(place.claude.parent), json.loads(place.claude.read_text())["env"])
    undone = place.files.undo(CLAUDE)

    assert (plan.is_new, before) == (True, False)
    assert made[:2] == (0o600, 0o700)
    assert made[2]["ANTHROPIC_AUTH_TOKEN"] == "gd-invented-key-0001"
    assert (undone.deleted, undone.left) == (True, ())
    assert list(place.home.iterdir()) == []


def test_a_file_that_was_there_is_put_back_byte_for_byte_with_its_rights(place: Place) -> None:
    """
    While there is a key in it only its owner may read it.
    """
    place.write("\ufeff" + TEXT.replace("\n", "\r\n"))
    before = place.claude.read_bytes()
    place.set_up()
    meanwhile = (place.claude.read_bytes(), mode_of(place.claude))
    place.files.undo(CLAUDE)

    assert meanwhile[0].startswith(b"\xef\xbb\xbf{\r\n")
    assert meanwhile[0].count(b"\n") == meanwhile[0].count(b"\r\n")
    assert meanwhile[1] == 0o600
    assert (place.claude.read_bytes(), mode_of(place.claude)) == (before, 0o644)
    assert place.found().state is SetupState.NONE


def test_the_first_copy_counts_when_it_is_set_up_again(place: Place) -> None:
    """
    Another model, another port, another key: an undo still goes back to the beginning.
    """
    place.write()
    place.set_up()
    place.set_up(OTHER)
    place.set_up(VALUES)
    name, copy = place.files.copy_of(CLAUDE)
    place.files.undo(CLAUDE)

    assert (name, copy.decode()) == ("settings.json", TEXT)
    assert place.claude.read_text() == TEXT


def test_after_other_edits_only_what_is_ours_goes(place: Place) -> None:
    """
    The owner's later changes stay, and what they changed of ours is named.
    """
    place.write()
    place.set_up()
    text = (
        place.claude.read_text()
        .replace('"env":', '"theme": "dark", "env":')
        .replace("grok-4.20-fast", "mine", 1)
    )
    place.claude.write_text(text)
    state = place.found().state
    undone = place.files.undo(CLAUDE)

    assert state is SetupState.CHANGED
    assert undone.left == ("env.ANTHROPIC_MODEL",)
    assert '"theme": "dark", "env": {"OTHER": "sk-of-somebody-else", "ANTHROPIC_MODEL": "mine"} // mine' in (
        place.claude.read_text()
    )
    assert mode_of(place.claude) == 0o600


def test_edits_between_two_setups_are_not_lost_by_the_undo(place: Place) -> None:
    """
    The copy of the beginning is not put back over them.
    """
    place.write("{}\n")
    place.set_up()
    place.claude.write_text(place.claude.read_text().replace("{", '{\n  "later": 1,', 1))
    place.set_up(OTHER)
    place.files.undo(CLAUDE)

    assert json.loads(place.claude.read_text()) == {"later": 1}


def test_a_file_we_made_stays_when_its_owner_has_written_into_it(place: Place) -> None:
    """
    Only an empty one is removed.
    """
    place.set_up()
    place.claude.write_text(place.claude.read_text().replace("{", '{\n  "mine": 1,', 1))
    undone = place.files.undo(CLAUDE)

    assert undone.deleted is False
    assert json.loads(place.claude.read_text()) == {"mine": 1}


def test_undo_after_the_file_is_gone_forgets_the_setup(place: Place) -> None:
    """
    There is nothing to take out.
    """
    place.write()
    place.set_up()
    place.claude.unlink()
    state = place.found().state
    undone = place.files.undo(CLAUDE)

    assert state is SetupState.LOST
    assert (undone.deleted, undone.left) == (False, ())
    assert not place.claude.exists()
    with pytest.raises(NotFound):
        place.files.undo(CLAUDE)


def test_undo_leaves_a_file_that_cannot_be_read_and_remembers(place: Place) -> None:
    """
    Once it is corrected it can still be undone.
    """
    place.write()
    place.set_up()
    whole = place.claude.read_text()
    place.claude.write_text(whole + "{")

    with pytest.raises(CannotSetUp, match=r"settings\.json, line"):
        place.files.undo(CLAUDE)

    place.claude.write_text(whole)
    place.files.undo(CLAUDE)
    assert place.claude.read_text() == TEXT


def test_nobody_s_secrets_lie_in_our_folder_in_clear(place: Place) -> None:
    """
    Neither our key, nor those of others in the copies.
    """
    place.write()
    place.set_up()

    kept = place.everything()

    assert kept
    for secret in (b"gd-invented-key", SECRET.encode(), b"ANTHROPIC"):
        assert secret not in kept
    assert {mode_of(path) for path in place.data.rglob("*") if path.is_file()} == {0o600}


@pytest.mark.parametrize("name", ["claude-code", "codex", "aider", "continue", "zed"])
def test_each_program_s_file_is_made_and_goes_without_a_trace(place: Place, name: str) -> None:
    """
    Set up twice with other values, looked at, and undone.
    """
    client = BY_ID[name]
    for values in (VALUES, OTHER):
        place.files.apply(client, values, place.files.plan(client, values))
    found = place.files.look()[name]
    undone = place.files.undo(client)

    assert found.state is SetupState.DONE
    assert any("5000" in str(value) for value in found.values.values())
    assert undone.deleted
    assert list(place.home.iterdir()) == []


def test_a_link_stays_one(place: Place) -> None:
    """
    Files kept elsewhere and linked to are changed where they are.
    """
    real = place.home / "dotfiles" / "claude.json"
    real.parent.mkdir()
    real.write_text("{}\n")
    place.claude.parent.mkdir()
    place.claude.symlink_to(real)
    place.set_up()
    linked = (place.claude.is_symlink(), "ANTHROPIC_BASE_URL" in real.read_text())
    place.files.undo(CLAUDE)

    assert linked == (True, True)
    assert (place.claude.is_symlink(), real.read_text()) == (True, "{}\n")


def test_copies_do_not_gather(place: Place) -> None:
    """
    The last ten are kept.
    """
    for number in range(14):
        place.write(json.dumps({"number": number}))
        place.set_up()

    assert len(list((place.data / "client-files").iterdir())) == 10


def test_what_was_shown_is_what_is_done(place: Place) -> None:
    """
    A file that was changed after the preview is left alone.
    """
    place.write()
    plan = place.files.plan(CLAUDE, VALUES)
    place.write('{"new": 1}')

    with pytest.raises(CannotSetUp, match="meanwhile"):
        place.files.apply(CLAUDE, VALUES, plan)

    assert place.claude.read_text() == '{"new": 1}'


def test_the_rights_of_a_file_without_a_key_stay(place: Place) -> None:
    """
    Zed keeps the key in its keychain.
    """
    file = place.home / ".config" / "zed" / "settings.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}\n")
    file.chmod(0o644)
    place.files.apply(ZED, VALUES, place.files.plan(ZED, VALUES))

    assert mode_of(file) == 0o644
    assert "gd-" not in file.read_text()


# --- what is left alone -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{\n"a": \n}', r"settings\.json, line 3: a value is missing"),
        (b'{\n"\xff": 1}', r"settings\.json, line 2: this is not UTF-8"),
        (b'{"env": 1}', r"line 1: 'env' is written in a way"),
        (b" " * (1 << 20) + b"{}", "larger than 1 MB"),
    ],
)
def test_a_file_that_cannot_be_changed_is_named_and_not_touched(
    place: Place, content: bytes, words: str
) -> None:
    """
    With the line where there is one, and what to do instead.
    """
    place.write()
    place.claude.write_bytes(content)

    with pytest.raises(CannotSetUp, match=words) as refused:
        place.files.plan(CLAUDE, VALUES)

    assert refused.value.hint
    assert place.claude.read_bytes() == content


def test_a_file_that_is_read_only_on_purpose_is_left_alone(place: Place) -> None:
    """
    As those are that are made by another tool.
    """
    place.write(mode=0o444)

    with pytest.raises(CannotSetUp, match="read-only"):
        place.files.plan(CLAUDE, VALUES)


def test_a_folder_in_its_place_is_left_alone(place: Place) -> None:
    """
    And so is a link that leads nowhere but to itself.
    """
    place.claude.mkdir(parents=True)
    with pytest.raises(CannotSetUp, match="not a file"):
        place.files.plan(CLAUDE, VALUES)
    place.claude.rmdir()
    place.claude.symlink_to(place.claude)
    with pytest.raises(CannotSetUp, match="cannot be read"):
        place.files.plan(CLAUDE, VALUES)


def test_without_room_for_a_copy_nothing_is_changed(place: Place) -> None:
    """
    First the copy, then the change.
    """
    place.write()
    (place.data / "client-files").write_text("in the way")

    with pytest.raises(CannotSetUp, match="No copy"):
        place.set_up()

    assert place.claude.read_text() == TEXT
    assert place.found().state is SetupState.NONE


def test_a_record_of_another_master_key_is_like_none(place: Place) -> None:
    """
    Nothing is undone by guessing.
    """
    place.set_up()
    (place.data / "client-setups.sealed").write_bytes(b"something else")

    assert place.found().state is SetupState.NONE
    assert place.claude.exists()


def test_values_beside_ours_are_told(place: Place) -> None:
    """
    What Claude Code would send instead of our token.
    """
    place.write('{"apiKeyHelper": "x", "env": {"ANTHROPIC_API_KEY": "sk"}}')

    assert place.files.plan(CLAUDE, VALUES).beside == ("ANTHROPIC_API_KEY", "apiKeyHelper")


# --- finding ------------------------------------------------------------------------------------------------


def test_commands_are_found_with_the_version_their_place_tells(place: Place, tmp_path: Path) -> None:
    """
    Nothing is run for that.
    """
    real = place.home / ".local" / "share" / "claude" / "versions" / "2.1.304"
    script = place.home / "lib" / "node_modules" / "@openai" / "codex" / "bin" / "codex.js"
    for file in (real, script):
        file.parent.mkdir(parents=True)
        file.write_text("#!/bin/false\n")
        file.chmod(0o755)
    (script.parent.parent / "package.json").write_text('{"version": "0.162.1"}')
    shelf, own = place.home / ".local" / "bin", tmp_path / "bin"
    for folder, name, target in ((shelf, "claude", real), (own, "codex", script)):
        folder.mkdir()
        (folder / name).symlink_to(target)
    place.environment["PATH"] = os.pathsep.join(["/nowhere", str(own)])

    found = place.files.look()

    assert (found["claude-code"].is_here, found["claude-code"].version) == (True, "2.1.304")
    assert (found["codex"].is_here, found["codex"].version) == (True, "0.162.1")
    assert (found["aider"].is_here, found["open-webui"].is_here, found["openai"].is_here) == (
        False,
        None,
        None,
    )


def test_extensions_and_folders_tell_of_editors(place: Place) -> None:
    """
    Of two versions the newer one counts.
    """
    for name in (
        "saoudrizwan.claude-dev-3.9.2",
        "saoudrizwan.claude-dev-3.10.0",
        "continue.continue-1.2.3-linux",
    ):
        (place.home / ".vscode" / "extensions" / name).mkdir(parents=True)
    (place.home / ".config" / "JetBrains").mkdir(parents=True)

    found = place.files.look()

    assert (found["cline"].is_here, found["cline"].version) == (True, "3.10.0")
    assert (found["continue"].is_here, found["continue"].version) == (True, "1.2.3")
    assert (found["jetbrains"].is_here, found["cursor"].is_here) == (True, False)


def test_files_are_where_the_programs_look_for_them(place: Place) -> None:
    """
    Their own variables move them; a relative one does not.
    """
    usual = place.files.path_of(CODEX)
    place.environment |= {"CODEX_HOME": "/elsewhere", "CLAUDE_CONFIG_DIR": "not/whole"}
    moved = (place.files.path_of(CODEX), place.files.path_of(CLAUDE))
    place.system, place.environment = "win32", {"APPDATA": "/roaming"}

    assert usual == place.home / ".codex" / "config.toml"
    assert moved == (Path("/elsewhere/config.toml"), place.claude)
    assert place.files.path_of(ZED) == Path("/roaming/Zed/settings.json")
    assert place.files.path_of(BY_ID["cline"]) is None


def test_the_home_folder_is_what_the_environment_says() -> None:
    """
    Without one there is none: nothing is written at a guess.
    """
    assert home_of({"HOME": "/home/anna"}, "linux") == Path("/home/anna")
    assert home_of({"HOME": "/x", "USERPROFILE": "/users/anna"}, "win32") == Path("/users/anna")
    assert home_of({}, "linux") is None
    assert home_of({"HOME": "relative"}, "linux") is None
