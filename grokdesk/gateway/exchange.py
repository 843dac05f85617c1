"""One request while it is answered, and all that are."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from grokdesk.core.errors import ForbiddenOrigin, GrokDeskError, Overloaded
from grokdesk.core.ports import ClientKey, Clock
from grokdesk.core.runs import DIALECTS, Caller, kept_of
from grokdesk.core.settings import Settings
from grokdesk.core.visits import OWN_AGENT, OWN_NAME, Visit
from grokdesk.dialects.base import Dialect
from grokdesk.dialects.openai_chat import OpenAIChat
from grokdesk.gateway.pump import Pump

DEFAULT_DIALECT: Final = OpenAIChat()

_LONGEST_NAME: Final = 60
_LONGEST_PATH: Final = 200
# A request takes about half a millisecond to begin.
_BEGIN_AT_ONCE: Final = 16


@dataclass(eq=False, slots=True)
class Exchange:
    """What is known of a request so far.

    `pump` is there from the first byte of a stream on; `failure` names the error that was told, if any, and
    `told` is that error. `mode` is how Grok was asked to think, once it has begun to answer.
    """

    clock: Clock
    dialect: Dialect = DEFAULT_DIALECT
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    key: ClientKey | None = None
    pump: Pump | None = None
    failure: str = ""
    told: GrokDeskError | None = None
    mode: str = ""
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock.monotonic()

    @property
    def request_id(self) -> str:
        """What the client and the log call this request."""
        return f"req_{self.id}"

    @property
    def elapsed_ms(self) -> int:
        """Milliseconds since the request came in."""
        return int((self.clock.monotonic() - self.began) * 1000)

    def client(self, request: web.Request) -> str:
        """Who asks, in a few words: the name of the key, else the product the client says it is."""
        if _agent(request).startswith(OWN_AGENT):
            return OWN_NAME
        if self.key is not None and self.key.name:
            return self.key.name
        product = _agent(request).partition(" ")[0]
        name, _, version = product.partition("/")
        return (name if version[:1].isdigit() else product)[:_LONGEST_NAME]

    def visit(self, request: web.Request, status: int) -> Visit:
        """What this says of the program that asked."""
        error, now = self.told, self.clock.now()
        refused = isinstance(error, ForbiddenOrigin)
        return Visit(
            began=now - self.elapsed_ms / 1000,
            at=now,
            path=request.path[:_LONGEST_PATH],
            agent=_agent(request)[:_LONGEST_NAME],
            key_id=self.key.id if self.key is not None else "",
            status=status,
            message=error.message if error is not None else "",
            hint=error.hint if error is not None else "",
            stray=request.match_info.http_exception is not None,
            host=request.host[:_LONGEST_PATH] if refused else "",
            origin=request.headers.get("Origin", "")[:_LONGEST_PATH] if refused else "",
            request_id=self.request_id,
        )

    def caller(
        self, request: web.Request, settings: Settings, body: bytes, *, stream: bool = False
    ) -> Caller:
        """How it asks, for the list of requests; with the body only if prompts are kept."""
        return Caller(
            dialect=DIALECTS.get(request.path.rstrip("/"), ""),
            stream=stream,
            request_id=self.request_id,
            body=kept_of(body) if settings.privacy.keep_prompts else b"",
        )


def _agent(request: web.Request) -> str:
    return request.headers.get("User-Agent", "")


# `request[EXCHANGE]`; the middleware puts it there.
EXCHANGE: Final = web.RequestKey("EXCHANGE", Exchange)


class Traffic:
    """The exchanges that are being answered, so that stopping can wait for them and then end them.

    While `closing`, requests on connections that are still open are turned away.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._begun = 0
        self.closing = False

    def admit(self) -> None:
        """Raise `Overloaded` while closing."""
        if self.closing:
            raise Overloaded("The gateway is stopping.")

    async def turn(self) -> None:
        """Wait for this request's turn: of many that come at once, a few begin in each turn of the loop.

        Otherwise a burst of them would hold up every stream for as long as all of them take to begin.
        """
        while self._begun >= _BEGIN_AT_ONCE:  # noqa: ASYNC110 - a turn of the loop is what is waited for
            await asyncio.sleep(0)
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._begun += 1

    def _next_turn(self) -> None:
        self._begun = 0

    def enter(self, task: asyncio.Task[object]) -> None:
        """Count the exchange that `task` answers."""
        self._tasks.add(task)
        self._quiet.clear()

    def leave(self, task: asyncio.Task[object]) -> None:
        """It is over."""
        self._tasks.discard(task)
        if not self._tasks:
            self._quiet.set()

    def __len__(self) -> int:
        return len(self._tasks)

    async def quiet(self) -> None:
        """Wait until nothing is being answered."""
        await self._quiet.wait()

    def cancel(self) -> None:
        """End all of them."""
        for task in tuple(self._tasks):
            task.cancel()
