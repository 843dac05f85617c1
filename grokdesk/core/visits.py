"""What programs asked of the gateway, as far as it tells whether they are set up right. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from grokdesk.core.runs import RunRecord, RunState

OWN_AGENT: Final = "GrokDesk-test"
"""What the gateway's own trials call themselves."""
OWN_NAME: Final = "GrokDesk test"

_KEPT: Final = 256
_TELLING: Final = frozenset({RunState.DONE, RunState.FAILED})


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, answered. `began` and `at` are in Unix seconds.

    `key_id` is empty when no valid key was shown. `agent` is what the program calls itself, such as
    `claude-cli/2.1`. `message` and `hint` say why it failed; both are empty when it did not. `stray` is an
    address that does not exist, which many programs try beside what they need. `host` and `origin` are set
    when one of them was the reason.
    """

    began: float
    at: float
    path: str
    agent: str = ""
    key_id: str = ""
    status: int = 200
    message: str = ""
    hint: str = ""
    stray: bool = False
    host: str = ""
    origin: str = ""
    request_id: str = ""

    @property
    def failed(self) -> bool:
        """Whether it got no answer."""
        return bool(self.message)

    @property
    def is_own(self) -> bool:
        """Whether GrokDesk itself tried."""
        return self.agent.startswith(OWN_AGENT)


class Visits:
    """The last success and the last failure of each program. Bounded: programs name themselves."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str, bool], Visit] = OrderedDict()

    def add(self, visit: Visit) -> None:
        """Take one in."""
        if visit.is_own:
            return
        place = (visit.key_id, visit.agent, visit.failed)
        if visit.stray and (visit.key_id, visit.agent, False) in self._last:
            return
        self._last[place] = visit
        self._last.move_to_end(place)
        if len(self._last) > _KEPT:
            self._last.popitem(last=False)

    def all(self) -> list[Visit]:
        """What is known, in the order of the last visit."""
        return list(self._last.values())

    def last_use(self, key_id: str) -> float | None:
        """When a key was last used here; None when it was not since the start."""
        return max((one.at for one in self._last.values() if one.key_id == key_id), default=None)


class Light(StrEnum):
    """Whether a program has been here: GREY not yet, GREEN and was answered, RED and was not."""

    GREY = "grey"
    GREEN = "green"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Sign:
    """What is known of a program's last request. `run_id` is its id in the list of requests, if any."""

    light: Light = Light.GREY
    at: float = 0.0
    message: str = ""
    hint: str = ""
    run_id: str = ""


def sign_of(
    visits: Iterable[Visit],
    past: RunRecord | None,
    run_ids: Mapping[str, str],
    *,
    own: Collection[str],
    others: Collection[str],
    agents: Collection[str],
) -> Sign:
    """Say how a program fares.

    `own` are the ids of its keys, `others` those of keys of other programs, `agents` beginnings of what it
    calls itself. `past` is its last request that ended, which may be of the time before this start; `run_ids`
    are the ids of the list of requests by those that clients are told.
    """
    last = max(visits_of(visits, own, others, agents), key=lambda visit: visit.at, default=None)
    if past is not None and (last is None or past.at > last.at):
        if past.state is RunState.FAILED:
            return Sign(Light.RED, past.at, past.failure, past.hint, past.id)
        return Sign(Light.GREEN, past.at, run_id=past.id)
    if last is None:
        return Sign()
    light = Light.RED if last.failed else Light.GREEN
    return Sign(light, last.at, last.message, last.hint, run_ids.get(last.request_id, ""))


def ended_last(runs: Iterable[RunRecord]) -> dict[str, RunRecord]:
    """The last request of each client that was answered or failed; `runs` in any order."""
    found: dict[str, RunRecord] = {}
    for run in runs:
        if run.state in _TELLING and (run.client not in found or run.at > found[run.client].at):
            found[run.client] = run
    return found


def visits_of(
    visits: Iterable[Visit], own: Collection[str], others: Collection[str], agents: Collection[str]
) -> list[Visit]:
    """The visits of one program: with a key of its own, or under one of its names."""
    return [
        one
        for one in visits
        if one.key_id in own
        or (one.key_id not in others and any(one.agent.lower().startswith(agent) for agent in agents))
    ]
