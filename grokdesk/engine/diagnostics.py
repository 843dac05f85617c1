"""A report for others who are to help: how the program is, without anything that is nobody else's business.

What goes in is chosen field by field; `Scrubber` then looks through all of it for what is known to be secret.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import platform
import ssl
import sys
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from grokdesk.core.accounts import Account, Status
from grokdesk.core.egress import DIRECT
from grokdesk.core.errors import Broken, InvalidRequest
from grokdesk.core.notices import GatewayState, Trouble
from grokdesk.core.ports import Clock
from grokdesk.core.runs import RunRecord
from grokdesk.core.setting_fields import Kind, SettingField, fields, sections, values_of
from grokdesk.core.settings import Live
from grokdesk.engine.accounts import AccountPool
from grokdesk.engine.egress import EgressService
from grokdesk.engine.keys import ClientKeys
from grokdesk.engine.library import Library
from grokdesk.engine.runs import RunLog
from grokdesk.engine.scrubbing import Scrubber, said_in, shortened
from grokdesk.platform import logs
from grokdesk.platform.memory import resident_bytes
from grokdesk.platform.paths import Paths, write_private
from grokdesk.platform.settings_file import SettingsFile
from grokdesk.platform.tasks import offload

log = logging.getLogger(__name__)

Json = dict[str, Any]  # goes to `json.dumps` as it is

_REQUESTS: Final = 200
_LOG_LINES: Final = 2_000
_IN_TROUBLE: Final = 200
_PROMPTS: Final = 1_000
# Accounts between which others have their turn.
_IN_ONE_GO: Final = 250
_NAPS: Final = 20
_NAP_S: Final = 0.01
_SET: Final = "(set)"
_LIBRARIES: Final = (
    "PySide6-Essentials",
    "qasync",
    "aiohttp",
    "curl_cffi",
    "keyring",
    "cryptography",
    "pydantic",
    "SQLAlchemy",
    "aiosqlite",
    "orjson",
    "jsonschema",
    "pillow",
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file of the report: its name, what it is about in a sentence, and its text."""

    name: str
    about: str
    text: str


class Diagnostics:
    """Makes reports. `about` tells of the program, `troubles` what lasts, `secrets` what else is secret."""

    def __init__(
        self,
        *,
        pool: AccountPool,
        egress: EgressService,
        runs: RunLog,
        keys: ClientKeys,
        library: Library,
        live: Live,
        settings_file: SettingsFile,
        paths: Paths,
        clock: Clock,
        gateway: Callable[[], GatewayState],
        about: Callable[[], Mapping[str, Any]],
        troubles: Callable[[], Collection[Trouble]],
        secrets: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._pool = pool
        self._egress = egress
        self._runs = runs
        self._keys = keys
        self._library = library
        self._live = live
        self._settings_file = settings_file
        self._paths = paths
        self._clock = clock
        self._gateway = gateway
        self._about = about
        self._troubles = troubles
        self._secrets = secrets

    def table(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """What the command line can ask for."""
        return {"diagnostics": self._wished}

    async def sheets(self) -> list[Sheet]:
        """The report as it is now, with everything secret taken out. Takes a moment; reads the log."""
        log_text = await offload(self._log_text)
        late = await self._lateness()
        secrets, names = await self._known()
        raw = [
            Sheet("about.json", "The program, the system and the libraries it uses.", _json(self._program())),
            Sheet("settings.toml", "All settings; of secrets only whether they are set.", self._settings()),
            Sheet("gateway.json", "Whether apps can connect, and where.", _json(self._gateway_now())),
            Sheet(
                "accounts.json",
                "How many accounts there are, by state and tier.",
                _json(await self._accounts()),
            ),
            Sheet("ways.json", "The ways to Grok and how they fare.", _json(self._ways())),
            Sheet("requests.json", "The last requests, without what was said.", _json(self._requests())),
            Sheet("troubles.json", "What needs somebody.", _json(self._lasting())),
            Sheet("figures.json", "Memory, and how promptly the program reacts.", _json(self._figures(late))),
            Sheet("log.txt", "The last lines of the log.", log_text),
        ]
        return await offload(_cleaned, raw, secrets, names)

    async def write(self, path: Path, sheets: Iterable[Sheet]) -> None:
        """Put these into a zip file at `path`, for its owner only. Raises `Broken`."""
        chosen = tuple(sheets)
        try:
            await offload(_zip, path, chosen)
        except OSError as error:
            raise Broken(
                "The report cannot be written.",
                hint="Check the rights of the folder and the room on the disk.",
                detail=str(error),
            ) from error
        log.info("report written sheets=%d", len(chosen))

    def file_name(self) -> str:
        """A name for the file."""
        return f"grokdesk-{datetime.fromtimestamp(self._clock.now(), UTC):%Y-%m-%d-%H%M}.zip"

    async def _wished(self, wish: Mapping[str, Any]) -> Json:
        """Write the report to `file`, or only tell it; without those parts that `without` names."""
        sheets = await self.sheets()
        without = [str(name) for name in wish.get("without") or ()]
        unknown = [name for name in without if name not in {sheet.name for sheet in sheets}]
        if unknown:
            names = ", ".join(sheet.name for sheet in sheets)
            raise InvalidRequest(f"The report has no '{unknown[0]}'.", hint=f"It has {names}.")
        kept = [sheet for sheet in sheets if sheet.name not in without]
        file = str(wish.get("file") or "")
        if file:
            await self.write(Path(file), kept)
        told = [
            {"name": one.name, "about": one.about, "size": len(one.text.encode())}
            | ({} if file else {"text": one.text})
            for one in kept
        ]
        return {"file": file, "sheets": told}

    # -- what is secret

    async def _known(self) -> tuple[list[str], list[str]]:
        """What must not be in it, and names of people and things that must not be either."""
        secrets: list[str] = [*self._secrets()]
        names: list[str] = []
        accounts = self._pool.accounts()
        for number, account in enumerate(accounts, 1):
            secrets += _secrets_of(account)
            names += filter(None, (account.label, *account.tags))
            if number % _IN_ONE_GO == 0:
                await asyncio.sleep(0)
        for key in self._keys.all():
            secrets.append(key.value.reveal())
            names.append(key.name)
        now = self._live.now
        for name, value in values_of(now).items():
            if fields()[name].is_secret or fields()[name].kind is Kind.LONG_TEXT:
                for one in value if isinstance(value, tuple) else (value,):
                    secrets += _parts(str(one))
        page = await self._library.page(limit=_PROMPTS)
        secrets += [kept.origin.prompt for kept in page.files if kept.origin.prompt]
        names += {kept.origin.account_name for kept in page.files if kept.origin.account_name}
        said: set[str] = set()
        for run in self._runs.recent()[:_REQUESTS]:
            # Of accounts that have gone since, nothing else is left.
            names += filter(None, (run.account_name, *(one.account for one in run.tries)))
            talk = await self._runs.talk(run.id)
            if talk is not None:
                # Each request of a conversation says again what was said before.
                said |= {talk.answer, *await offload(said_in, talk.asked)}
        return [one for one in (*secrets, *said) if one != DIRECT], names

    # -- what is in it

    def _program(self) -> Json:
        about = dict(self._about())
        about.pop("troubles", None)
        return {
            **about,
            "written_at": _moment(self._clock.now()),
            "system": platform.platform(),
            "machine": platform.machine(),
            "python": sys.version.split()[0],
            "frozen": bool(getattr(sys, "frozen", False)),
            "openssl": ssl.OPENSSL_VERSION,
            "libraries": {name: _version(name) for name in _LIBRARIES},
        }

    def _settings(self) -> str:
        values, file = values_of(self._live.now), self._settings_file
        lines: list[str] = []
        for section in sections():
            lines += ["", f"[{section.key}]"] if lines else [f"[{section.key}]"]
            for field in section.fields:
                value = _shown(field, values[field.name])
                marks = ["changed"] if values[field.name] != field.default else []
                marks += [f"set by {file.outside[field.name]}"] if field.name in file.outside else []
                lines.append(f"{field.key} = {value}" + (f"  # {', '.join(marks)}" if marks else ""))
        notes = [f"# {note}" for note in file.notes]
        if file.refused is not None:
            notes.append(f"# The file is not taken: {file.refused.message}".replace("\n", "\n# "))
        return "\n".join([*notes, *lines]) + "\n"

    def _gateway_now(self) -> Json:
        state = self._gateway()
        return {
            "phase": state.phase.value,
            "address": state.address if state.port else "",
            "error": state.error,
            "hint": state.hint,
            "client_keys": len(self._keys.all()),
            "requests_in_flight": self._runs.in_flight,
        }

    async def _accounts(self) -> Json:
        now = self._clock.now()
        accounts = self._pool.accounts()
        counts = self._pool.counts()
        by_tier: dict[str, Counter[str]] = {}
        for number, account in enumerate(accounts, 1):
            by_tier.setdefault(account.tier.value, Counter())[_state_of(account, now)] += 1
            if number % _IN_ONE_GO == 0:
                await asyncio.sleep(0)
        wrong = [
            one for one in accounts if one.status is not Status.ACTIVE or one.faults or one.check_failures
        ]
        return {
            "total": counts.total,
            "ready": counts.ready,
            "cooling": counts.cooling,
            "need_owner": counts.need_owner,
            "disabled": counts.disabled,
            "by_tier_and_state": {tier: dict(found) for tier, found in by_tier.items()},
            "bound_to_a_way": sum(bool(one.proxy) for one in accounts),
            "in_trouble": [
                {
                    "id": shortened(one.id),
                    "tier": one.tier.value,
                    "tier_source": one.tier_source.value,
                    "state": _state_of(one, now),
                    "why": one.reason or one.rest_reason or one.check_failure or one.last_failure,
                    "faults": one.faults,
                    "failed_checks": one.check_failures,
                    "checked_at": _moment(one.checked_at),
                }
                for one in wrong[:_IN_TROUBLE]
            ],
        }

    def _ways(self) -> Json:
        now = self._clock.now()
        egress = self._live.now.egress
        return {
            "mode": egress.mode.value,
            "clearance": egress.clearance.value,
            "ways": [
                {
                    "name": way.name,
                    "kind": way.kind,
                    "used_for": [one.value for one in way.purposes],
                    "current_for": [one.value for one in way.current],
                    "health": round(way.health, 2),
                    "rests_s": round(way.resting_until - now) if way.resting_until else None,
                    "on_trial": way.on_probation,
                    "last_failure": way.failure,
                    "failed_at": _moment(way.failed_at),
                    "requests_now": way.in_use,
                }
                for way in self._egress.states()
            ],
            "checks": [
                {
                    "way": check.way,
                    "host": check.host,
                    "standing": check.clearance.standing.value,
                    "age_s": round(now - check.clearance.solved_at) if check.clearance.solved_at else None,
                    "ends_in_s": round(check.clearance.expires_at - now)
                    if check.clearance.expires_at
                    else None,
                    "proven": check.clearance.is_proven,
                    "browser": check.clearance.user_agent,
                    "problem": check.clearance.problem,
                }
                for check in self._egress.checks()
            ],
        }

    def _requests(self) -> list[Json]:
        return [_request(run) for run in self._runs.recent()[:_REQUESTS]]

    def _lasting(self) -> list[Json]:
        return [{"about": one.key, "message": one.message, "hint": one.hint} for one in self._troubles()]

    def _figures(self, late_ms: list[float]) -> Json:
        resident = resident_bytes()
        return {
            "memory_mb": round(resident / (1 << 20), 1) if resident else None,
            "threads": threading.active_count(),
            "tasks": len(asyncio.all_tasks()),
            "collections": [one["collections"] for one in gc.get_stats()],
            "loop": type(asyncio.get_running_loop()).__name__,
            "loop_late_ms": {
                "middle": round(sorted(late_ms)[len(late_ms) // 2], 1),
                "most": round(max(late_ms), 1),
            },
        }

    async def _lateness(self) -> list[float]:
        """How much later than asked the loop comes back, several times in a row."""
        late: list[float] = []
        for _ in range(_NAPS):
            began = self._clock.monotonic()
            await asyncio.sleep(_NAP_S)
            late.append(max(0.0, (self._clock.monotonic() - began - _NAP_S) * 1000))
        return late

    def _log_text(self) -> str:
        found: list[str] = []
        missing = _LOG_LINES
        try:
            for file in logs.log_files(self._paths.logs):
                if missing <= 0:
                    break
                lines = logs.last_lines(file.path, missing).splitlines()
                found = [*lines, *found]
                missing -= len(lines)
        except OSError as error:
            found.append(f"The log cannot be read: {error.strerror}.")
        return "\n".join(found) + "\n"


def _cleaned(sheets: list[Sheet], secrets: list[str], names: list[str]) -> list[Sheet]:
    scrubber = Scrubber(secrets, names, str(Path.home()))
    return [
        Sheet(
            one.name,
            one.about,
            scrubber.clean_log(one.text) + "\n" if one.name.endswith(".txt") else scrubber.clean(one.text),
        )
        for one in sheets
    ]


def _zip(path: Path, sheets: tuple[Sheet, ...]) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in sheets:
            archive.writestr(one.name, one.text)
    write_private(path, made.getvalue())


def _secrets_of(account: Account) -> list[str]:
    found = (account.token.reveal(), account.email, account.user_id, account.note)
    cookies = [pair.partition("=")[2].strip() for pair in account.cookies.reveal().split(";")]
    return [one for one in (*found, *cookies, *_parts(account.proxy.reveal())) if one]


def _parts(value: str) -> list[str]:
    """A secret setting, and what in it is a secret by itself: cookies one by one, the login of an address."""
    login = value.partition("://")[2].rpartition("@")[0]
    cookies = [pair.partition("=")[2].strip() for pair in value.split(";") if "=" in pair]
    # An address without a login is no secret; without it, its host is in the name of the way out as well.
    whole = [] if "://" in value and not login else [value]
    return [one for one in (*whole, login, login.partition(":")[2], *cookies) if one]


def _state_of(account: Account, now: float) -> str:
    if account.status is not Status.ACTIVE:
        return account.status.value
    if account.resting_until > now:
        return "resting"
    free = any(account.free_at(mode) <= now for mode in account.windows)
    return "ready" if free else "used up"


def _shown(field: SettingField, value: object) -> str:
    if value in {"", ()}:
        return "[]" if isinstance(value, tuple) else '""'
    if field.is_secret:
        return f'"{_SET}"' if not isinstance(value, tuple) else f'["{_SET}"]  # {len(value)}'
    if field.kind is Kind.LONG_TEXT:
        return f'"{_SET}"  # {len(str(value))} characters'
    return json.dumps(value, ensure_ascii=False)


def _request(run: RunRecord) -> Json:
    return {
        "id": shortened(run.id),
        "at": _moment(run.at),
        "state": run.state.value,
        "model": run.model,
        "answered": run.answered,
        "format": run.dialect,
        "stream": run.stream,
        "mode": run.mode,
        "account": shortened(run.account),
        "way": run.egress,
        "stop": run.stop,
        "failure": run.failure,
        "cause": run.cause,
        "first_ms": run.first_ms,
        "total_ms": run.total_ms,
        "pieces": run.pieces,
        "prompt_tokens": run.prompt_tokens,
        "completion_tokens": run.completion_tokens,
        "tries": [
            {
                "account": shortened(one.account_id),
                "way": one.egress,
                "status": one.status,
                "cause": one.cause,
                "failure": one.failure,
            }
            for one in run.tries
        ],
    }


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
