"""The owner's settings as a TOML file, beside environment and command line. The only import of tomlkit.

The file holds only what differs from the defaults of `core.settings`. Later wins: defaults, file, environment
(`GROKDESK__SECTION__KEY`, decision 3b), command line. Everything here reads or writes files: call it off
the loop.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_origin

from annotated_types import Ge, Le, MaxLen
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from grokdesk.core.errors import Broken
from grokdesk.core.settings import Section, Settings
from grokdesk.platform.paths import write_private

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

    from grokdesk.platform.secrets import Vault

log = logging.getLogger(__name__)

_PREFIX: Final = "GROKDESK__"
_SEALED: Final = "sealed:"
_COMMAND_LINE: Final = "the command line"
_SHARED_NAME: Final = "the file"
_SHARED_HEAD: Final = "Settings of GrokDesk that differ from their defaults."
_HINT: Final = "Correct it; until then the settings from before are used."


class InvalidSettings(Broken):
    """A settings file, variable or new value that cannot be used. `line` counts from 1, if in the file."""

    title = "The settings cannot be used"

    def __init__(self, message: str, *, line: int | None = None, hint: str = _HINT, detail: str = "") -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.line = line


def _sections() -> Iterator[tuple[str, type[Section]]]:
    for name, field in Settings.model_fields.items():
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, Section)
        yield name, field.annotation


_FIELDS: Final[Mapping[str, FieldInfo]] = {
    f"{section}.{key}": field for section, model in _sections() for key, field in model.model_fields.items()
}


def _is_secret(dotted: str) -> bool:
    extra = _FIELDS[dotted].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("secret"))


def _is_list(dotted: str) -> bool:
    return get_origin(_FIELDS[dotted].annotation) is tuple


class SettingsFile:
    """One settings file. Sensitive settings are sealed in it as soon as there is a `vault`.

    Until then what is sealed stays at its default: give the vault and `load` again. `current` are the last
    good settings; a file that cannot be used leaves them as they are, and `refused` says why until it can.
    `notes` says what the last `load` ignored. `outside` names the settings that environment or command line
    decide, and where: changing them in the file has no effect.
    """

    def __init__(self, path: Path, *, vault: Vault | None = None) -> None:
        self.path = path
        self.vault = vault
        self.current = Settings()
        self.notes: tuple[str, ...] = ()
        self.refused: Broken | None = None
        self.outside: Mapping[str, str] = {}
        self._outside_values: Mapping[str, object] = {}
        self._stamp: tuple[int, int] | None = None

    def load(
        self, env: Mapping[str, str] | None = None, overrides: Mapping[str, object] | None = None
    ) -> Settings:
        """Read the file and return what holds now.

        None means environment and command line as at the last time. `overrides` maps names such as
        `gateway.port` to values. Raises `InvalidSettings` naming the line, the variable or the name, and
        `Broken` for a file that cannot be read.
        """
        notes: list[str] = []
        if env is not None or overrides is not None:
            alone = self._take_outside(env or {}, overrides or {}, notes)
            if self._stamp is None:
                self.current = alone
        self._stamp = self._stat()
        try:
            text = self._text()
            current = self._build(text, self._values(text, notes))
        except Broken as error:
            self.refused = error
            raise
        self.refused = None
        self.notes = tuple(notes)
        for note in notes:
            log.warning("setting ignored: %s", note)
        self._seal_what_is_clear(text)
        self.current = current
        return current

    def save(self, changes: Mapping[str, object]) -> Settings:
        """Write `changes`, by names such as `gateway.port`, and return what holds now.

        Comments and order stay. A value that equals the default is taken out of the file. Nothing is
        written when the result would not be valid, or the file as it is cannot be used: then this raises
        `InvalidSettings`.
        """
        text = self._text()
        values = self._values(text, [])
        wanted = {_known(name): _plain(value) for name, value in changes.items()}
        # First by itself: a value that the environment overrules today must be valid as well.
        alone = _validated(values | wanted, self._explain(text, wanted))
        current = self._build(text, values | wanted, new=wanted)
        document = _document(text)
        for name in wanted:
            section, key = name.split(".")
            value = _plain(getattr(getattr(alone, section), key))
            if value == _plain(_FIELDS[name].default):
                _take_out(document, section, key)
            else:
                _put(document, section, key, self._sealed(name, value) if _is_secret(name) else value)
        self._write(document.as_string())
        self.refused = None
        self.current = current
        return current

    def reset(self, names: Iterable[str]) -> Settings:
        """Put settings back to their defaults."""
        return self.save({name: _FIELDS[_known(name)].default for name in names})

    def changed_on_disk(self) -> bool:
        """Whether somebody else wrote the file since the last `load` or `save`."""
        return self._stat() != self._stamp

    # --- reading --------------------------------------------------------------------------------------------

    def _stat(self) -> tuple[int, int] | None:
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size

    def _text(self) -> str:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise Broken(
                f"{self.path.name} cannot be read.",
                hint="Check the rights of the file.",
                detail=f"{self.path}: {error}",
            ) from error
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self._invalid(
                data.count(b"\n", 0, error.start) + 1, "this is not UTF-8 text; save the file as UTF-8"
            ) from error

    def _values(self, text: str, notes: list[str]) -> dict[str, object]:
        """The settings of the file by name, opened, still unchecked."""
        try:
            sections = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            what, line = _syntax_error(error, text)
            raise self._invalid(line, what) from error
        values: dict[str, object] = {}
        models = dict(_sections())
        for section, members in sections.items():
            if section not in models:
                notes.append(self._at(text, section, f"'{section}' is not a section and was ignored"))
            elif not isinstance(members, dict):
                raise self._invalid(_line_of(text, section), f"'{section}' is a section: write [{section}]")
            else:
                for key, value in members.items():
                    name = f"{section}.{key}"
                    if name in _FIELDS:
                        values[name] = value
                    else:
                        notes.append(self._at(text, name, f"'{name}' is not a setting and was ignored"))
        return self._opened(values, text)

    def _opened(self, values: dict[str, object], text: str) -> dict[str, object]:
        opened: dict[str, object] = {}
        for name, value in values.items():
            if not _is_secret(name) or not _any_text(value, lambda one: one.startswith(_SEALED)):
                opened[name] = value
            elif self.vault is not None:
                try:
                    opened[name] = _each_text(value, partial(self._open, name))
                except (Broken, ValueError) as error:
                    raise self._invalid(
                        _line_of(text, name),
                        f"{name} was sealed with another key; enter it again",
                        detail=str(error),
                    ) from error
        return opened

    def _take_outside(
        self, env: Mapping[str, str], overrides: Mapping[str, object], notes: list[str]
    ) -> Settings:
        where: dict[str, str] = {}
        values: dict[str, object] = {}
        for variable, text in env.items():
            if not variable.upper().startswith(_PREFIX):
                continue
            name = variable[len(_PREFIX) :].lower().replace("__", ".")
            if name not in _FIELDS:
                notes.append(f"{variable} is not a setting and was ignored")
                continue
            where[name] = variable
            values[name] = _list_from(variable, text) if _is_list(name) else text
        for name, value in overrides.items():
            where[_known(name)] = _COMMAND_LINE
            values[name] = _plain(value)
        # Taken over only when it holds by itself, so that a bad variable does not spoil every later `load`.
        alone = _validated(values, lambda name: (where.get(name, ""), None))
        self.outside, self._outside_values = where, values
        return alone

    def _build(
        self,
        text: str,
        values: Mapping[str, object],
        new: Mapping[str, object] = {},
    ) -> Settings:
        return _validated({**values, **self._outside_values}, self._explain(text, new))

    # --- errors ---------------------------------------------------------------------------------------------

    def _explain(self, text: str, new: Mapping[str, object]) -> Callable[[str], tuple[str, int | None]]:
        """Where a setting got its value: the words for it, and the line when that is in the file."""

        def where(name: str) -> tuple[str, int | None]:
            if name in new:
                return "", None
            if name in self.outside:
                return self.outside[name], None
            line = _line_of(text, name)
            return self._place(line), line

        return where

    def _place(self, line: int | None) -> str:
        return self.path.name if line is None else f"{self.path.name}, line {line}"

    def _at(self, text: str, name: str, what: str) -> str:
        return f"{self._place(_line_of(text, name))}: {what}"

    def _invalid(self, line: int | None, what: str, detail: str = "") -> InvalidSettings:
        return InvalidSettings(f"{self._place(line)}: {what}", line=line, detail=f"{self.path}: {detail}")

    # --- writing --------------------------------------------------------------------------------------------

    def _seal_what_is_clear(self, text: str) -> None:
        """Seal what the owner wrote by hand, so that no secret lies in clear in the data folder."""
        if self.vault is None:
            return
        sections = tomllib.loads(text)
        clear = [
            (name, value)
            for name in _FIELDS
            if _is_secret(name)
            and (value := sections.get(name.split(".")[0], {}).get(name.split(".")[1])) is not None
            and _any_text(value, lambda one: bool(one) and not one.startswith(_SEALED))
        ]
        if not clear:
            return
        document = _document(text)
        for name, value in clear:
            section, key = name.split(".")
            _put(document, section, key, self._sealed(name, value))
        try:
            self._write(document.as_string())
        except Broken as error:
            log.warning(
                "settings stay in clear names=%s reason=%s", [name for name, _ in clear], error.detail
            )
            return
        log.info("settings sealed names=%s", [name for name, _ in clear])

    def _sealed(self, name: str, value: object) -> object:
        vault = self.vault
        if vault is None:
            raise Broken(
                f"{name} cannot be saved before the master key is there.",
                hint="Unlock the keyring, or enter the passphrase.",
            )
        section, key = name.split(".")

        def seal(text: str) -> str:
            if text.startswith(_SEALED):
                return text
            sealed = vault.seal(text, table="settings", row=section, column=key)
            return _SEALED + base64.b64encode(sealed).decode("ascii")

        return _each_text(value, seal)

    def _open(self, name: str, text: str) -> str:
        assert self.vault is not None
        if not text.startswith(_SEALED):
            return text
        section, key = name.split(".")
        sealed = base64.b64decode(text.removeprefix(_SEALED), validate=True)
        return self.vault.open(sealed, table="settings", row=section, column=key)

    def _write(self, text: str) -> None:
        try:
            write_private(self.path, text.encode())
        except OSError as error:
            raise Broken(
                "The settings cannot be written.",
                hint="Check that the folder of the settings can be written and the disk is not full.",
                detail=f"{self.path}: {error}",
            ) from error
        self._stamp = self._stat()


# --- taking settings elsewhere ------------------------------------------------------------------------------


def settings_toml(values: Mapping[str, object]) -> str:
    """Return settings, by names such as `gateway.port`, as a TOML text. Secrets among them are in clear."""
    document = _document(_comment_text(_SHARED_HEAD))
    for name, value in values.items():
        section, key = _known(name).split(".")
        _put(document, section, key, _plain(value))
    return document.as_string()


def read_settings_toml(data: bytes) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return the settings in a TOML text by name, unchecked, and what in it was left out.

    What is sealed can be opened only where it was sealed, and is left out. Raises `InvalidSettings` naming
    the line of a text that is not TOML.
    """
    file = SettingsFile(Path(_SHARED_NAME))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidSettings("This file is not text.", hint="Choose a TOML file.") from error
    notes: list[str] = []
    try:
        values = file._values(text, notes)  # noqa: SLF001 - the same reading, of this file
    except InvalidSettings as error:
        raise InvalidSettings(error.message, line=error.line, hint="Correct the file.") from error
    sections = tomllib.loads(text)
    # Without a vault the reading has left out what is sealed, and says nothing of it.
    notes += [
        f"{name} is sealed and can be opened only where it was sealed"
        for name in _FIELDS
        if name not in values and name.split(".")[1] in sections.get(name.split(".")[0], {})
    ]
    return values, tuple(notes)


# --- checking -----------------------------------------------------------------------------------------------


def _known(name: str) -> str:
    if name not in _FIELDS:
        raise InvalidSettings(f"'{name}' is not a setting.", hint="`grokdesk config show` lists them all.")
    return name


def _validated(values: Mapping[str, object], where: Callable[[str], tuple[str, int | None]]) -> Settings:
    sections: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        section, key = name.split(".")
        sections.setdefault(section, {})[key] = value
    try:
        return Settings.model_validate(sections)
    except ValidationError as error:
        wrong = [
            _complaint(one["loc"], one["msg"], values, where) for one in error.errors(include_input=False)
        ]
        raise InvalidSettings("\n".join(text for text, _ in wrong), line=wrong[0][1]) from None


def _complaint(
    loc: tuple[int | str, ...],
    message: str,
    values: Mapping[str, object],
    where: Callable[[str], tuple[str, int | None]],
) -> tuple[str, int | None]:
    what = message.removeprefix("Value error, ").partition(", unable to parse")[0]
    what = re.sub(r"^(Input|String) should", "must", what)
    name = ".".join(map(str, loc[:2]))
    if name in _FIELDS:
        place, line = where(name)
        text = f"{name}: {what}"
    else:
        # A rule between settings: it names them; point to the first that somebody set.
        named = [one for one in re.findall(r"\w+\.\w+", what) if one in values]
        place, line = where(named[0]) if named else ("", None)
        text = what
    return (f"{place}: {text}" if place else text), line


def _list_from(variable: str, text: str) -> list[object]:
    if not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        values = json.loads(text)
    except ValueError as error:
        raise InvalidSettings(f"{variable}: this is not a JSON list: {error}") from None
    assert isinstance(values, list)
    return values


def _syntax_error(error: tomllib.TOMLDecodeError, text: str) -> tuple[str, int]:
    # tomllib tells the line only in its message, until Python 3.14.
    what, _, place = str(error).rpartition(" (at ")
    line = re.match(r"line (\d+)", place)
    return what, int(line[1]) if line else text.count("\n") + 1


def _line_of(text: str, name: str) -> int | None:
    """The line where a section or setting begins, counted from 1.

    Finds the first piece of the file, cut at a line end, that has it: neither TOML library tells lines of
    values, and this knows every way to write one. It is only asked when something is wrong.
    """
    section, _, key = name.partition(".")
    lines = text.split("\n")
    start = 1
    for count in range(1, len(lines) + 1):
        try:
            piece = tomllib.loads("\n".join(lines[:count]) + "\n")
        except tomllib.TOMLDecodeError:
            continue
        members = piece.get(section)
        if members is not None and (not key or (isinstance(members, dict) and key in members)):
            return start
        start = count + 1
    return None


# --- values -------------------------------------------------------------------------------------------------


def _plain(value: object) -> object:
    """The value as TOML has it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value


def _any_text(value: object, holds: Callable[[str], bool]) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and holds(one) for one in values)


def _each_text(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, list):
        return [_each_text(one, change) for one in value]
    return change(value) if isinstance(value, str) and value else value


# --- tomlkit ------------------------------------------------------------------------------------------------


def _document(text: str) -> TOMLDocument:
    # Only writing needs it; reading is tomllib's, and the start is not made slower.
    import tomlkit  # noqa: PLC0415

    return tomlkit.parse(text)


def _put(document: TOMLDocument, section: str, key: str, value: object) -> None:
    import tomlkit  # noqa: PLC0415 - see _document

    if section not in document:
        document[section] = tomlkit.table()
    members: Any = document[section]  # a table, written in one of four ways
    members[key] = value


def _take_out(document: TOMLDocument, section: str, key: str) -> None:
    members: Any = document.get(section, {})
    if key in members:
        del members[key]


# --- config.defaults.toml -----------------------------------------------------------------------------------

_HEAD: Final = """\
Every setting of GrokDesk with its default. This file is generated and never read; write what you want to
change into config.toml, which the settings window also does. GROKDESK__SECTION__KEY in the environment,
such as GROKDESK__GATEWAY__PORT, overrules the file.
"""
_WIDTH: Final = 100


def defaults_toml() -> str:
    """Return the text of `config.defaults.toml`: every setting with its default, and what is known of it."""
    import tomlkit  # noqa: PLC0415 - see _document

    lines = _comment(_HEAD)
    for section, model in _sections():
        lines += ["", *_comment((model.__doc__ or "").split("\n")[0]), f"[{section}]"]
        for key, field in model.model_fields.items():
            value = tomlkit.item(_plain(field.default)).as_string()
            lines += ["", *_comment(_description(f"{section}.{key}", field)), f"{key} = {value}"]
    return "\n".join(lines) + "\n"


def _description(name: str, field: FieldInfo) -> str:
    parts = [f"{field.title}.", field.description or ""]
    if isinstance(field.annotation, type) and issubclass(field.annotation, Enum):
        parts.append(f"One of {', '.join(repr(one.value) for one in field.annotation)}.")
    low = next((rule.ge for rule in field.metadata if isinstance(rule, Ge)), None)
    high = next((rule.le for rule in field.metadata if isinstance(rule, Le)), None)
    if low is not None or high is not None:
        parts.append(f"From {low} to {high}." if low is not None and high is not None else f"At least {low}.")
    longest = next((rule.max_length for rule in field.metadata if isinstance(rule, MaxLen)), None)
    if longest is not None:
        parts.append(f"At most {longest} characters.")
    extra = field.json_schema_extra
    if isinstance(extra, dict) and extra.get("restart"):
        parts.append("Takes effect at the next start.")
    if _is_secret(name):
        parts.append("Kept sealed: write it in clear, and GrokDesk seals it when it reads the file.")
    return " ".join(part for part in parts if part)


def _comment_text(text: str) -> str:
    return "\n".join([*_comment(text), "", ""])


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2, break_long_words=False)]
