"""What a second process may ask about the ways out, backups and the store, as wishes and answers in JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol, assert_never

from grokdesk.core.egress import DIRECT, Standing, Tested, WayState
from grokdesk.core.ports import Clock
from grokdesk.core.secret import Secret
from grokdesk.engine.backups import Backups, Summary
from grokdesk.engine.commands import Command, Json
from grokdesk.platform.database_file import copies
from grokdesk.platform.tasks import offload

_HOUR_S: Final = 3_600.0
_MINUTE_S: Final = 60.0


class Ways(Protocol):
    """The ways out, such as `EgressService`."""

    def states(self) -> Sequence[WayState]:
        """How each of them is."""
        ...

    async def test(self, targets: Collection[str] = ()) -> Mapping[str, Tested]:
        """Try whether Grok can be reached by these, by name or address; all of them when none is named."""
        ...

    async def solve_now(self, name: str) -> None:
        """Renew the clearance of a way. Raises `GrokDeskError`."""
        ...


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move to another store did. `name` is its address without password; counts are by kind."""

    name: str
    added: Mapping[str, int]
    known: Mapping[str, int]
    switched: bool


# Called with the address, the team key (None: the one in the settings) and whether only to copy.
Move = Callable[[str, str | None, bool], Awaitable[Moved]]


class HouseCommands:
    """Carries out wishes about everything that is not an account."""

    def __init__(
        self, *, ways: Ways, backups: Backups, backup_folder: Path, move: Move, clock: Clock
    ) -> None:
        self._ways = ways
        self._backups = backups
        self._folder = backup_folder
        self._move = move
        self._clock = clock

    def table(self) -> dict[str, Command]:
        """The wishes by name."""
        return {
            "proxy.list": self._list_ways,
            "proxy.test": self._test_ways,
            "proxy.solve": self._solve,
            "backup.write": self._write_backup,
            "backup.show": self._show_backup,
            "backup.restore": self._restore_backup,
            "backup.list": self._list_backups,
            "store.move": self._move_store,
        }

    # -- ways out

    async def _list_ways(self, _: Mapping[str, Any]) -> Json:
        return {"ways": [way_json(way, self._clock.now()) for way in self._ways.states()]}

    async def _test_ways(self, wish: Mapping[str, Any]) -> Json:
        tested = await self._ways.test([str(way) for way in wish.get("ways") or ()])
        return {"ways": [{"name": name, **asdict(found)} for name, found in tested.items()]}

    async def _solve(self, wish: Mapping[str, Any]) -> Json:
        ways = self._ways.states()
        current = next((way.name for way in ways if way.current), DIRECT)
        name = str(wish.get("way") or current)
        await self._ways.solve_now(name)
        (way,) = (one for one in self._ways.states() if one.name == name)
        return way_json(way, self._clock.now())

    # -- backups

    async def _write_backup(self, wish: Mapping[str, Any]) -> Json:
        return _summary(await self._backups.write(*_file(wish)))

    async def _show_backup(self, wish: Mapping[str, Any]) -> Json:
        return _summary(await self._backups.read(*_file(wish)))

    async def _restore_backup(self, wish: Mapping[str, Any]) -> Json:
        restored = await self._backups.restore(*_file(wish))
        return {
            **_summary(restored.summary),
            "added": dict(restored.added),
            "known": dict(restored.known),
            "problems": list(restored.problems),
        }

    async def _list_backups(self, _: Mapping[str, Any]) -> Json:
        """What can be restored from the folder of backups, the newest first."""
        return {
            "backups": [
                {
                    "file": str(one.path),
                    "kind": one.kind.value,
                    "made_at": one.made_at,
                    "bytes": one.size_bytes,
                }
                for one in await offload(copies, self._folder)
            ]
        }

    # -- the store

    async def _move_store(self, wish: Mapping[str, Any]) -> Json:
        key = wish.get("team_key")
        moved = await self._move(
            str(wish.get("url", "")), None if key is None else str(key), bool(wish.get("copy_only"))
        )
        return {
            "name": moved.name,
            "added": dict(moved.added),
            "known": dict(moved.known),
            "switched": moved.switched,
        }


def _file(wish: Mapping[str, Any]) -> tuple[Path, Secret]:
    return Path(str(wish.get("file", ""))), Secret(str(wish.get("passphrase", "")))


def _summary(summary: Summary) -> Json:
    return {"made_at": summary.made_at, "program": summary.program, "counts": dict(summary.counts)}


def way_json(way: WayState, now: float) -> Json:
    """A way out as scripts see it. `words` and `clearance` are for people."""
    clearance = way.clearance
    return {
        "name": way.name,
        "kind": way.kind,
        "purposes": [purpose.value for purpose in way.purposes],
        "current": bool(way.current),
        "health": way.health,
        "resting_until": way.resting_until,
        "in_use": way.in_use,
        "words": _health(way, now),
        "failure": way.failure,
        "failed_at": way.failed_at,
        "standing": clearance.standing.value,
        "clearance": _clearance(way, now),
        "expires_at": clearance.expires_at,
    }


def _health(way: WayState, now: float) -> str:
    if way.resting_until is not None and way.resting_until > now:
        return f"rests for {_span(way.resting_until - now)}"
    if way.on_probation:
        return "is being tried again"
    return "works" if not way.failure else "works, with trouble"


def _clearance(way: WayState, now: float) -> str:
    clearance = way.clearance
    if clearance.solving:
        return "Cloudflare is being passed"
    until = "" if clearance.expires_at is None else f", ends in {_span(clearance.expires_at - now)}"
    match clearance.standing:
        case Standing.OPEN:
            return ""
        case Standing.PASTED:
            return "Cloudflare passed with the cookies you pasted"
        case Standing.CLEARED:
            return f"Cloudflare passed{until}"
        case Standing.NO_CHECK:
            return "Cloudflare asks for nothing"
        case Standing.NEEDED:
            return f"Cloudflare has to be passed. {clearance.problem}".rstrip()
    assert_never(clearance.standing)


def _span(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{max(0.0, seconds):.0f} s"
    return f"{seconds / _MINUTE_S:.0f} min" if seconds < _HOUR_S else f"{seconds / _HOUR_S:.1f} h"
