"""Pictures made by the imagine socket, in as many rounds as it takes (grok-web-media.md §2).

The current form says how many pictures are wanted and gets them in one round. The older one gets a fixed
number each round. `auto` speaks the current form; where a server makes fewer all the same, it goes on like
the older one.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Final

from grokdesk.core.errors import MayBeMade, Unreachable, UpstreamError
from grokdesk.core.events import Batch, Event, Started
from grokdesk.core.media import ImageRequest
from grokdesk.core.settings import MediaForm
from grokdesk.platform.deadlines import Deadline, Deadlines
from grokdesk.platform.tasks import offload, owned
from grokdesk.platform.wire import Socket
from grokdesk.providers.grok_web.protocol import imagine
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.imagine import ImagineDecoder
from grokdesk.providers.grok_web.session import Session
from grokdesk.providers.grok_web.submitting import LOST, Patience, sent

log = logging.getLogger(__name__)

# How long a round that looks finished may be silent before it is (§2.7); longer where upstream was told how
# many are wanted and may only be slow to announce them.
QUIET_S: Final = 2.0
LONG_QUIET_S: Final = 10.0
_PING_S: Final = 20.0
_DRY_ROUNDS: Final = 2
_SPARE_ROUNDS: Final = 4
# From here on decoding is noticed by others.
_LARGE: Final = 1 << 20


async def pictures(session: Session, request: ImageRequest, *, pro: bool) -> AsyncGenerator[Batch]:
    """Make the pictures of `request`, each handed on as soon as it is ready.

    Raises what a refusal means. A connection that is lost once some are there ends the answer with these;
    before that it raises `MayBeMade`.
    """
    job = _Job(session, request, pro=pro)
    async with AsyncExitStack() as held:
        held.callback(job.let_go)
        yield [Started("", "", 0), *await job.first(held)]
        while not job.over:
            if events := await job.next(held):
                yield events


class _Job:
    def __init__(self, session: Session, request: ImageRequest, *, pro: bool) -> None:
        options = session.options
        self._session = session
        self._request = request
        self._pro = pro
        self._form = options.media_form
        self._patience = Patience(session.means.deadlines, options.image_s, "image_s")
        self._decoder = ImagineDecoder(
            request.count,
            session.places,
            previews=request.previews,
            spares=self._form is MediaForm.OLDER,
        )
        self._connection: _Connection | None = None
        self._rounds = 0
        self._dry = 0
        self._made_before = 0
        self._failure: UpstreamError | None = None
        self.over = False

    def let_go(self) -> None:
        if self._connection is not None:
            self._connection.let_go()

    async def first(self, held: AsyncExitStack) -> list[Event]:
        """Connect and ask; returns the first events, so that nothing is told before upstream accepted."""
        await self._connect(held)
        return await self.next(held)

    async def next(self, held: AsyncExitStack) -> list[Event]:
        """The next events, with `Finished` once it is over."""
        try:
            with sent():
                return await self._next(held)
        except UpstreamError as error:
            cause = error.cause if isinstance(error, MayBeMade) else error
            if not (self._decoder.made and isinstance(cause, LOST)):
                raise
            log.info("pictures broken off made=%d why=%s", self._decoder.made, error.message)
            return self._finish()

    async def _next(self, held: AsyncExitStack) -> list[Event]:
        connection = self._connection
        assert connection is not None, "asked after connecting"
        decoder = self._decoder
        if self._failure is not None:
            raise self._failure
        messages = await connection.messages(self._quiet_s())
        if messages is None or not messages:
            return await self._round_over(held, is_closed=messages is not None)
        out: list[Event] = []
        try:
            for message in messages:
                large = len(message) > _LARGE
                out += await offload(decoder.feed, message) if large else decoder.feed(message)
                if decoder.missing <= 0 or decoder.whole:
                    break
        except UpstreamError as error:
            if not out:
                raise
            # What came before it is handed on first.
            self._failure = error
            return out
        return [*out, *self._finish()] if decoder.missing <= 0 or (decoder.whole and self._is_final) else out

    @property
    def _is_final(self) -> bool:
        """Whether a round that is whole is the last one."""
        return self._form is not MediaForm.OLDER

    def _quiet_s(self) -> float | None:
        """How long nothing has to come for the round to be over; None: it is not."""
        if not self._decoder.completed:
            return None
        if self._decoder.settled and self._form is MediaForm.OLDER:
            return QUIET_S
        return LONG_QUIET_S

    async def _round_over(self, held: AsyncExitStack, *, is_closed: bool) -> list[Event]:
        """The socket is silent after what looks like everything, or closed: ask again, or end."""
        decoder = self._decoder
        if is_closed and not decoder.settled:
            raise Unreachable(
                "The connection to Grok broke before the pictures were complete.",
                hint="Try again.",
                detail=f"the socket closed in round {self._rounds}, made={decoder.made}",
            )
        self._dry = 0 if decoder.made > self._made_before else self._dry + 1
        most = self._request.count + _SPARE_ROUNDS
        if self._form is MediaForm.CURRENT or self._dry >= _DRY_ROUNDS or self._rounds >= most:
            return self._finish()
        if is_closed:
            self.let_go()
            await held.aclose()
            await self._connect(held)
        else:
            self._ask()
        return []

    async def _connect(self, held: AsyncExitStack) -> None:
        session = self._patience.of(self._session)
        socket = await held.enter_async_context(
            session.connect(imagine.PATH, call=Call.IMAGINE, max_message=imagine.MAX_MESSAGE)
        )
        self._connection = _Connection(socket, session.means.deadlines)
        held.enter_context(self._connection.pinging())
        held.callback(self._connection.let_go)
        self._ask()

    def _ask(self) -> None:
        """Begin a round: a reset, then the prompt."""
        assert self._connection is not None, "asked after connecting"
        request, clock = self._request, self._session.means.clock
        older = self._form is MediaForm.OLDER
        count = 0 if older else self._decoder.missing
        self._decoder.begin(count)
        self._made_before = self._decoder.made
        self._rounds += 1
        now_ms = int(clock.now() * 1000)
        self._connection.send(imagine.reset(now_ms))
        self._connection.send(
            imagine.prompt(
                request.prompt,
                now_ms=now_ms + 1,
                request_id=str(uuid.uuid4()) if older else f"img_{uuid.uuid4().hex}",
                ratio=request.ratio,
                pro=self._pro,
                adult=self._session.options.adult,
                count=count,
            )
        )

    def _finish(self) -> list[Event]:
        self.over = True
        if self._connection is not None:
            self._connection.goodbye()
        return self._decoder.end()


class _Connection:
    """A socket that can be listened to for a while without giving it up."""

    def __init__(self, socket: Socket, deadlines: Deadlines) -> None:
        self._socket = socket
        self._deadlines = deadlines
        self._listening: asyncio.Task[Sequence[bytes]] | None = None
        self._ping: Deadline | None = None

    def send(self, text: bytes) -> None:
        self._socket.send(text)

    def goodbye(self) -> None:
        self._socket.close()

    async def messages(self, quiet_s: float | None) -> Sequence[bytes] | None:
        """What has arrived; empty when the other side closed, None when `quiet_s` passed in silence."""
        if self._listening is None:
            self._listening = owned(self._socket.messages(), name="imagine socket")
        listening = self._listening
        if quiet_s is not None and not await self._deadlines.wait(listening, quiet_s):
            return None
        try:
            return await asyncio.shield(listening)
        finally:
            if listening.done():
                self._listening = None

    def let_go(self) -> None:
        """Stop listening."""
        listening, self._listening = self._listening, None
        if listening is None:
            return
        if listening.done() and not listening.cancelled():
            listening.exception()
        listening.cancel()

    @contextmanager
    def pinging(self) -> Iterator[None]:
        """Send a ping every 20 s while inside (§2.1)."""
        self._ping = self._deadlines.after(_PING_S, self._beat)
        try:
            yield
        finally:
            self._ping.cancel()

    def _beat(self) -> None:
        self._socket.ping()
        if self._ping is not None:
            self._ping.extend(_PING_S)
