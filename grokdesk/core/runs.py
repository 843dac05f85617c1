"""The record of one request, for the list of last requests. Never holds a prompt or an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt: with which account and way out, and why it failed (empty: it did not)."""

    account: str
    egress: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One request as an owner sees it.

    `at` is in Unix seconds, `first_ms` and `total_ms` in milliseconds since `at`. `account` is the id of the
    account that answered, `mode` what it was asked in. `failure` is one sentence.
    """

    id: str
    at: float
    model: str
    client: str = ""
    mode: str = ""
    account: str = ""
    account_name: str = ""
    egress: str = ""
    state: RunState = RunState.RUNNING
    stop: str = ""
    failure: str = ""
    first_ms: int | None = None
    total_ms: int | None = None
    pieces: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tries: tuple[Try, ...] = ()
