"""Sealing of secrets, and the master key it takes. The only import of keyring and cryptography.

A data folder has one 32-byte master key. It lies in the keyring of the system, in a file of the folder that
only its owner may read, or wrapped with a passphrase; `vault.json` in the folder says which, and holds a
check value so that a wrong key is noticed before anything is opened. The source is chosen once and never
changed silently (decision 3c).

Everything here may block: keyrings ask people, and a passphrase takes 64 MB and a good part of a second. Call
it off the loop.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import os
import threading
import unicodedata
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, Self, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from grokdesk.core.errors import Broken
from grokdesk.core.secret import Secret
from grokdesk.platform.ids import new_id
from grokdesk.platform.paths import APP, Paths, restrict, write_private

log = logging.getLogger(__name__)

T = TypeVar("T")

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32
_CHECK: Final = "GrokDesk"
_FORMAT: Final = 1

# How long a keyring may take. With a window a person may be typing the password of the keyring; without one
# nobody can, and some keyrings then wait for ever.
_PATIENCE_S: Final = 120.0
_PATIENCE_HEADLESS_S: Final = 5.0


class KeySource(StrEnum):
    """Where the master key of a data folder is."""

    KEYRING = "keyring"
    KEY_FILE = "key_file"
    PASSPHRASE = "passphrase"  # noqa: S105 - the name of a source


class NeedsChoice(Exception):
    """A person has to be asked; then `unlock` is called again with a passphrase or `allow_key_file`.

    `source` is None for a new data folder without a working keyring: passphrase or key file, as the person
    likes. It is PASSPHRASE when the folder has one, which is to be typed in.
    """

    def __init__(self, source: KeySource | None) -> None:
        super().__init__("the master key needs a decision of a person")
        self.source = source


class WrongPassphrase(Broken):
    """Not the passphrase this data folder was made with."""

    title = "The passphrase is not right"


class WrongTeamKey(Broken):
    """Not the team key this shared store was made with."""

    title = "The team key is not right"


class KeyringUnavailable(Broken):
    """The master key is in a keyring that is locked, absent or silent."""

    title = "The keyring cannot be opened"


class KeyLost(Broken):
    """The master key is not where it was, or is another one."""

    title = "The master key is missing"


class Ring(Protocol):
    """What a keyring does."""

    def get_password(self, service: str, username: str, /) -> str | None:
        """Return what was stored, or None."""
        ...

    def set_password(self, service: str, username: str, password: str, /) -> None:
        """Store it."""
        ...


class Vault:
    """Seals and opens texts with the master key. Safe to use from several threads."""

    def __init__(self, key: bytes, source: KeySource) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError("a master key has 32 bytes")
        self.source = source
        # One key for each purpose, so that neither use can tell anything about the other.
        self._cipher = AESGCM(hmac.digest(key, b"GrokDesk seal", "sha256"))
        self._fingerprint_key = hmac.digest(key, b"GrokDesk fingerprint", "sha256")

    def seal(self, text: str, *, table: str, row: str, column: str) -> bytes:
        """Return `text` sealed for one place: version byte, nonce of 12 bytes, output of AES-256-GCM."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, text.encode(), _place(table, row, column))

    def open(self, sealed: bytes, *, table: str, row: str, column: str) -> str:
        """Return the text that was sealed for this place. Raises `Broken` for anything else."""
        start = len(_VERSION) + _NONCE_BYTES
        if not sealed.startswith(_VERSION) or len(sealed) < start + _TAG_BYTES:
            raise _unopened(f"{table}.{column} row={row}: unknown form")
        try:
            text = self._cipher.decrypt(
                sealed[len(_VERSION) : start], sealed[start:], _place(table, row, column)
            )
        except InvalidTag as error:
            raise _unopened(f"{table}.{column} row={row}: does not belong here, or another key") from error
        return text.decode()

    def fingerprint(self, text: str) -> str:
        """Return 64 hex digits: the same for the same text, and meaningless without the master key."""
        return hmac.digest(self._fingerprint_key, text.encode(), "sha256").hex()


def _place(table: str, row: str, column: str) -> bytes:
    return f"{table}\0{row}\0{column}".encode()


def _unopened(detail: str) -> Broken:
    return Broken(
        "A stored secret cannot be opened: it was changed, moved, or sealed with another key.",
        hint="Restore the data folder from a backup, or enter the value again.",
        detail=detail,
    )


# --- the key ------------------------------------------------------------------------------------------------


def system_keyring() -> Ring | None:
    """Return the keyring of this system, or None when there is none that keeps secrets."""
    # Finding backends imports D-Bus, Cocoa or Win32 code; a folder with a key file never needs it.
    import keyring  # noqa: PLC0415
    from keyring.backends.chainer import ChainerBackend  # noqa: PLC0415

    ring = keyring.get_keyring()
    # A chain is as good as its first member. Below 1 are the ones keyring itself does not recommend: `fail`,
    # `null` and those that write passwords to plain files.
    backends = ring.backends if isinstance(ring, ChainerBackend) else [ring]
    if not backends or backends[0].priority < 1:
        log.info("no usable keyring backend=%s", type(ring).__module__)
        return None
    return ring


def no_keyring() -> Ring | None:
    """Return None: for a throw-away folder that must leave nothing behind in the person's keyring."""
    return None


def passphrase_from_environment(env: Mapping[str, str]) -> Secret | None:
    """Return the passphrase in `GROKDESK_PASSPHRASE` or in the file `GROKDESK_PASSPHRASE_FILE` names, if any.

    A line end at the end of the file does not count. Raises `Broken` for a file that cannot be read or is
    empty.
    """
    if direct := env.get("GROKDESK_PASSPHRASE"):
        return Secret(direct)
    name = env.get("GROKDESK_PASSPHRASE_FILE")
    if not name:
        return None
    try:
        text = Path(name).read_text("utf-8-sig").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Broken(
            "The file with the passphrase cannot be read.",
            hint="Check the path in GROKDESK_PASSPHRASE_FILE.",
            detail=f"{name}: {error}",
        ) from error
    if not text:
        raise Broken(
            "The file with the passphrase is empty.", hint="Check the path in GROKDESK_PASSPHRASE_FILE."
        )
    return Secret(text)


def unlock(
    paths: Paths,
    *,
    headless: bool,
    passphrase: Secret | None = None,
    allow_key_file: bool = False,
    keyring_backend: Callable[[], Ring | None] = system_keyring,
) -> Vault:
    """Return the vault of this data folder, making its master key on first use.

    A new folder uses the passphrase when one is given, else the keyring when it works, else a key file when
    nobody can be asked (`headless`) or somebody chose it (`allow_key_file`), else raises `NeedsChoice`. From
    then on the folder keeps its source: when that cannot be reached, this raises `NeedsChoice`,
    `WrongPassphrase`, `KeyringUnavailable` or `KeyLost`, and nothing on disk changes.
    """
    given = passphrase or None
    patience_s = _PATIENCE_HEADLESS_S if headless else _PATIENCE_S
    note = _read_note(paths.vault_file)
    if note is None:
        key, note = _first_key(paths, given, headless or allow_key_file, keyring_backend, patience_s)
        vault = Vault(key, note.source)
        _write(paths.vault_file, note.with_check(vault).text())
        log.info("master key made source=%s", note.source)
    else:
        key = _known_key(paths, note, given, headless, keyring_backend, patience_s)
        vault = Vault(key, note.source)
        note.verify(vault)
    if vault.source is KeySource.KEY_FILE:
        log.warning("master key is in a file, not in a keyring path=%s", paths.key_file)
    return vault


def _first_key(
    paths: Paths,
    passphrase: Secret | None,
    may_use_file: bool,  # noqa: FBT001 - private, and named at its one call
    keyring_backend: Callable[[], Ring | None],
    patience_s: float,
) -> tuple[bytes, _Note]:
    folder = new_id()
    if paths.key_file.exists():
        # A crash between the key file and vault.json, or a lost vault.json: the key is here, so nothing is
        # lost.
        return _key_from_file(paths.key_file), _Note(folder, KeySource.KEY_FILE)
    if paths.database.exists():
        raise KeyLost(
            "The data folder does not say where its master key is.",
            hint="Restore vault.json from a backup, or start with another data folder.",
            detail=str(paths.vault_file),
        )
    key = os.urandom(_KEY_BYTES)
    if passphrase is not None:
        salt = os.urandom(16)
        wrapped = _wrapping(passphrase, salt, COST).seal(_text(key), table="vault", row=folder, column="key")
        return key, _Note(folder, KeySource.PASSPHRASE, salt=_text(salt), wrapped=_text(wrapped), cost=COST)
    if _kept_by_keyring(keyring_backend, folder, key, patience_s):
        return key, _Note(folder, KeySource.KEYRING)
    if may_use_file:
        _write(paths.key_file, _text(key) + "\n")
        return key, _Note(folder, KeySource.KEY_FILE)
    raise NeedsChoice(None)


def _known_key(
    paths: Paths,
    note: _Note,
    passphrase: Secret | None,
    headless: bool,  # noqa: FBT001 - private, and named at its one call
    keyring_backend: Callable[[], Ring | None],
    patience_s: float,
) -> bytes:
    match note.source:
        case KeySource.KEYRING:
            return _key_from_keyring(keyring_backend, note.folder, patience_s)
        case KeySource.KEY_FILE:
            return _key_from_file(paths.key_file)
        case KeySource.PASSPHRASE:
            if passphrase is not None:
                return note.unwrap(passphrase)
            if not headless:
                raise NeedsChoice(KeySource.PASSPHRASE)
            raise Broken(
                "This data folder is protected by a passphrase, and none was given.",
                hint="Set GROKDESK_PASSPHRASE, or name a file that holds it in GROKDESK_PASSPHRASE_FILE.",
            )


# --- key file -----------------------------------------------------------------------------------------------


def _key_from_file(path: Path) -> bytes:
    try:
        key = _bytes(path.read_text("ascii").strip())
        if restrict(path):
            log.warning("key file could be read by others, rights taken away path=%s", path)
    except (OSError, ValueError) as error:
        raise KeyLost(
            "The key file of this data folder cannot be read.",
            hint="Restore master.key from a backup. Without it the stored accounts cannot be opened.",
            detail=f"{path}: {error}",
        ) from error
    if len(key) != _KEY_BYTES:
        raise KeyLost(
            "The key file of this data folder is damaged.",
            hint="Restore master.key from a backup. Without it the stored accounts cannot be opened.",
            detail=f"{path}: {len(key)} bytes",
        )
    return key


def _write(path: Path, text: str) -> None:
    try:
        write_private(path, text.encode())
    except OSError as error:
        raise Broken(
            "The master key of the data folder cannot be written.",
            hint="Check that the data folder can be written and the disk is not full.",
            detail=f"{path}: {error}",
        ) from error


# --- keyring ------------------------------------------------------------------------------------------------


class _NoAnswer(Exception):
    """The keyring failed or kept silent."""


def _kept_by_keyring(backend: Callable[[], Ring | None], folder: str, key: bytes, patience_s: float) -> bool:
    """Tell whether the keyring took `key` and gives it back. Only a round trip proves that it works."""

    def keep() -> bool:
        ring = backend()
        if ring is None:
            return False
        ring.set_password(APP, folder, _text(key))
        return ring.get_password(APP, folder) == _text(key)

    try:
        return _answer(keep, patience_s)
    except _NoAnswer as error:
        log.warning("keyring does not work reason=%s", error)
        return False


def _key_from_keyring(backend: Callable[[], Ring | None], folder: str, patience_s: float) -> bytes:
    def fetch() -> str | None:
        ring = backend()
        if ring is None:
            raise _NoAnswer("there is no usable keyring")
        return ring.get_password(APP, folder)

    try:
        text = _answer(fetch, patience_s)
    except _NoAnswer as error:
        raise KeyringUnavailable(
            "The master key is in the keyring of this system, and the keyring does not give it.",
            hint="Unlock the keyring, or sign in to the desktop, and try again. Nothing is lost.",
            detail=str(error),
        ) from error
    try:
        key = _bytes(text or "")
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise KeyLost(
            "The keyring has no entry for this data folder.",
            hint="Open the keyring GrokDesk was set up with, or restore its GrokDesk entry. Nothing is lost.",
            detail=f"service={APP} user={folder}",
        )
    return key


def _answer(question: Callable[[], T], patience_s: float) -> T:
    """Ask in a thread that can be left behind: a call into a keyring cannot be interrupted."""
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except Exception as error:  # noqa: BLE001 - each backend raises errors of its own library
            answer.set_exception(error)

    threading.Thread(target=ask, name="keyring", daemon=True).start()
    try:
        failure = answer.exception(timeout=patience_s)
    except TimeoutError as error:
        raise _NoAnswer(f"no answer within {patience_s:.0f} s") from error
    if failure is not None:
        raise _NoAnswer(f"{type(failure).__name__}: {failure}") from failure
    return answer.result()


# --- vault.json ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cost:
    """What a guess at a passphrase costs: 128 * n * r bytes of memory, p times."""

    n: int
    r: int
    p: int

    @classmethod
    def read(cls, members: Mapping[str, object]) -> Self:
        """The cost that a file or a store tells, bounded. Raises `ValueError`, `KeyError` or `TypeError`."""
        n, r, p = (int(str(members[name])) for name in ("n", "r", "p"))
        return cls(n=min(n, _MOST_N), r=min(r, _MOST_R), p=min(p, _MOST_P))


# 64 MB; one of the settings OWASP calls equal in its password storage cheat sheet.
COST: Final = Cost(n=2**16, r=8, p=2)
# A changed vault.json must not be able to take all memory.
_MOST_N: Final = 2**20
_MOST_R: Final = 32
_MOST_P: Final = 16


@dataclass(frozen=True, slots=True)
class _Note:
    """What `vault.json` says. `folder` names the data folder in the keyring and outlives moving it."""

    folder: str
    source: KeySource
    check: str = ""
    salt: str = ""
    wrapped: str = ""
    cost: Cost | None = None

    def with_check(self, vault: Vault) -> _Note:
        sealed = vault.seal(_CHECK, table="vault", row=self.folder, column="check")
        return replace(self, check=_text(sealed))

    def verify(self, vault: Vault) -> None:
        """Raise `KeyLost` when `vault` has another key than the one this data folder was made with."""
        try:
            vault.open(_bytes(self.check), table="vault", row=self.folder, column="check")
        except (Broken, ValueError) as error:
            raise KeyLost(
                "The master key does not belong to this data folder.",
                hint="Restore the key, or vault.json, from the same backup as the database.",
                detail=f"source={self.source} folder={self.folder}",
            ) from error

    def unwrap(self, passphrase: Secret) -> bytes:
        try:
            vault = _wrapping(passphrase, _bytes(self.salt), self.cost or COST)
            return _bytes(vault.open(_bytes(self.wrapped), table="vault", row=self.folder, column="key"))
        except (Broken, ValueError) as error:
            raise WrongPassphrase(
                "This is not the passphrase the data folder was made with.",
                hint="Try again. There is no way to recover a forgotten passphrase.",
            ) from error

    def text(self) -> str:
        members = {"format": _FORMAT, **asdict(self)}
        return json.dumps({name: value for name, value in members.items() if value}, indent=2) + "\n"


def _read_note(path: Path) -> _Note | None:
    try:
        members = json.loads(path.read_text("utf-8"))
        if members["format"] != _FORMAT:
            raise Broken(
                "The data folder was made by a newer GrokDesk.",
                hint="Update GrokDesk, or use another data folder.",
                detail=f"{path}: format {members['format']!r}",
            )
        cost = members.get("cost")
        return _Note(
            folder=str(members["folder"]),
            source=KeySource(members["source"]),
            check=str(members["check"]),
            salt=str(members.get("salt", "")),
            wrapped=str(members.get("wrapped", "")),
            cost=Cost.read(cost) if cost else None,
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeyLost(
            "vault.json in the data folder cannot be read; it says where the master key is.",
            hint="Restore vault.json from a backup.",
            detail=f"{path}: {error}",
        ) from error


# --- team key -----------------------------------------------------------------------------------------------

# A store holds one note, so its check value has one place.
_TEAM: Final = "team"


def new_team_note(team_key: Secret, cost: Cost = COST) -> str:
    """Return what a new shared store keeps about its team key: salt, cost and a check value, as JSON."""
    salt = os.urandom(16)
    check = _wrapping(team_key, salt, cost).seal(_CHECK, table="facts", row=_TEAM, column="check")
    return json.dumps({"format": _FORMAT, "salt": _text(salt), "cost": asdict(cost), "check": _text(check)})


def team_vault(team_key: Secret, note: str) -> Vault:
    """Return the vault of a shared store, which every gateway that knows `team_key` can make.

    Raises `WrongTeamKey`, or `KeyLost` for a note that cannot be read.
    """
    try:
        members = json.loads(note)
        if members["format"] != _FORMAT:
            raise Broken(
                "The shared store was made by a newer GrokDesk.",
                hint="Update GrokDesk. Nothing was changed.",
                detail=f"team key: format {members['format']!r}",
            )
        salt, check = _bytes(members["salt"]), _bytes(members["check"])
        vault = _wrapping(team_key, salt, Cost.read(members["cost"]))
    except (ValueError, KeyError, TypeError) as error:
        raise KeyLost(
            "What the shared store says about its team key cannot be read.",
            hint="Restore the store from a backup.",
            detail=f"{type(error).__name__}: {error}",
        ) from error
    try:
        vault.open(check, table="facts", row=_TEAM, column="check")
    except Broken as error:
        raise WrongTeamKey(
            "This is not the team key the shared store was made with.",
            hint="Set storage.team_key to the one the other gateways use. Nothing was changed.",
        ) from error
    return vault


def _wrapping(passphrase: Secret, salt: bytes, cost: Cost) -> Vault:
    """The vault whose key is made from a passphrase."""
    # The same letters can be typed in several ways; NFC makes a passphrase portable between systems.
    text = unicodedata.normalize("NFC", passphrase.reveal())
    key = Scrypt(salt=salt, length=_KEY_BYTES, n=cost.n, r=cost.r, p=cost.p).derive(text.encode())
    return Vault(key, KeySource.PASSPHRASE)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _bytes(text: str) -> bytes:
    """The opposite of `_text`. Raises `ValueError`."""
    return base64.b64decode(text, validate=True)
