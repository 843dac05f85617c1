"""Sealing, and every way to a master key."""

import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend

from grokdesk.core.errors import Broken
from grokdesk.core.secret import Secret
from grokdesk.platform import secrets
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import (
    Cost,
    KeyLost,
    KeyringUnavailable,
    KeySource,
    NeedsChoice,
    Vault,
    WrongPassphrase,
    WrongTeamKey,
    new_team_note,
    no_keyring,
    passphrase_from_environment,
    system_keyring,
    team_vault,
    unlock,
)

PHRASE = Secret("correct horse battery staple")


class MemoryRing:
    """A keyring that works, until it is locked."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.entries[service, username] = password

    def _check(self) -> None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")


class SilentRing(MemoryRing):
    """A keyring that waits for a person who is not there."""

    def get_password(self, service: str, username: str) -> str | None:
        threading.Event().wait()
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        threading.Event().wait()


class ForgetfulRing(MemoryRing):
    """A keyring that takes everything and gives nothing back, like keyring's `null`."""

    def get_password(self, service: str, username: str) -> str | None:
        return None


class PlainTextRing(keyring.backends.null.Keyring):
    """A backend that keyring itself does not recommend."""

    priority = 0.5


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.under(tmp_path / "data").create()


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)), KeySource.KEYRING)


def same_key(one: Vault, other: Vault) -> bool:
    sealed = one.seal("x", table="t", row="r", column="c")
    return other.open(sealed, table="t", row="r", column="c") == "x"


# --- sealing ------------------------------------------------------------------------------------------------


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_is_opened_again(text: str) -> None:
    """
    Any text comes back, and never stands in its sealed form.
    """
    vault = Vault(bytes(range(32)), KeySource.KEYRING)

    sealed = vault.seal(text, table="accounts", row="a", column="token")

    assert vault.open(sealed, table="accounts", row="a", column="token") == text
    assert len(text) < 4 or text.encode() not in sealed


def test_the_same_text_is_never_sealed_the_same_way_twice(vault: Vault) -> None:
    """
    Nobody can tell from the file that two accounts have the same cookie.
    """
    assert len({vault.seal("x", table="t", row="r", column="c") for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "place", [("keys", "a", "token"), ("accounts", "b", "token"), ("accounts", "a", "cookies")]
)
def test_a_sealed_text_opens_only_where_it_was_sealed(vault: Vault, place: tuple[str, str, str]) -> None:
    """
    A value cannot be moved to another table, row or column.
    """
    sealed = vault.seal("x", table="accounts", row="a", column="token")
    table, row, column = place

    with pytest.raises(Broken, match="changed, moved, or sealed with another key"):
        vault.open(sealed, table=table, row=row, column=column)


def test_a_sealed_text_that_was_changed_is_refused(vault: Vault) -> None:
    """
    Every single byte counts, and so does the length.
    """
    sealed = vault.seal("hello", table="t", row="r", column="c")
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]

    for wrong in [*changed, sealed[:-1], sealed + b"x", b"", b"\x01"]:
        with pytest.raises(Broken):
            vault.open(wrong, table="t", row="r", column="c")


def test_a_fingerprint_tells_equal_texts_and_nothing_else(vault: Vault) -> None:
    """
    The same token has the same fingerprint in one data folder, and another one elsewhere.
    """
    elsewhere = Vault(bytes(32), KeySource.KEYRING)

    assert vault.fingerprint("a") == vault.fingerprint("a")
    assert len({vault.fingerprint("a"), vault.fingerprint("b"), elsewhere.fingerprint("a")}) == 3


# --- keyring ------------------------------------------------------------------------------------------------


def test_a_working_keyring_keeps_the_key(paths: Paths) -> None:
    """
    The key lies in the keyring alone, under the name of the program and the id of the data folder.
    """
    ring = MemoryRing()

    first = unlock(paths, headless=False, keyring_backend=lambda: ring)
    second = unlock(paths, headless=False, keyring_backend=lambda: ring)

    assert (first.source, same_key(first, second)) == (KeySource.KEYRING, True)
    ((service, folder),) = ring.entries
    note = json.loads(paths.vault_file.read_text())
    assert (service, folder) == ("GrokDesk", note["folder"])
    assert [path.name for path in paths.data.iterdir() if path.is_file()] == ["vault.json"]


def test_a_locked_keyring_is_explained_and_loses_nothing(paths: Paths) -> None:
    """
    Once the keyring is open again the same key is there.
    """
    ring = MemoryRing()
    before = unlock(paths, headless=True, keyring_backend=lambda: ring)
    ring.locked = True

    with pytest.raises(KeyringUnavailable, match="does not give it") as told:
        unlock(paths, headless=True, keyring_backend=lambda: ring, allow_key_file=True)
    ring.locked = False

    assert "Unlock the keyring" in told.value.hint
    assert same_key(before, unlock(paths, headless=True, keyring_backend=lambda: ring))
    assert not paths.key_file.exists()


def test_a_keyring_that_is_gone_is_explained(paths: Paths) -> None:
    """
    A folder made on a desktop and opened over a remote shell does not silently get another key.
    """
    unlock(paths, headless=True, keyring_backend=MemoryRing)

    with pytest.raises(KeyringUnavailable):
        unlock(paths, headless=True, keyring_backend=no_keyring)


def test_a_keyring_without_the_entry_is_explained(paths: Paths) -> None:
    """
    Another keyring than the one of the first start has no key for this folder.
    """
    unlock(paths, headless=True, keyring_backend=MemoryRing)

    with pytest.raises(KeyLost, match="no entry"):
        unlock(paths, headless=True, keyring_backend=MemoryRing)


def test_a_key_of_another_folder_is_noticed(paths: Paths) -> None:
    """
    A wrong key is refused before it opens, or seals, anything.
    """
    ring = MemoryRing()
    unlock(paths, headless=True, keyring_backend=lambda: ring)
    ring.entries = dict.fromkeys(ring.entries, "A" * 43 + "=")

    with pytest.raises(KeyLost, match="does not belong"):
        unlock(paths, headless=True, keyring_backend=lambda: ring)


@pytest.mark.parametrize("ring", [None, ForgetfulRing(), SilentRing()])
def test_with_a_window_and_no_keyring_a_person_is_asked(
    paths: Paths, ring: MemoryRing | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Nothing is made before the person chose.
    """
    monkeypatch.setattr(secrets, "_PATIENCE_S", 0.05)

    with pytest.raises(NeedsChoice) as asked:
        unlock(paths, headless=False, keyring_backend=lambda: ring)

    assert asked.value.source is None
    assert [path for path in paths.data.iterdir() if path.is_file()] == []


@pytest.mark.parametrize(
    "backend", [keyring.backends.fail.Keyring, keyring.backends.null.Keyring, PlainTextRing]
)
def test_backends_that_keep_no_secrets_do_not_count(backend: Callable[[], KeyringBackend]) -> None:
    """
    A backend that fails, forgets or writes plain files is as good as none.
    """
    before = keyring.get_keyring()
    keyring.set_keyring(backend())
    try:
        assert system_keyring() is None
    finally:
        keyring.set_keyring(before)


# --- key file -----------------------------------------------------------------------------------------------


def test_headless_without_a_keyring_uses_a_key_file_and_says_so(
    paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The file is the owner's alone, and every start warns.
    """
    first = unlock(paths, headless=True, keyring_backend=no_keyring)
    second = unlock(paths, headless=True, keyring_backend=no_keyring)

    assert (first.source, same_key(first, second)) == (KeySource.KEY_FILE, True)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text.split(" path=")[0] for text in warnings] == ["master key is in a file, not in a keyring"] * 2
    if os.name == "posix":
        assert paths.key_file.stat().st_mode & 0o777 == 0o600


def test_a_key_file_can_be_chosen_in_the_window(paths: Paths) -> None:
    """
    After the question the choice is carried out, and kept.
    """
    vault = unlock(paths, headless=False, allow_key_file=True, keyring_backend=no_keyring)

    again = unlock(paths, headless=False, keyring_backend=no_keyring)
    assert (vault.source, same_key(vault, again)) == (KeySource.KEY_FILE, True)


@pytest.mark.skipif(os.name != "posix", reason="rights work differently elsewhere")
def test_a_key_file_others_can_read_is_closed_to_them(paths: Paths) -> None:
    """
    A copy from a backup with wide rights is put right.
    """
    unlock(paths, headless=True, keyring_backend=no_keyring)
    paths.key_file.chmod(0o644)

    unlock(paths, headless=True, keyring_backend=no_keyring)

    assert paths.key_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [None, b"", b"c2hvcnQ=", b"\xff\xfe", b"not base64!"])
def test_a_missing_or_damaged_key_file_is_explained(paths: Paths, content: bytes | None) -> None:
    """
    A new key would make the accounts unreadable for good; instead the owner hears what to restore.
    """
    unlock(paths, headless=True, keyring_backend=no_keyring)
    paths.key_file.unlink()
    if content is not None:
        paths.key_file.write_bytes(content)

    with pytest.raises(KeyLost) as told:
        unlock(paths, headless=True, keyring_backend=no_keyring)

    assert "Restore master.key" in told.value.hint


def test_a_lost_vault_file_is_made_again_from_the_key_file(paths: Paths) -> None:
    """
    As long as the key is there nothing is lost.
    """
    before = unlock(paths, headless=True, keyring_backend=no_keyring)
    paths.vault_file.unlink()

    assert same_key(before, unlock(paths, headless=True, keyring_backend=MemoryRing))


def test_a_database_without_a_key_is_not_given_a_new_one(paths: Paths) -> None:
    """
    Rather than making every stored account unreadable, the program says what is missing.
    """
    paths.database.write_bytes(b"accounts")

    with pytest.raises(KeyLost, match="does not say where"):
        unlock(paths, headless=True, keyring_backend=MemoryRing)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1, "source": "elsewhere"}', "nonsense"])
def test_a_damaged_vault_file_is_explained(paths: Paths, content: str) -> None:
    """
    It is never taken for a new data folder.
    """
    paths.vault_file.write_text(content)

    with pytest.raises(KeyLost, match=r"vault\.json"):
        unlock(paths, headless=True, keyring_backend=no_keyring)


def test_a_vault_file_of_a_newer_version_is_explained(paths: Paths) -> None:
    """
    An older program leaves alone what it does not understand.
    """
    paths.vault_file.write_text('{"format": 2}')

    with pytest.raises(Broken, match="newer GrokDesk"):
        unlock(paths, headless=True, keyring_backend=no_keyring)


# --- passphrase ---------------------------------------------------------------------------------------------


def test_a_passphrase_opens_the_folder_it_was_given_for(paths: Paths) -> None:
    """
    It wins over a keyring on a new folder, because somebody typed it; it is asked for at the next start.
    """
    vault = unlock(paths, headless=False, passphrase=PHRASE, keyring_backend=MemoryRing)

    with pytest.raises(NeedsChoice) as asked:
        unlock(paths, headless=False, keyring_backend=MemoryRing)
    with pytest.raises(WrongPassphrase, match="not the passphrase"):
        unlock(paths, headless=False, passphrase=Secret("wrong"), keyring_backend=MemoryRing)
    again = unlock(paths, headless=False, passphrase=PHRASE, keyring_backend=MemoryRing)

    assert (vault.source, asked.value.source) == (KeySource.PASSPHRASE, KeySource.PASSPHRASE)
    assert same_key(vault, again)


def test_a_passphrase_is_the_same_however_its_letters_are_typed(paths: Paths) -> None:
    """
    One system sends é as one character, another as two.
    """
    composed, decomposed = Secret("caf\u00e9"), Secret("cafe\u0301")

    first = unlock(paths, headless=True, passphrase=composed, keyring_backend=no_keyring)

    assert same_key(first, unlock(paths, headless=True, passphrase=decomposed, keyring_backend=no_keyring))


def test_headless_without_the_passphrase_says_how_to_give_it(paths: Paths) -> None:
    """
    Nobody can be asked, so the sentence names the variables.
    """
    unlock(paths, headless=True, passphrase=PHRASE, keyring_backend=no_keyring)

    with pytest.raises(Broken, match="passphrase") as told:
        unlock(paths, headless=True, keyring_backend=no_keyring)

    assert "GROKDESK_PASSPHRASE" in told.value.hint


def test_the_environment_gives_the_passphrase_itself_or_a_file(tmp_path: Path) -> None:
    """
    The line end an editor puts behind it does not count.
    """
    file = tmp_path / "phrase"
    file.write_bytes("\ufeff口令 with spaces \r\n".encode())

    assert passphrase_from_environment({}) is None
    assert passphrase_from_environment({"GROKDESK_PASSPHRASE": "a"}) == Secret("a")
    assert passphrase_from_environment({"GROKDESK_PASSPHRASE_FILE": str(file)}) == Secret("口令 with spaces ")


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xff"])
def test_a_passphrase_file_that_gives_none_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    """
    A slip in the path must not lead to a data folder without a passphrase.
    """
    file = tmp_path / "phrase"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(Broken, match="passphrase"):
        passphrase_from_environment({"GROKDESK_PASSPHRASE_FILE": str(file)})


# --- the team key -------------------------------------------------------------------------------------------

CHEAP = Cost(n=2, r=1, p=1)


def test_everybody_with_the_team_key_makes_the_same_vault() -> None:
    """
    From what the shared store says, however the key was typed; two stores have two vaults.
    """
    composed, decomposed = Secret("caf\u00e9"), Secret("cafe\u0301")
    note, another = new_team_note(composed), new_team_note(composed)

    assert same_key(team_vault(composed, note), team_vault(decomposed, note))
    with pytest.raises(Broken):
        same_key(team_vault(composed, note), team_vault(composed, another))


def test_another_team_key_is_noticed() -> None:
    """
    Before anything is opened; and the note gives neither away.
    """
    note = new_team_note(PHRASE, CHEAP)

    with pytest.raises(WrongTeamKey, match="not the team key"):
        team_vault(Secret("guessed"), note)

    assert PHRASE.reveal() not in note


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "no note",
        lambda _: "{}",
        lambda _: "[]",
        lambda note: note.replace('"n": 2', '"n": 3'),
        lambda note: note.replace('"salt": "', '"salt": "!'),
    ],
)
def test_a_note_that_cannot_be_read_is_no_wrong_key(change: Callable[[str], str]) -> None:
    """
    The owner is not sent looking for a passphrase.
    """
    with pytest.raises(KeyLost):
        team_vault(PHRASE, change(new_team_note(PHRASE, CHEAP)))


def test_a_note_of_a_newer_grokdesk_is_left_alone() -> None:
    """
    It says what to do.
    """
    note = new_team_note(PHRASE, CHEAP).replace('"format": 1', '"format": 2')

    with pytest.raises(Broken, match="newer GrokDesk"):
        team_vault(PHRASE, note)


def test_a_changed_note_cannot_take_all_memory() -> None:
    """
    The cost it tells is bounded; the key is then simply wrong.
    """
    cost = json.loads(new_team_note(PHRASE, CHEAP))["cost"]

    assert Cost.read({**cost, "n": 2**60, "r": 999, "p": 999}) == Cost(n=2**20, r=32, p=16)
