"""The record of one request, for the list of last requests. Never holds a prompt or an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class RunState(StrEnum):
    """Where a run stands. LEFT: the client went away; STOPPED: the owner ended it."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LEFT = "left"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt: with which account and way out, and why it failed (empty: it did not).

    `account` is its name, `account_id` its id. `status` is what Grok answered with, 0 where that is not
    known; `cause` the kind of the failure, as its class is called, `hint` what can be done about it.
    """

    account: str
    egress: str
    failure: str = ""
    account_id: str = ""
    status: int = 0
    cause: str = ""
    hint: str = ""


# Bytes that are kept of what a client wrote, and characters of an answer: pictures would fill the disk.
LONGEST_TALK: Final = 1_000_000


def kept_of(body: bytes) -> bytes:
    """As much of a body as is kept, and a byte to tell that there is more."""
    return body[: LONGEST_TALK + 1]


@dataclass(frozen=True, slots=True)
class Caller:
    """How a request came: in which format, whether streamed, under which id, and what stood in it.

    `dialect` is one of `DIALECTS`, or empty for what did not come through the gateway. `body` is what the
    client wrote, for those who keep prompts; more than `LONGEST_TALK` bytes say only that it was cut.
    """

    dialect: str = ""
    stream: bool = False
    request_id: str = ""
    body: bytes = b""


NOBODY: Final = Caller()

# The formats by the address they are asked at.
DIALECTS: Final = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completions",
    "/v1/messages": "anthropic",
    "/v1/responses": "responses",
    "/v1/responses/compact": "compact",
    "/v1/images/generations": "images",
    "/v1/images/edits": "image_edits",
    "/v1/images/variations": "image_variations",
    "/v1/videos": "videos",
}


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One request as an owner sees it.

    `at` is in Unix seconds, `first_ms` and `total_ms` in milliseconds since `at`. `account` is the id of the
    account that answered, `mode` what it was asked in. `model` is the name the client used, `answered` that
    of the model it stands for. `failure` is one sentence, `cause` and `hint` are those of a `Try`.
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
    dialect: str = ""
    stream: bool = False
    answered: str = ""
    request_id: str = ""
    cause: str = ""
    hint: str = ""

    @property
    def place(self) -> Place:
        """Where it stands in the list, which has the newest first."""
        return self.at, self.id


# When a run came, and its id, which tells those of one moment apart.
Place = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Sought:
    """Which runs are wanted; what is empty does not matter.

    `account` is an id; `text` is looked for anywhere in what a run says. Whether a run is in memory or in a
    store, the answer is the same: stores keep `words_of` beside it.
    """

    failed: bool = False
    model: str = ""
    client: str = ""
    account: str = ""
    text: str = ""

    @property
    def needle(self) -> str:
        """What is looked for in `words_of`."""
        return plain(self.text)

    def fits(self, run: RunRecord) -> bool:
        """Whether `run` is one of them."""
        return (
            (not self.failed or run.state is RunState.FAILED)
            and (not self.model or run.model == self.model)
            and (not self.client or run.client == self.client)
            and (not self.account or run.account == self.account)
            and (not self.needle or self.needle in words_of(run))
        )


EVERY: Final = Sought()


@dataclass(frozen=True, slots=True)
class Counted:
    """How many runs fit, and how many of them failed."""

    total: int = 0
    failed: int = 0


def plain(text: str) -> str:
    """Bring a text into the form in which texts are compared: lower case, single blanks, no NUL."""
    return " ".join(text.replace("\0", "\ufffd").casefold().split())


def words_of(run: RunRecord) -> str:
    """Return everything of a run that a person may look for, in the form of `plain`."""
    parts = [run.model, run.answered, run.client, run.account_name, run.egress, run.dialect, run.state.value]
    parts += [run.failure, run.request_id, run.id]
    for one in run.tries:
        parts += [one.account, one.egress, one.failure, str(one.status or "")]
    return plain(" ".join(filter(None, parts)))


@dataclass(frozen=True, slots=True)
class Talk:
    """What was said in a run: what the client sent, and what it was answered. Kept only if its owner says so.

    `at` is that of the run. `cut` tells that what was sent was too long to be kept whole.
    """

    id: str
    at: float
    asked: str
    answer: str
    cut: bool = False
