"""The state of the simulated service: accounts, conversations, files, what was received, what comes next.

A world has no sockets. `server.Simulator` serves one; tests write scripts into it and read what it
received. All times are seconds of the injected clock, except where a member says *monotonic*.
"""

import asyncio
import base64
import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, TypedDict, TypeVar

from grokdesk.sim import pictures
from grokdesk.sim.answers import improvise
from grokdesk.sim.gallery import Gallery, imagine_quotas
from grokdesk.sim.recordings import Exchange, Recording
from grokdesk.sim.script import Form, Json, Media, Script, Wire

Tier = Literal["basic", "super", "heavy"]
Status = Literal["ok", "blocked", "unauthenticated"]
Outcome = Literal["", "answered", "refused", "failed", "cut", "left", "shutdown"]

MODES = ("auto", "fast", "expert", "heavy", "grok-420-computer-use-sa")

_TOTALS: Mapping[Tier, Mapping[str, tuple[int, int]]] = {
    "basic": {"auto": (20, 7200), "fast": (30, 86400)},
    "super": {
        "auto": (50, 7200),
        "fast": (140, 7200),
        "expert": (50, 7200),
        "grok-420-computer-use-sa": (50, 7200),
    },
    "heavy": {
        "auto": (150, 7200),
        "fast": (400, 7200),
        "expert": (150, 7200),
        "heavy": (20, 7200),
        "grok-420-computer-use-sa": (150, 7200),
    },
}
"""Total and window by tier and mode (§16.2; *auto* of a basic account from §16.3)."""

# A basic account is told its quota of *auto* and may not use it (§7.2).
_LOCKED: Mapping[Tier, frozenset[str]] = {
    "basic": frozenset({"auto"}),
    "super": frozenset(),
    "heavy": frozenset(),
}

_Record = TypeVar("_Record")


class Clearance(TypedDict):
    """What Cloudflare wants to see: this cookie value from this browser."""

    cookie: str
    user_agent: str


@dataclass(slots=True)
class Quota:
    """How often a mode may still be used. Full again at `reset_at`."""

    remaining: int
    total: int
    window_s: int
    reset_at: float

    def turn_to(self, now: float) -> None:
        if now >= self.reset_at:
            self.remaining, self.reset_at = self.total, now + self.window_s


@dataclass(slots=True)
class Credits:
    """The weekly pool (§16.5). `paid=False` is the coarse period of a free account."""

    start: datetime
    end: datetime
    used_percent: float = 0.0
    products: dict[int, float] = field(default_factory=dict)
    paid: bool = True


class _Queue:
    """Scripts for the next turns, and one for all others."""

    __slots__ = ("always", "coming")

    def __init__(self) -> None:
        self.coming: deque[Script] = deque()
        self.always: Script | None = None

    def take(self) -> Script | None:
        return self.coming.popleft() if self.coming else self.always


class Account:
    """One account of the service, addressed by its token."""

    def __init__(
        self, *, token: str, tier: Tier, user_id: str, email: str, status: Status, now: Callable[[], float]
    ) -> None:
        self.token = token
        self.tier: Tier = tier
        self.user_id = user_id
        self.email = email
        self.status: Status = status
        self.team_id = "team-1"
        self.birth_date: str | None = None
        self.accounts_terms = False
        """Whether the terms were accepted at accounts.x.ai (§18.1)."""
        self.tos_version = 0
        self.nsfw = False
        self.clearance_required: Clearance | None = None
        self.session_shape: Literal["session", "user", "flat"] = "session"
        """Which of the accepted answers of §17.1 this account gives."""
        self.assets_shape: Literal["assets", "items"] = "assets"
        """Under which names this account's files are listed (media §6.3)."""
        self.imagine: dict[str, Json | None] = imagine_quotas(tier)
        """What `quota_info` tells; see `World.media` for counting (media §11.2)."""
        self.credits: Credits | None = _credits(tier, now())
        self._now = now
        self._quota = {
            mode: Quota(total, total, window, now() + window)
            for mode, (total, window) in _TOTALS[tier].items()
        }
        self._turns = _Queue()
        self._calls: dict[str, _Queue] = {}

    @property
    def quota(self) -> dict[str, Quota]:
        """The quotas by mode as of now."""
        now = self._now()
        for quota in self._quota.values():
            quota.turn_to(now)
        return self._quota

    def may_use(self, mode: str) -> bool:
        return mode in self._quota and mode not in _LOCKED[self.tier]

    def next(self, *scripts: Script) -> None:
        """The next turns of this account follow these scripts, one each; afterwards all is normal again."""
        self._turns.coming.extend(scripts)

    def always(self, script: Script | None) -> None:
        """Every turn of this account without a script of its own follows this one."""
        self._turns.always = script

    def next_on(self, path: str, *scripts: Script) -> None:
        """The next calls of this account to `path` (no chat) meet these scripts' stalls and refusals."""
        self._calls.setdefault(path, _Queue()).coming.extend(scripts)

    def always_on(self, path: str, script: Script | None) -> None:
        """Every call of this account to `path` meets this script."""
        self._calls.setdefault(path, _Queue()).always = script

    def __repr__(self) -> str:
        return f"Account({self.token!r}, {self.tier})"


@dataclass(slots=True)
class Conversation:
    id: str
    account: Account
    temporary: bool
    created_at: float
    title: str = "New conversation"
    response_ids: list[str] = field(default_factory=list)
    turns: list[tuple[str, str]] = field(default_factory=list)
    """Prompt and answer of each turn."""


@dataclass(slots=True)
class Upload:
    id: str
    account: Account
    name: str
    mime: str
    data: bytes
    form: Literal["json", "multipart"]
    at: float

    @property
    def type(self) -> str:
        """What the bytes are, if their beginning tells it; else what they were said to be."""
        return pictures.type_of(self.data, self.mime)

    @property
    def path(self) -> str:
        """Where its owner finds it on the assets host (media §6.6)."""
        return f"users/{self.account.user_id}/{self.id}/content"


@dataclass(slots=True)
class Received:
    """One request as it came in. `status` is what it was answered with, once it was."""

    path: str
    method: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    json: object
    account: Account | None
    at: float
    monotonic: float
    host: str = ""
    cookie_names: tuple[str, ...] = ()
    """Names in the order of the header, repeated ones repeated."""
    peer: str = ""
    """Where the connection came from, as address and port: calls of one connection share it."""
    status: int | None = None
    media: Media = field(default_factory=Media)
    """What its script says of uploads."""
    violations: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Turn:
    """One attempt of a client to get an answer, from its request (or handshake) to its end.

    Opened once the account is accepted. *done* is every end but one: the client leaving before it.
    `outcome` says how it ended; `status` is the HTTP status it was answered with. Monotonic: `started_at`,
    `ended_at`, `aborted_at`.
    """

    form: Form
    account: Account
    request: Json
    started_at: float
    monotonic: Callable[[], float]
    kind: Literal["chat", "imagine", "edit", "video"] = "chat"
    mode: str = ""
    """The mode of a chat; the quota of pictures and films, such as *imagePro*."""
    prompt: str = ""
    may_draw: bool = True
    """Whether a chat asked for pictures to be possible."""
    conversation_id: str = ""
    response_id: str = ""
    parent_response_id: str = ""
    attachments: tuple[str, ...] = ()
    pieces_sent: int = 0
    bytes_sent: int = 0
    state: Literal["open", "done", "aborted"] = "open"
    outcome: Outcome = ""
    status: int | None = None
    aborted_at: float | None = None
    ended_at: float | None = None
    events: list[Json] = field(default_factory=list)
    """Gateway: every event the client sent, in order."""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def finish(self, outcome: Outcome) -> None:
        """The first call counts."""
        if self.state != "open":
            return
        self.ended_at = self.monotonic()
        self.outcome = outcome
        if outcome == "left":
            self.state, self.aborted_at = "aborted", self.ended_at
        else:
            self.state = "done"
        self.over.set()

    async def ended(self) -> "Turn":
        """Wait for the end, whatever it is."""
        await self.over.wait()
        return self


@dataclass(slots=True)
class Solver:
    """What FlareSolverr does here. Without `cookie` it hands out what the world's clearance asks for.

    `sessions` are the browsers kept open, and the proxy each was made with; `lasts_s` is how long a clearance
    is said to be good for.
    """

    status: Literal["ok", "error"] = "ok"
    message: str = "Error solving the challenge. Timeout after 60.0 seconds."
    cookie: str | None = None
    user_agent: str | None = None
    with_cookies: bool = True
    with_user_agent: bool = True
    delay_s: float = 0.0
    lasts_s: float = 31_536_000.0
    solved: int = 0
    sessions: dict[str, object] = field(default_factory=dict)


class World:
    """Everything the simulated service knows.

    `now` is the clock of quotas and dates, `monotonic` the one that measures turns, `rng` the source of all
    ids. `picture_scale` makes pictures and films smaller: tests take 0.1.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,  # noqa: TID251 - the default of an injected clock
        rng: random.Random | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        picture_scale: float = 1.0,
    ) -> None:
        self.now = now
        self.rng = rng or random.Random(1)
        self.monotonic = monotonic
        self.accounts: dict[str, Account] = {}
        self.conversations: dict[str, Conversation] = {}
        self.uploads: dict[str, Upload] = {}
        self.media = Gallery(self, picture_scale=picture_scale)
        """Pictures, films, posts, and who may still make some."""
        self.recordings: list[Recording] = []
        """Stories that are played to whoever makes their calls."""

        self.rest = True
        """`False`: the older chat form is gone (404)."""
        self.gateway = True
        """`False`: the gateway is gone."""
        self.gateway_gone_status = 404
        self.handshake_status: int | None = None
        """Answer every gateway handshake with this status."""
        self.strict = True
        """Answer what breaks the document with 400 (gateway: an `error` event). It is recorded anyway."""
        self.statsig: Literal["required", "optional"] = "required"
        self.quota_refusal: Literal["plain", "in_stream"] = "plain"
        """How an empty quota is told: 429 / `error` event, or inside a stream (gateway: *usage limit*)."""
        self.clearance_required: Clearance | None = None
        self.index_gone = False
        """`GET /index` is 404 and only `/` has the meta tag (§5.2)."""
        self.grpc_errors: Literal["http", "trailers", "headers"] = "http"
        """How the gRPC-web calls refuse an account."""
        self.pace_s = 0.0
        """Seconds before each piece of an answer unless its script says otherwise."""
        self.wire = Wire()
        """What every turn's wire starts from."""
        self.improvise: Callable[[str, str, random.Random], Script] = improvise
        """The answer to a prompt in a mode when no script has one."""
        self.solver = Solver()
        self.meta_content = base64.b64encode(self.rng.randbytes(48)).decode()
        self.signed: dict[str, tuple[str, str]] = {}
        """Signatures handed out by `/sign`: method and path."""
        self.record_limit: int | None = None
        """Keep at most so many requests and turns; `None` keeps all."""

        self.received: list[Received] = []
        self.turns: list[Turn] = []
        self.violations: list[str] = []
        self.request_ids: set[str] = set()
        self._turns_for_all = _Queue()
        self._calls_for_all: dict[str, _Queue] = {}

    def add(
        self,
        token: str,
        tier: Tier = "basic",
        *,
        user_id: str | None = None,
        email: str | None = None,
        status: Status = "ok",
    ) -> Account:
        """A new account; ids and address are made up unless given."""
        number = len(self.accounts) + 1
        account = Account(
            token=token,
            tier=tier,
            user_id=user_id or self.new_id(),
            email=email or f"account{number}@example.org",
            status=status,
            now=self.now,
        )
        self.accounts[token] = account
        return account

    def new_id(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def stamp(self) -> str:
        """Now, as the service writes it."""
        return stamp(self.now())

    # ------------------------------------------------------------------------------ what comes next

    def next(self, *scripts: Script) -> None:
        """The next turns of whoever comes follow these scripts, one each."""
        self._turns_for_all.coming.extend(scripts)

    def always(self, script: Script | None) -> None:
        """Every turn without another script follows this one."""
        self._turns_for_all.always = script

    def next_on(self, path: str, *scripts: Script) -> None:
        """The next calls to `path` (no chat) by whoever meet the stalls and refusals of these scripts."""
        self._calls_for_all.setdefault(path, _Queue()).coming.extend(scripts)

    def always_on(self, path: str, script: Script | None) -> None:
        """Every call to `path` meets this script."""
        self._calls_for_all.setdefault(path, _Queue()).always = script

    def play(self, *recordings: Recording) -> None:
        """Answer the next calls that are in these stories as they were answered there."""
        self.recordings.extend(recordings)

    def recorded(self, method: str, path: str) -> tuple[Recording, Exchange] | None:
        """The recorded exchange that a call meets, taken off its story; others go their usual way."""
        for recording in self.recordings:
            exchange = recording.take(method, path)
            if exchange:
                return recording, exchange
        return None

    def take(self, account: Account) -> Script:
        """The script of the turn that starts now: the account's own, the world's, or an ordinary one."""
        return account._turns.take() or self._turns_for_all.take() or Script()  # noqa: SLF001 - one module, one idea

    def put_back(self, account: Account, script: Script) -> None:
        """`script` was taken and not played; unless it comes always, it is the account's next one again."""
        turns = account._turns  # noqa: SLF001 - one module, one idea
        lasting = (turns.always, self._turns_for_all.always)
        if script != Script() and not any(script is one for one in lasting):
            turns.coming.appendleft(script)

    def take_on(self, path: str, account: Account | None) -> Script | None:
        """The script of a call that is not a turn."""
        queues = (account._calls.get(path) if account else None, self._calls_for_all.get(path))  # noqa: SLF001 - same
        for queue in queues:
            script = queue.take() if queue else None
            if script:
                return script
        return None

    # ------------------------------------------------------------------------------------- what was

    def record(self, received: Received) -> None:
        self.received.append(received)
        self._trim(self.received)

    def open_turn(self, form: Form, account: Account, request: Json) -> Turn:
        turn = Turn(form, account, request, self.monotonic(), self.monotonic)
        self.turns.append(turn)
        self._trim(self.turns)
        return turn

    def violate(self, where: str, problems: list[str]) -> None:
        self.violations += [f"{where}: {problem}" for problem in problems]
        self._trim(self.violations)

    @property
    def open_connections(self) -> int:
        """Turns in flight."""
        return sum(turn.state == "open" for turn in self.turns)

    def converse(self, account: Account, *, temporary: bool, conversation_id: str = "") -> Conversation:
        """A new conversation."""
        made = Conversation(conversation_id or self.new_id(), account, temporary, self.now())
        self.conversations[made.id] = made
        return made

    def conversation_of(self, account: Account, conversation_id: str) -> Conversation | None:
        found = self.conversations.get(conversation_id)
        return found if found and found.account is account else None

    def keep(
        self, account: Account, name: str, mime: str, data: bytes, form: Literal["json", "multipart"]
    ) -> Upload:
        """A file the account has sent."""
        upload = Upload(self.new_id(), account, name, mime, data, form, self.now())
        self.uploads[upload.id] = upload
        return upload

    def _trim(self, records: list[_Record]) -> None:
        if self.record_limit is not None and len(records) > self.record_limit:
            del records[: len(records) - self.record_limit // 2]


def stamp(at: float) -> str:
    """A time as the service writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _credits(tier: Tier, now: float) -> Credits:
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=today.weekday())
    week = start + timedelta(days=7)
    if tier == "basic":
        return Credits(start, week, paid=False)
    return Credits(start, week, 12.5, {4: 10.0, 5: 2.5, 2: 0.0})
