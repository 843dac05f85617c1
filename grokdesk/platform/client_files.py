"""Settings files of other programs: where they are, what we wrote into them, and the way back.

What was written, what stood there before and copies of the files lie sealed in our data folder, because other
people's secrets may be among them. Everything here reads or writes files: call it off the loop.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import re
import shutil
import stat
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from grokdesk.core import client_setups, file_edits
from grokdesk.core.client_setups import BY_ID, CLIENTS, Client, FileKind, Values
from grokdesk.core.errors import Broken, NotFound
from grokdesk.core.file_edits import DiffLine, Edited, Unsafe, Written
from grokdesk.core.jsonc import BadText, InTheWay, Json, Missing
from grokdesk.platform.paths import OWNER_ONLY, private_file, write_private
from grokdesk.platform.secrets import Vault

log = logging.getLogger(__name__)

_MOST_BYTES: Final = 1 << 20
_KEPT_COPIES: Final = 10
_TABLE: Final = "client_setups"
_RECORD: Final = "record"
_BOM: Final = b"\xef\xbb\xbf"
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")


class CannotSetUp(Broken):
    """A settings file of another program that we leave alone, and why."""

    title = "The file was left alone"


class SetupState(StrEnum):
    """What became of a setup.

    CHANGED: somebody has changed or removed what we wrote. LOST: the file is gone or cannot be read.
    """

    NONE = "none"
    DONE = "done"
    CHANGED = "changed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a program on this computer. `is_here` is None when that cannot be told.

    `file` is its settings file, there or not. `values` is what we wrote, by place, and `at` when that was, in
    Unix seconds; `has_copy` says that there was a file before.
    """

    is_here: bool | None = None
    version: str = ""
    file: Path | None = None
    state: SetupState = SetupState.NONE
    at: float = 0.0
    has_copy: bool = False
    values: Mapping[client_setups.Path, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A change of one file, not yet made.

    `target` is where the file really is; `is_new` says that there is none yet. `beside` names values of the
    file that would work against ours.
    """

    client: Client
    path: Path
    target: Path
    is_new: bool
    before: str
    edited: Edited
    data: bytes
    beside: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything would be different."""
        return self.edited.text != self.before

    def diff(self, hide: Callable[[str], str]) -> list[DiffLine]:
        """Compare the file as it is with what it would be."""
        return file_edits.diff(self.before, self.edited.text, hide)


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did. `left` are the places that somebody has changed since, which stay as they are."""

    path: Path
    deleted: bool
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Setup:
    """What we remember. `exact`: the file with `digest` may be replaced by the copy made before."""

    client: str
    at: float
    path: str
    existed: bool
    mode: int | None
    copy: str
    exact: bool
    digest: str
    made_folder: str
    written: tuple[Written, ...]
    made: tuple[client_setups.Path, ...]


class ClientFiles:
    """The settings files in one home folder. Safe to use from several threads.

    `data` is our own folder. `environment` may move files, as programs allow it, and holds the PATH.
    """

    def __init__(
        self,
        home: Path,
        data: Path,
        vault: Vault,
        now: Callable[[], float],
        environment: Mapping[str, str],
        system: str = sys.platform,
    ) -> None:
        self.home = home
        self._record = data / "client-setups.sealed"
        self._copies = data / "client-files"
        self._vault = vault
        self._now = now
        self._environment = environment
        self._system = system
        self._turn = threading.Lock()

    # -- looking

    def look(self) -> dict[str, Found]:
        """What is known of every program, by its id."""
        with self._turn:
            setups = self._setups()
        return {client.id: self._look(client, setups.get(client.id)) for client in CLIENTS}

    def _look(self, client: Client, setup: _Setup | None) -> Found:
        is_here, version = self._presence(client)
        path = self.path_of(client)
        if setup is None:
            return Found(is_here, version, path)
        values = {one.path: one.value for one in setup.written}
        found = Found(is_here, version, Path(setup.path), SetupState.DONE, setup.at, bool(setup.copy), values)
        assert client.file is not None
        try:
            text = _decoded(_read(Path(setup.path))[1], Path(setup.path))
            same = all(
                file_edits.value_at(client.file, text, one.path, entry=one.entry) == one.value
                for one in setup.written
            )
        except (CannotSetUp, BadText, InTheWay):
            return replace(found, state=SetupState.LOST)
        return (
            found if same and text else replace(found, state=SetupState.CHANGED if text else SetupState.LOST)
        )

    def path_of(self, client: Client) -> Path | None:
        """Where the settings file of a program is, whether it exists or not."""
        home = self.home
        match client.id:
            case "claude-code":
                return self._folder("CLAUDE_CONFIG_DIR", home / ".claude") / "settings.json"
            case "codex":
                return self._folder("CODEX_HOME", home / ".codex") / "config.toml"
            case "aider":
                return home / ".aider.conf.yml"
            case "continue":
                return self._folder("CONTINUE_GLOBAL_DIR", home / ".continue") / "config.yaml"
            case "zed":
                if self._system == "win32":
                    return self._folder("APPDATA", home / "AppData" / "Roaming") / "Zed" / "settings.json"
                if self._system == "darwin":
                    return home / ".config" / "zed" / "settings.json"
                return self._folder("XDG_CONFIG_HOME", home / ".config") / "zed" / "settings.json"
            case _:
                return None

    def _folder(self, variable: str, usual: Path) -> Path:
        named = self._environment.get(variable, "")
        return Path(named) if named and Path(named).is_absolute() else usual

    def _presence(self, client: Client) -> tuple[bool | None, str]:
        home = self.home
        extensions = [home / one / "extensions" for one in (".vscode", ".cursor", ".vscode-oss", ".windsurf")]
        match client.id:
            case "claude-code":
                return self._command("claude", home / ".claude" / "settings.json")
            case "codex":
                return self._command("codex", home / ".codex" / "config.toml")
            case "aider":
                return self._command("aider", home / ".aider.conf.yml")
            case "cline":
                return _extension(extensions, "saoudrizwan.claude-dev-")
            case "continue":
                is_here, version = _extension(extensions, "continue.continue-")
                return is_here or (home / ".continue").is_dir(), version
            case "cursor":
                return self._command("cursor", home / ".cursor", *self._apps("Cursor.app"))
            case "zed":
                is_here, version = self._command("zed", *self._apps("Zed.app"))
                return is_here or self._command("zeditor", self.path_of(client) or home / ".none")[0], version
            case "jetbrains":
                folders = (
                    home / ".config" / "JetBrains",
                    home / "Library" / "Application Support" / "JetBrains",
                    self._folder("APPDATA", home / "AppData" / "Roaming") / "JetBrains",
                )
                return any(folder.is_dir() for folder in folders), ""
            case "open-webui":
                # Mostly it runs in a container, so that not finding it says nothing.
                return self._command("open-webui")[0] or None, ""
            case _:
                return None, ""

    def _apps(self, name: str) -> list[Path]:
        if self._system != "darwin":
            return []
        return [self.home / "Applications" / name, Path("/Applications") / name]

    def _command(self, name: str, *signs: Path) -> tuple[bool, str]:
        """Whether a command, or a file that tells of it, can be found; and its version if a path says it."""
        folders = [
            *self._environment.get("PATH", "").split(os.pathsep),
            str(self.home / ".local" / "bin"),
            str(self.home / ".npm-global" / "bin"),
            str(self.home / "bin"),
        ]
        if self._system == "darwin" and self._environment.get("PATH"):
            # Programs started from the dock do not get the PATH of the shell.
            folders += ["/opt/homebrew/bin", "/usr/local/bin"]
        found = shutil.which(name, path=os.pathsep.join(one for one in folders if one))
        if found is not None:
            return True, _version_of(Path(found))
        return any(sign.exists() for sign in signs), ""

    # -- changing

    def plan(self, client: Client, values: Values) -> Plan:
        """Say what a setup would do. Raises `CannotSetUp` with the reason to leave the file alone."""
        with self._turn:
            return self._plan(client, values)

    def apply(self, client: Client, values: Values, seen: Plan) -> Plan:
        """Set a program up as `seen` has shown it, but with `values`, in which there may be another key.

        Raises `CannotSetUp`, also when the file is not the one any more that was shown.
        """
        with self._turn:
            plan = self._plan(client, values)
            if plan.data != seen.data or plan.is_new != seen.is_new:
                raise CannotSetUp(
                    f"{plan.path.name} was changed meanwhile.", hint="Look at the preview again."
                )
            self._apply(plan)
            return plan

    def undo(self, client: Client) -> Undone:
        """Take out what we wrote, and nothing else. Raises `NotFound` and `CannotSetUp`."""
        with self._turn:
            setups = self._setups()
            setup = setups.get(client.id)
            if setup is None:
                raise NotFound(f"{client.name} is not set up by GrokDesk.")
            undone = self._undo(client, setup)
            del setups[client.id]
            self._keep(setups)
            return undone

    def copy_of(self, client: Client) -> tuple[str, bytes]:
        """The name and the content of a program's file as it was before the setup. Raises `NotFound`."""
        with self._turn:
            setup = self._setups().get(client.id)
            if setup is None or not setup.copy:
                raise NotFound("There is no copy: the file did not exist before.")
            sealed = self._copies / setup.copy
            try:
                text = self._vault.open(sealed.read_bytes(), table=_TABLE, row=setup.copy, column="copy")
            except OSError as error:
                raise NotFound("The copy is gone.", detail=str(error)) from error
            return Path(setup.path).name, base64.b64decode(text)

    # -- inside

    def _plan(self, client: Client, values: Values) -> Plan:
        path = self.path_of(client)
        if path is None or client.file is None:
            raise NotFound(f"{client.name} has no settings file that can be changed.")
        target, data, mode = _read_target(path)
        _check_writable(path, target, mode)
        text = _decoded(data, path)
        setup = self._setups().get(client.id)
        earlier = setup.written if setup is not None and setup.path == str(path) else ()
        try:
            blank = file_edits.is_blank(client.file, text)
            puts = client_setups.puts(client, values, blank=blank)
            edited = file_edits.edited(client.file, text, puts, earlier)
        except BadText as error:
            raise CannotSetUp(
                f"{path.name}, line {error.line}: {error.what}.",
                hint="Correct the file, or copy the values by hand. It was not changed.",
                detail=str(path),
            ) from error
        except InTheWay as error:
            raise CannotSetUp(
                f"{path.name}, line {error.line}: '{error.name}' is written in a way that GrokDesk "
                f"does not change.",
                hint="Copy the values by hand. The file was not changed.",
                detail=str(path),
            ) from error
        except Unsafe as error:
            raise CannotSetUp(
                f"{path.name} is written in a way that GrokDesk cannot change safely.",
                hint="Copy the values by hand. The file was not changed.",
                detail=str(path),
            ) from error
        return Plan(client, path, target, mode is None, text, edited, data, _beside(client, text))

    def _apply(self, plan: Plan) -> None:
        client, path, target = plan.client, plan.path, plan.target
        setups = self._setups()
        prior = setups.get(client.id)
        if prior is not None and prior.path != str(path):
            prior = None
        _, data, mode = _read_target(path)
        whole = prior is None or (prior.exact and prior.digest == _digest(data))
        copied = (
            prior.copy
            if prior is not None and prior.digest == _digest(data)
            else self._copy(client, path, data)
        )
        wanted = OWNER_ONLY if mode is None else mode
        if client_setups.holds_key(client) and mode is not None:
            wanted = mode & 0o700
        content = (_BOM if data.startswith(_BOM) else b"") + plan.edited.text.encode()
        folder = _missing_folder(target)
        made = tuple(dict.fromkeys((*(prior.made if prior else ()), *plan.edited.made)))
        setups[client.id] = _Setup(
            client=client.id,
            at=self._now(),
            path=str(path),
            existed=prior.existed if prior is not None else mode is not None,
            mode=prior.mode if prior is not None else mode,
            copy=copied,
            exact=whole,
            digest=_digest(content),
            made_folder=prior.made_folder if prior is not None else str(folder or ""),
            written=plan.edited.written,
            made=made,
        )
        # First what lets it be undone: a crash in between leaves a record of values that are not there, which
        # an undo passes over.
        self._keep(setups)
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(target, content, wanted)
        except OSError as error:
            self._keep({**setups, client.id: prior} if prior is not None else _without(setups, client.id))
            raise CannotSetUp(
                f"{path.name} cannot be written.",
                hint="Check the rights of the file and that the disk is not full. It was not changed.",
                detail=f"{target}: {error}",
            ) from error
        log.info("client set up client=%s file=%s", client.id, path)

    def _undo(self, client: Client, setup: _Setup) -> Undone:
        assert client.file is not None
        path = Path(setup.path)
        target, data, mode = _read_target(path)
        if mode is None:
            return Undone(path, deleted=False, left=())
        left: list[client_setups.Path] = []
        restored = self._exactly(setup, data)
        if restored is None:
            text = _decoded(data, path)
            try:
                text, left = file_edits.undone(client.file, text, setup.written, setup.made)
                gone = (
                    not setup.existed
                    and file_edits.is_blank(client.file, text)
                    and "#" not in text
                    and "/" not in text
                )
            except BadText as error:
                raise CannotSetUp(
                    f"{path.name}, line {error.line}: {error.what}.",
                    hint="Correct the file, then undo again. It was not changed.",
                    detail=str(path),
                ) from error
            restored = b"" if gone else (_BOM if data.startswith(_BOM) else b"") + text.encode()
        else:
            gone = not setup.existed
        try:
            if gone:
                target.unlink()
                _remove_folders(target.parent, setup.made_folder)
            elif restored != data:
                _check_writable(path, target, mode)
                # With something of ours left in it the file stays as narrow as the setup has made it.
                _write(target, restored, mode if left or setup.mode is None else setup.mode)
        except OSError as error:
            raise CannotSetUp(
                f"{path.name} cannot be written.",
                hint="Check the rights of the file. It was not changed.",
                detail=f"{target}: {error}",
            ) from error
        log.info("client setup undone client=%s file=%s left=%d", client.id, path, len(left))
        return Undone(path, gone, tuple(".".join(one) for one in left))

    def _exactly(self, setup: _Setup, data: bytes) -> bytes | None:
        """The file as it was, byte for byte, if nobody has touched it since."""
        if not setup.exact or setup.digest != _digest(data):
            return None
        if not setup.existed:
            return b""
        try:
            sealed = (self._copies / setup.copy).read_bytes()
            text = self._vault.open(sealed, table=_TABLE, row=setup.copy, column="copy")
        except (OSError, Broken):
            return None
        return base64.b64decode(text)

    def _copy(self, client: Client, path: Path, data: bytes) -> str:
        """Put a copy of the file aside; returns its name, or nothing when there is no file."""
        if not data and not path.exists():
            return ""
        moment = datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H-%M-%S-%f")
        name = f"{client.id}-{moment}.sealed"
        try:
            self._copies.mkdir(mode=0o700, exist_ok=True)
            text = base64.b64encode(data).decode("ascii")
            write_private(self._copies / name, self._vault.seal(text, table=_TABLE, row=name, column="copy"))
            for old in sorted(self._copies.glob(f"{client.id}-????-*.sealed"))[:-_KEPT_COPIES]:
                old.unlink()
        except OSError as error:
            raise CannotSetUp(
                "No copy of the file could be made, so it was left alone.",
                hint="Check that the data folder can be written and the disk is not full.",
                detail=f"{self._copies}: {error}",
            ) from error
        return name

    def _setups(self) -> dict[str, _Setup]:
        try:
            sealed = self._record.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise CannotSetUp(
                "What GrokDesk wrote into other programs' files cannot be read.",
                hint="Check the rights of the data folder.",
                detail=str(error),
            ) from error
        try:
            rows = json.loads(self._vault.open(sealed, table=_TABLE, row=_RECORD, column="content"))
            return {row["client"]: _setup_from(row) for row in rows if row["client"] in BY_ID}
        except (Broken, ValueError, KeyError, TypeError) as error:
            log.warning("setups cannot be opened reason=%s", type(error).__name__)
            return {}

    def _keep(self, setups: Mapping[str, _Setup]) -> None:
        text = json.dumps([asdict(one) for one in setups.values()])
        try:
            write_private(self._record, self._vault.seal(text, table=_TABLE, row=_RECORD, column="content"))
        except OSError as error:
            raise CannotSetUp(
                "The data folder cannot be written.",
                hint="Check its rights and that the disk is not full. No file was changed.",
                detail=str(error),
            ) from error


def _without(setups: Mapping[str, _Setup], client_id: str) -> dict[str, _Setup]:
    return {one: setup for one, setup in setups.items() if one != client_id}


def _setup_from(row: dict[str, Any]) -> _Setup:  # members of any type, as they were written
    written = tuple(
        Written(tuple(one["path"]), one["value"], one["entry"], one["before"]) for one in row.pop("written")
    )
    made = tuple(tuple(path) for path in row.pop("made"))
    return _Setup(**row, written=written, made=made)


def home_of(environment: Mapping[str, str], system: str = sys.platform) -> Path | None:
    """The owner's home folder, as the environment tells it; None when it does not."""
    named = environment.get("USERPROFILE" if system == "win32" else "HOME", "")
    return Path(named) if named and Path(named).is_absolute() else None


# --- files --------------------------------------------------------------------------------------------------


def _read(path: Path) -> tuple[Path, bytes]:
    target, data, _ = _read_target(path)
    return target, data


def _read_target(path: Path) -> tuple[Path, bytes, int | None]:
    """Where a file really is, its content, and its rights; None for rights when there is no file."""
    try:
        target = path.resolve()
        try:
            found = target.stat()
        except FileNotFoundError:
            return target, b"", None
        if not stat.S_ISREG(found.st_mode):
            raise CannotSetUp(
                f"{path.name} is not a file.", hint="Copy the values by hand.", detail=str(target)
            )
        if found.st_size > _MOST_BYTES:
            raise CannotSetUp(
                f"{path.name} is larger than 1 MB, which no settings file is.",
                hint="Copy the values by hand. The file was not changed.",
                detail=str(target),
            )
        return target, target.read_bytes(), stat.S_IMODE(found.st_mode)
    except (OSError, RuntimeError) as error:
        raise CannotSetUp(
            f"{path.name} cannot be read.",
            hint="Check the rights of the file and of its folder.",
            detail=f"{path}: {error}",
        ) from error


def _decoded(data: bytes, path: Path) -> str:
    try:
        return data.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CannotSetUp(
            f"{path.name}, line {line}: this is not UTF-8 text.",
            hint="Copy the values by hand. The file was not changed.",
            detail=str(path),
        ) from error


def _check_writable(path: Path, target: Path, mode: int | None) -> None:
    """Raise `CannotSetUp` for a file that its owner, or whoever made it, wants to stay as it is."""
    folder = target.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if (mode is not None and not mode & 0o222) or (mode is not None and not os.access(target, os.W_OK)):
        raise CannotSetUp(
            f"{path.name} is read-only.",
            hint="Make it writable, or change it where it is made. It was not changed.",
            detail=str(target),
        )
    if not os.access(folder, os.W_OK):
        raise CannotSetUp(
            f"The folder of {path.name} cannot be written.",
            hint="Check the rights of the folder.",
            detail=str(folder),
        )


def _write(target: Path, content: bytes, mode: int) -> None:
    with private_file(target) as file:
        file.write(content)
        if os.name == "posix":
            os.fchmod(file.fileno(), mode)


def _missing_folder(target: Path) -> Path | None:
    """The outermost folder that has to be made for a file."""
    missing = [place for place in target.parents if not place.exists()]
    return missing[-1] if missing else None


def _remove_folders(folder: Path, outermost: str) -> None:
    """Remove folders that we made, as long as they are empty."""
    while outermost and str(folder).startswith(outermost):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _beside(client: Client, text: str) -> tuple[str, ...]:
    """What in a file would be sent, or asked for, in the place of what we write."""
    if client.id != "claude-code" or not text.strip():
        return ()
    places: Sequence[client_setups.Path] = (("env", "ANTHROPIC_API_KEY"), ("apiKeyHelper",))
    return tuple(
        place[-1]
        for place in places
        if not isinstance(file_edits.value_at(FileKind.JSON, text, place), Missing)
    )


# --- what is installed --------------------------------------------------------------------------------------


def _version_of(command: Path) -> str:
    """The version that the place of a command tells; it is not run."""
    try:
        place = command.resolve()
        if _VERSION.fullmatch(place.name):
            return place.name
        for folder in list(place.parents)[:4]:
            file = folder / "package.json"
            if file.is_file() and file.stat().st_size <= _MOST_BYTES:
                found = json.loads(file.read_text("utf-8")).get("version", "")
                return found if isinstance(found, str) and _VERSION.fullmatch(found) else ""
    except (OSError, ValueError, RuntimeError, AttributeError):
        return ""
    return ""


def _extension(folders: Sequence[Path], beginning: str) -> tuple[bool, str]:
    """Whether an extension of an editor is there, and its version."""
    names: list[str] = []
    for folder in folders:
        try:
            names += [one.name for one in folder.iterdir() if one.name.startswith(beginning)]
        except OSError:
            continue
    versions = [
        found.group() for name in names if (found := re.match(r"\d+(?:\.\d+)+", name[len(beginning) :]))
    ]
    versions.sort(key=lambda one: [int(part) for part in one.split(".")])
    return bool(names), versions[-1] if versions else ""
