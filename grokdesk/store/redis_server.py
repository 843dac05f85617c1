"""The connection to a Redis server: its address, calling scripts, and what its errors mean.

Everything that changes more than one key is a Lua script, which Redis runs whole or not at all. Scripts find
their keys by themselves below the prefix, so Redis Cluster, which wants to know every key beforehand, is not
supported. What has many parts travels as one text of frames, `<bytes>:<content>` one after the other: Redis
and Python take it apart faster than as many separate values.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoAnswer

from grokdesk.core.secret import Secret
from grokdesk.platform.tasks import Uncancelled
from grokdesk.store.database import Away, DatabaseTrouble
from grokdesk.store.stores import Timing

log = logging.getLogger(__name__)

T = TypeVar("T")

PREFIX: Final = "grokdesk:"
_PORT: Final = 6379
_MOST_PORT: Final = 65_535
# Of one gateway: reading, writing, and a window that looks something up.
_CONNECTIONS: Final = 6
_OLDEST: Final = (6, 2)


class DataGone(DatabaseTrouble):
    """The server answers and is another one, or has forgotten everything."""

    title = "The shared store is empty"


# --- the address --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is, and how to speak to it. `where` may be shown: it has no password."""

    where: str
    host: str = ""
    port: int = _PORT
    path: str = ""
    user: str = ""
    password: Secret = Secret("")
    number: int = 0
    prefix: str = PREFIX
    tls: Mapping[str, str | bool] | None = field(default=None)

    @classmethod
    def parsed(cls, url: str) -> Self:
        """Take apart `redis://`, `rediss://` (TLS) or `unix://`. Raises `DatabaseTrouble`.

        The path of the first two is the number of the database; that of the last is the socket, and the
        number is in `?db=`. `?prefix=` says how every key begins. TLS takes the options of redis-py:
        `ssl_cert_reqs` (required, none), `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`, `ssl_check_hostname`.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _PORT
        except ValueError as error:
            raise _unclear("It is not an address such as redis://host:6379/0.") from error
        if parts.scheme not in {"redis", "rediss", "unix"}:
            raise _unclear("It does not begin with redis://, rediss:// or unix://.")
        options = _options(parts)
        prefix = options.pop("prefix", PREFIX)
        if not prefix:
            raise _unclear("The prefix is empty.")
        number = options.pop("db", "0")
        if parts.scheme != "unix":
            number = parts.path.strip("/") or number
        if not (number.isascii() and number.isdigit()):
            raise _unclear(f"{number!r} is not the number of a database; Redis counts them from 0.")
        tls = _tls(options) if parts.scheme == "rediss" else None
        if options:
            if any(name.startswith("ssl_") for name in options) and tls is None:
                raise _unclear("Options of TLS take an address that begins with rediss://.")
            names = ", ".join(sorted(options))
            raise _unclear(f"It has options that are not known here: {names}.")
        user, password = unquote(parts.username or ""), Secret(unquote(parts.password or ""))
        if parts.scheme == "unix":
            path = unquote(parts.path)
            if not path:
                raise _unclear("It does not say where the socket is: unix:///run/redis/redis.sock.")
            return cls(path, path=path, user=user, password=password, number=int(number), prefix=prefix)
        host = parts.hostname or "localhost"
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return cls(
            shown,
            host=host,
            port=port,
            user=user,
            password=password,
            number=int(number),
            prefix=prefix,
            tls=tls,
        )

    def pool(self, connections: int, *, connect_s: float, answer_s: float) -> BlockingConnectionPool:
        """Connections to it; nothing is connected yet."""
        settings: dict[str, Any] = {  # what a connection of redis-py takes
            "db": self.number,
            "username": self.user or None,
            "password": self.password.reveal() or None,
            "socket_timeout": answer_s,
            "socket_connect_timeout": connect_s,
            # Half a character, which somebody may ask for, is not there; writing it is refused by `framed`.
            "encoding_errors": "surrogatepass",
            # Who tries again, and when, is decided here: a change must not be made twice behind our back.
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        kind: type[Connection | UnixDomainSocketConnection] = Connection
        if self.path:
            kind, settings["path"] = UnixDomainSocketConnection, self.path
        else:
            settings |= {"host": self.host, "port": self.port, "socket_keepalive": True}
        if self.tls is not None:
            kind = SSLConnection
            settings |= self.tls
        return BlockingConnectionPool(
            max_connections=connections, timeout=answer_s, connection_class=kind, **settings
        )


def _options(parts: SplitResult) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in options:
            raise _unclear(f"It has the option {name!r} twice.")
        options[name] = value
    return options


_YES_NO: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


def _tls(options: dict[str, str]) -> Mapping[str, str | bool]:
    """Take the TLS options out of `options`."""
    found: dict[str, str | bool] = {}
    reqs = options.pop("ssl_cert_reqs", "required")
    if reqs not in {"required", "none"}:
        raise _unclear("ssl_cert_reqs is neither `required` nor `none`.")
    found["ssl_cert_reqs"] = reqs
    check = options.pop("ssl_check_hostname", "true" if reqs == "required" else "false").lower()
    if check not in _YES_NO:
        raise _unclear("ssl_check_hostname is neither `true` nor `false`.")
    if _YES_NO[check] and reqs == "none":
        raise _unclear("ssl_check_hostname needs ssl_cert_reqs=required.")
    found["ssl_check_hostname"] = _YES_NO[check]
    for name in _FILES:
        if path := options.pop(name, ""):
            if not Path(path).is_file():
                raise _unclear(f"The file of {name} is not there.")
            found[name] = path
    return found


def _unclear(why: str) -> DatabaseTrouble:
    return DatabaseTrouble(
        f"The address of the shared store cannot be used. {why}",
        hint="Correct the setting `storage.url`, such as redis://name:password@host:6379/0.",
    )


# --- frames -------------------------------------------------------------------------------------------------


def framed(values: Iterable[str | bytes]) -> bytes:
    """Return `values` as one text. Raises `ValueError` for half a character."""
    parts: list[bytes] = []
    for value in values:
        content = value.encode() if isinstance(value, str) else value
        parts += (b"%d:" % len(content), content)
    return b"".join(parts)


def unframed(text: bytes) -> list[bytes]:
    """The opposite of `framed`."""
    found: list[bytes] = []
    at = 0
    while at < len(text):
        colon = text.index(b":", at)
        end = colon + 1 + int(text[at:colon])
        found.append(text[colon + 1 : end])
        at = end
    return found


# --- scripts ------------------------------------------------------------------------------------------------

# Every script starts with this. `P` is the prefix, `GATEWAY` whoever runs it; a store that is not the one
# that was opened is left alone.
_PRELUDE: Final = """
local P = KEYS[1]
local function framed(values)
  local parts = {}
  for i = 1, #values do
    local value = values[i] or ''
    parts[i] = #value .. ':' .. value
  end
  return table.concat(parts)
end
local function fields(text)
  local found, at = {}, 1
  while at <= #text do
    local colon = string.find(text, ':', at, true)
    local last = colon + tonumber(string.sub(text, at, colon - 1))
    found[#found + 1] = string.sub(text, colon + 1, last)
    at = last + 1
  end
  return found
end
local STORE, GATEWAY = unpack(fields(ARGV[1]))
if STORE ~= '' and redis.call('GET', P .. 'store') ~= STORE then
  return redis.error_reply('GONE this is not the store that was opened')
end
local function changed(member)
  local revision = redis.call('INCR', P .. 'revision')
  redis.call('ZADD', P .. 'revisions', revision, member)
  return revision
end
"""


class Script:
    """A Lua script. Its own arguments are ARGV[2] and following."""

    def __init__(self, body: str) -> None:
        self.text: Final = _PRELUDE + body
        # The name by which Redis knows it; nothing rests on it being hard to forge.
        self.sha: Final = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Server:
    """The server. `connect` before anything else; `close` at the end.

    After it could not be reached every call fails at once, until one that is `probing` gets through.
    """

    def __init__(self, address: Address, gateway: str, timing: Timing) -> None:
        self.address: Final = address
        self.timing: Final = timing
        self.gateway: Final = gateway
        self.store = ""
        self.away = False
        # Called when it can be reached again.
        self.on_back: Final[list[Callable[[], None]]] = []
        self._redis = self._client(_CONNECTIONS)
        # What requests wait for is not to stand behind ten thousand accounts.
        self._fast = self._client(1)
        self._listening = self._client(1)
        self._work = Uncancelled("redis")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._work.ended()
        for client in (self._redis, self._fast, self._listening):
            await client.aclose(close_connection_pool=True)

    def key(self, name: str) -> str:
        """The whole name of a key."""
        return self.address.prefix + name

    async def do(self, *command: str | bytes | float) -> Any:  # noqa: ANN401 - Redis answers with anything
        """Return the answer to a plain command. Raises `DatabaseTrouble`."""
        with self._explained():
            return await _answer(self._redis, *command)

    async def run(self, script: Script, *args: str | bytes | float) -> Any:  # noqa: ANN401 - as `do`
        """Return what `script` gives, run on the store that was opened. Raises `DatabaseTrouble`."""
        if self.away:
            raise _away(self.address.where, "known to be away")
        with self._explained():
            return await self._run(self._redis, script, self.store, args)

    async def run_fast(self, script: Script, *args: str | bytes | float, patient: bool) -> Any:  # noqa: ANN401 - as `do`
        """Like `run`, on a connection of its own, whatever store that is; it also tries while away.

        Unless it is `patient`, the server is away when it takes longer than a lease may.
        """
        with self._explained():
            async with asyncio.timeout(self.timing.answer_s if patient else self.timing.lease_s):
                result = await self._run(self._fast, script, "", args)
        if self.away:
            self.away = False
            log.info("redis server is back where=%s", self.address.where)
            for tell in self.on_back:
                tell()
        return result

    async def uncancelled(self, work: Coroutine[Any, Any, T]) -> T:
        """Let `work` come to its end also when the caller leaves: what the server did must be noted."""
        return await self._work.done(work)

    def pubsub(self) -> PubSub:
        """A subscriber, on a connection of its own; there may be one at a time."""
        return self._listening.pubsub(ignore_subscribe_messages=True)

    def _client(self, connections: int) -> Redis:
        timing = self.timing
        pool = self.address.pool(connections, connect_s=timing.connect_s, answer_s=timing.answer_s)
        return Redis(connection_pool=pool)

    async def _run(
        self, client: Redis, script: Script, store: str, args: tuple[str | bytes | float, ...]
    ) -> Any:  # noqa: ANN401 - as `do`
        first = (1, self.address.prefix, framed((store, self.gateway)))
        try:
            return await _answer(client, "EVALSHA", script.sha, *first, *args)
        except NoScriptError:
            return await _answer(client, "EVAL", script.text, *first, *args)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """The door through which errors of redis-py become ours."""
        try:
            with explained(self.address.where):
                yield
        except Away as error:
            if not self.away:
                log.warning(
                    "redis server is away where=%s reason=%s", self.address.where, error.detail or error
                )
            self.away = True
            raise


async def _answer(client: Redis, *command: str | bytes | float) -> Any:  # noqa: ANN401 - as `do`
    return await client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py has no types for it


# --- what Redis says, in words ------------------------------------------------------------------------------

_WORDS: Final = {
    "OOM": ("The Redis server has no memory left.", "Give it more memory, or let GrokDesk keep less."),
    "MISCONF": ("The Redis server cannot write to its disk.", "Make room on the disk of the Redis server."),
    "READONLY": (
        "The Redis server is a copy that cannot be written.",
        "Enter the address of the primary server.",
    ),
    "NOREPLICAS": ("The Redis server waits for its replicas.", "Check the replicas of the Redis server."),
    "MASTERDOWN": ("The Redis server has lost its primary.", "Check the primary Redis server."),
    "BUSY": ("The Redis server is busy.", "Check what else runs on the Redis server."),
    "TRYAGAIN": ("The Redis server is busy.", "Check what else runs on the Redis server."),
}
# redis-py keeps the first word of these to itself.
_WORD_OF: Final[Mapping[type[Exception], str]] = {
    OutOfMemoryError: "OOM",
    ReadOnlyError: "READONLY",
    MasterDownError: "MASTERDOWN",
    TryAgainError: "TRYAGAIN",
}


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn what redis-py raises into `DatabaseTrouble`. Its texts hold no values of commands."""
    try:
        yield
    except AuthenticationError as error:
        raise DatabaseTrouble(
            f"The Redis server at {where} refuses the name or the password.",
            hint="Check both in the setting `storage.url`.",
            detail=str(error),
        ) from error
    except NoPermissionError as error:
        raise DatabaseTrouble(
            f"The Redis server at {where} does not allow this user enough.",
            hint=(
                "Let it run scripts, and use the keys and channels that begin with the prefix, such as: "
                "+@all -@admin ~grokdesk:* &grokdesk:*"
            ),
            detail=str(error),
        ) from error
    except BusyLoadingError as error:
        raise Away(
            f"The Redis server at {where} is still reading its data.",
            hint="Try again in a moment.",
            detail=str(error),
        ) from error
    except (NoConnection, NoAnswer, OSError, TimeoutError) as error:
        raise _away(where, f"{type(error).__name__}: {error}") from error
    except ResponseError as error:
        raise _refusal(where, error) from error
    except RedisError as error:
        raise DatabaseTrouble(
            f"The Redis server at {where} cannot be used.", hint="The log says more.", detail=str(error)
        ) from error


def _refusal(where: str, error: ResponseError) -> DatabaseTrouble:
    text = str(error)
    if "GONE this is not the store" in text:
        return DataGone(
            f"The Redis server at {where} has lost the accounts, or is another one than before.",
            hint=(
                "Restore its data; GrokDesk then goes on by itself. To begin anew with what is there now, "
                "restart GrokDesk."
            ),
            detail=text,
        )
    name = _WORD_OF.get(type(error), "")
    for word, (message, hint) in _WORDS.items():
        # Redis 6 wraps what a command in a script says into a sentence of its own.
        if name == word or f"{word} " in text:
            return DatabaseTrouble(message, hint=hint, detail=text)
    if "invalid DB index" in text or "DB index is out of range" in text:
        return DatabaseTrouble(
            f"The Redis server at {where} has no database with this number.",
            hint="Correct the number at the end of the setting `storage.url`.",
            detail=text,
        )
    return DatabaseTrouble(
        f"The Redis server at {where} cannot be used.", hint="The log says more.", detail=text
    )


def _away(where: str, detail: str) -> Away:
    return Away(
        "The shared store cannot be reached.",
        hint=f"Check that the Redis server at {where} runs, and that this computer can reach it.",
        detail=detail,
    )


# --- checking it --------------------------------------------------------------------------------------------


async def checked(server: Server) -> tuple[str, str]:
    """Refuse a server that cannot hold the store; return a warning and a hint, or two empty texts.

    A server that does not let itself be asked is taken as it is. Raises `DatabaseTrouble`.
    """
    where = server.address.where
    # Says first whether there is a server, whether it lets us in, and whether it has this database.
    await server.do("GET", server.key("schema"))
    try:
        facts = _facts(await server.do("INFO"))
    except DatabaseTrouble as error:
        log.info("redis server does not say what it is reason=%s", error.detail)
        return "", ""
    version = tuple(int(part) for part in facts.get("redis_version", "").split(".")[:2] if part.isdigit())
    if version and version < _OLDEST:
        raise DatabaseTrouble(
            f"The Redis server at {where} is too old: {facts['redis_version']}.",
            hint="Redis 6.2 or newer is needed.",
        )
    if facts.get("cluster_enabled") == "1":
        raise DatabaseTrouble(
            f"The Redis server at {where} is part of a Redis Cluster.",
            hint="GrokDesk needs a single server, with replicas if you like.",
        )
    if facts.get("maxmemory_policy", "noeviction") != "noeviction" and facts.get("maxmemory") != "0":
        return (
            "The Redis server throws accounts away when its memory is full.",
            "Set maxmemory-policy to noeviction on the Redis server.",
        )
    if facts.get("aof_enabled") == "0" and await _never_saves(server):
        return (
            "The Redis server keeps nothing on disk: when it stops, the accounts are gone.",
            "Set appendonly to yes on the Redis server.",
        )
    return "", ""


async def _never_saves(server: Server) -> bool:
    try:
        answer = await server.do("CONFIG", "GET", "save")
    except DatabaseTrouble:
        return False  # hosted servers do not tell
    values = list(answer.values()) if isinstance(answer, dict) else list(answer)[1::2]
    return not any(values)


def _facts(answer: object) -> dict[str, str]:
    """What INFO says, by name; redis-py has taken it apart or not."""
    if isinstance(answer, dict):
        return {str(name): str(value) for name, value in answer.items()}
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
    return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
