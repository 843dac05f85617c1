"""The Responses API: answers that are kept, continued, and made while nobody listens.

What a request refers to is looked up here and handed to the dialect. An answer is kept before the client
hears its end, so that it can continue at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import orjson
from aiohttp import web

from grokdesk.core.conversation import ChatRequest, Message, Role, Text, Thinking
from grokdesk.core.errors import Broken, EmptyAnswer, GrokDeskError, InvalidRequest, NotFound, Refused
from grokdesk.core.events import Finished, Started, Stop
from grokdesk.core.media import Kept
from grokdesk.core.responses import StoredResponse
from grokdesk.core.runs import Caller
from grokdesk.dialects.base import Asked, Stamp
from grokdesk.dialects.openai_responses import OpenAIResponses, items, replay, resource, schema, tokens
from grokdesk.dialects.openai_responses.decode import Wanted, conversation, decode, read
from grokdesk.dialects.openai_responses.encode import ResponsesEncoder, frames_of
from grokdesk.dialects.openai_responses.history import Known
from grokdesk.dialects.openai_responses.wrong import PreviousResponseNotFound
from grokdesk.gateway.converse import apart, read_body, streamed
from grokdesk.gateway.exchange import EXCHANGE
from grokdesk.gateway.files import links_for, with_own_pictures
from grokdesk.gateway.models import offered
from grokdesk.gateway.paging import newest_first
from grokdesk.gateway.ports import Conversations, Job, Services
from grokdesk.gateway.pump import Pump

DIALECT: Final = OpenAIResponses()

Kind = TypeVar("Kind", bound=schema.Question)
# Arrays of items by the id of the answer they led to and include.
Memory = Mapping[str, tuple[str, ...]]

_USUAL_PAGE: Final = 20
_LARGEST_PAGE: Final = 100
_COMPACT: Final = (
    "Summarise this conversation so that you can continue it later from the summary alone. Keep every "
    "decision, fact, name, number, file and open task, and what was asked for last. Write only the summary."
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One request that was understood.

    `listed` is what was new in it, as items; `continues` the id of the kept answer it continues, or empty.
    `before` are the arrays of items that came before it. `is_kept` is whether its answer will be kept.
    """

    asked: Asked
    stamp: Stamp
    listed: str
    continues: str
    before: tuple[str, ...]
    is_kept: bool

    @property
    def id(self) -> str:
        """The id of its answer."""
        return items.RESPONSE + self.stamp.id

    def encoder(
        self, services: Services, ended: Callable[[ResponsesEncoder], None] | None = None
    ) -> ResponsesEncoder:
        """Return what writes the answer, and keeps it at its end when it is to be kept."""

        def keep(encoder: ResponsesEncoder) -> None:
            if self.is_kept and services.conversations is not None:
                services.conversations.keep(self.stored(encoder))
            if ended is not None:
                ended(encoder)

        return DIALECT.encoder(self.asked, self.stamp, now=services.clock.now, ended=keep)

    def stored(self, encoder: ResponsesEncoder) -> StoredResponse:
        """Return the answer as it is kept."""
        return StoredResponse(
            id=self.id,
            created_at=self.stamp.created,
            previous=self.continues,
            asked=self.listed,
            answer=orjson.dumps(encoder.response).decode(),
            events=replay.written(encoder.events),
        )


async def create(request: web.Request, services: Services) -> web.StreamResponse:
    """Answer a conversation: as a whole, as a stream, or in the background. Raises `GrokDeskError`."""
    exchange = request[EXCHANGE]
    body = await read_body(request, services)
    turn = await understood(body, exchange.id, services)
    client = exchange.client(request)
    caller = exchange.caller(request, services.settings.now, body, stream=turn.asked.stream)
    # It may have megabytes, and an answer may take minutes.
    del body
    if turn.asked.echo.get("background"):
        return await _in_background(request, services, turn, client, caller)
    encoder = turn.encoder(services)
    if turn.asked.stream:
        return await streamed(request, services, turn.asked, encoder, caller)
    link = links_for(request, services)
    exchange.mode = await tell(services, turn, encoder, client, link, _unheard, caller)
    return _json(orjson.dumps(encoder.response))


async def retrieve(request: web.Request, services: Services) -> web.StreamResponse:
    """Tell a kept answer, or one in the making: as it is now, or as a stream. Raises `NotFound`."""
    response_id = request.match_info["id"]
    start = _number(request, "starting_after", -1, low=-1) + 1
    is_stream = request.query.get("stream", "").lower() in {"true", "1"}
    job = services.conversations.job(response_id) if services.conversations else None
    if job is not None:
        return await _follow(request, services, job.follow(start)) if is_stream else _json(job.answer())
    response = await _kept(services, response_id)
    answer = replay.interrupted(response.answer)
    if not is_stream:
        return _json(answer.encode())
    return await _follow(request, services, _once(replay.replayed(answer, response.events)[start:]))


async def delete(request: web.Request, services: Services) -> web.StreamResponse:
    """Forget a kept answer. Raises `NotFound`."""
    response_id = request.match_info["id"]
    if services.conversations is None or not await services.conversations.delete(response_id):
        raise _unknown(response_id)
    return _json(orjson.dumps(resource.deleted(response_id)))


async def cancel(request: web.Request, services: Services) -> web.StreamResponse:
    """End an answer that is made in the background; one that has ended stays as it is.

    Raises `NotFound`, and `InvalidRequest` for an answer that was never in the background.
    """
    response_id = request.match_info["id"]
    job = services.conversations.job(response_id) if services.conversations else None
    if job is not None:
        await job.cancel()
        return _json(job.answer())
    answer = replay.interrupted((await _kept(services, response_id)).answer)
    if not orjson.loads(answer)["background"]:
        raise InvalidRequest("Only a response that is made in the background can be cancelled.")
    return _json(answer.encode())


async def list_input(request: web.Request, services: Services) -> web.StreamResponse:
    """List the items an answer was made from, all that came before included. Raises `NotFound`."""
    response = await _kept(services, request.match_info["id"])
    limit = _number(request, "limit", _USUAL_PAGE, low=1, high=_LARGEST_PAGE)
    is_newest_first = newest_first(request, usual="desc")
    before = await _chain(services, response.previous) if response.previous else ()
    found = [item for text in (*(before or ()), response.asked) for item in orjson.loads(text)]
    after = request.query.get("after", "")
    return _json(items.page(found, limit=limit, after=after, newest_first=is_newest_first))


async def count_tokens(request: web.Request, services: Services) -> web.StreamResponse:
    """Say how many tokens a request would have. Raises `InvalidRequest`."""
    body = await read_body(request, services)
    wanted = await apart(len(body), read, schema.CountTokens, body)
    if wanted.question.model is not None:
        offered(services).named(wanted.question.model)
    known = await _looked_up(services, wanted)
    asked = await apart(_size(body, known), conversation, wanted, wanted.question.model or "", known)
    return _json(await apart(_size(body, known), tokens.told, asked))


async def compact(request: web.Request, services: Services) -> web.StreamResponse:
    """Make a conversation short: what a person said stays, the rest becomes a sealed summary.

    Raises `GrokDeskError`.
    """
    exchange = request[EXCHANGE]
    body = await read_body(request, services)
    wanted = await apart(len(body), read, schema.Compact, body)
    model = wanted.question.model
    offered(services).named(model)
    known = await _looked_up(services, wanted)
    asked = await apart(_size(body, known), conversation, wanted, model, known)
    if not asked.messages:
        raise InvalidRequest("There is nothing to make short: 'input' is empty.", param="input")
    messages = (*asked.messages, Message(Role.USER, (Text(_COMPACT),)))
    order = ChatRequest(model, messages, thinking=Thinking.HIDDEN)
    client, caller = exchange.client(request), exchange.caller(request, services.settings.now, body)
    async with services.engine.run(order, client=client, caller=caller) as run:
        exchange.mode = run.mode
        async for _ in run:
            pass
        summary, finished = run.transcript.text, run.transcript.finished
    if finished is not None and finished.stop is Stop.REFUSED:
        raise Refused(finished.refusal or "Grok refused the content.")
    if not summary.strip():
        raise EmptyAnswer("Grok sent an empty summary.", hint="Try again.")
    said = [item for text in known.history for item in orjson.loads(text)]
    said += wanted.listed(exchange.id, known)
    kept = [item for item in said if item.get("type") == "message" and item.get("role") == "user"]
    stamp = Stamp(exchange.id, int(services.clock.now()))
    carried = _conversations(services).seal(summary)
    return _json(orjson.dumps(resource.compacted(stamp, kept, carried, finished)))


# --- what HTTP and WebSocket share --------------------------------------------------------------------------


async def understood(
    body: bytes, owner: str, services: Services, *, memory: Memory | None = None, may_be_empty: bool = False
) -> Turn:
    """Read a request, look up what it refers to, and decode it. Raises `InvalidRequest`.

    `owner` names the answer. `memory` holds what is kept for this client only.
    """
    wanted = await apart(len(body), read, schema.Create, body)
    offered(services).named(wanted.question.model)
    known = await _looked_up(services, wanted, memory or {})
    size = _size(body, known)
    asked = await apart(size, decode, wanted, known, may_be_empty=may_be_empty)
    asked = replace(asked, request=await with_own_pictures(services, asked.request))
    listed = await apart(len(body), wanted.listed, owner, known)
    continues = wanted.previous
    if memory and continues in memory:
        # The kept answer must not depend on one that is not kept.
        listed = [item for text in known.history for item in orjson.loads(text)] + listed
        continues = ""
    return Turn(
        asked=asked,
        stamp=Stamp(owner, int(services.clock.now())),
        listed=orjson.dumps(listed).decode(),
        continues=continues,
        before=known.history,
        is_kept=bool(asked.echo["store"]),
    )


async def tell(
    services: Services,
    turn: Turn,
    encoder: ResponsesEncoder,
    client: str,
    link: Callable[[Kept], str],
    send: Callable[[bytes], Awaitable[None]],
    caller: Caller,
) -> str:
    """Execute a turn for `client` and `send` what `encoder` writes; returns the mode that answered.

    `link` gives the address of a file of the library; `caller` is how the turn came.

    Raises `GrokDeskError`.
    """
    async with services.engine.run(turn.asked.request, client=client, link=link, caller=caller) as run:
        async for batch in run:
            await send(b"".join([encoder.feed(event) for event in batch]))
        return run.mode


async def tell_nothing(
    turn: Turn, encoder: ResponsesEncoder, send: Callable[[bytes], Awaitable[None]]
) -> None:
    """Send an answer in which nothing is said, for a client that only announces what it will talk about."""
    started = Started(turn.stamp.id, turn.asked.request.model, turn.stamp.created)
    await send(encoder.feed(started) + encoder.feed(Finished()))


async def _unheard(_frames: bytes) -> None:
    """Send nothing: the client waits for the whole."""


# --- the background -----------------------------------------------------------------------------------------


async def _in_background(
    request: web.Request, services: Services, turn: Turn, client: str, caller: Caller
) -> web.StreamResponse:
    conversations, link = _conversations(services), links_for(request, services)
    encoder = turn.encoder(services)
    first = encoder.queue()
    conversations.keep(turn.stored(encoder))

    async def work(job: Job) -> None:
        async def send(frames: bytes) -> None:
            job.tell(frames_of(frames))

        await send(first)
        try:
            await tell(services, turn, encoder, client, link, send, caller)
        except GrokDeskError as error:
            await send(encoder.failed(error))
        except asyncio.CancelledError:
            if job.is_cancelled:
                await send(encoder.cancelled())
            raise
        finally:
            # Whoever owns this task logs a fault of ours; whoever waits for the answer must not wait on.
            if not encoder.is_over:
                await send(encoder.failed(Broken("GrokDesk could not complete this response.")))

    job = conversations.start(turn.id, lambda: orjson.dumps(encoder.response), work)
    if turn.asked.stream:
        return await _follow(request, services, job.follow())
    return _json(job.answer())


async def _follow(
    request: web.Request, services: Services, batches: AsyncIterator[Sequence[bytes]]
) -> web.StreamResponse:
    """Write frames that are made elsewhere; the client may come and go."""
    heartbeat_s = services.settings.now.gateway.heartbeat_s
    # Only for the failure of this very stream: what is told of a failed answer is among the frames.
    encoder = ResponsesEncoder(resource.unknown())
    async with Pump(encoder, DIALECT.heartbeat, heartbeat_s, services.deadlines, services.spawn) as pump:
        await pump.begin(request)
        request[EXCHANGE].pump = pump
        async for frames in batches:
            await pump.send(b"".join(frames))
    return pump.response


async def _once(frames: Sequence[bytes]) -> AsyncIterator[Sequence[bytes]]:
    yield frames


# --- looking up ---------------------------------------------------------------------------------------------


async def _looked_up(services: Services, wanted: Wanted[Kind], memory: Memory | None = None) -> Known:
    """Return what a request refers to. Raises `PreviousResponseNotFound`."""
    conversations = services.conversations
    history: tuple[str, ...] = ()
    if wanted.previous:
        found = (memory or {}).get(wanted.previous) or await _chain(services, wanted.previous)
        if found is None:
            raise PreviousResponseNotFound(wanted.previous)
        history = found
    known = items.found(wanted.references, history)
    for reference in wanted.references:
        if reference not in known:
            known |= await _found(services, reference)
    if conversations is None:
        return Known(history, known, keeps=False)
    return Known(history, known, conversations.unseal, conversations.keeps)


async def _found(services: Services, reference: str) -> dict[str, Any]:
    owner = items.response_of(reference)
    response = await services.conversations.get(owner) if services.conversations and owner else None
    return items.found([reference], _texts(response)) if response else {}


async def _chain(services: Services, response_id: str) -> tuple[str, ...] | None:
    """The items that led to a kept answer, and those of the answer itself."""
    chain = await services.conversations.chain(response_id) if services.conversations else None
    return None if chain is None else tuple(text for one in chain for text in _texts(one))


def _texts(response: StoredResponse) -> tuple[str, str]:
    return response.asked, items.output_of(response.answer)


async def _kept(services: Services, response_id: str) -> StoredResponse:
    response = await services.conversations.get(response_id) if services.conversations else None
    if response is None:
        raise _unknown(response_id)
    return response


def _conversations(services: Services) -> Conversations:
    if services.conversations is None:
        raise Broken("This gateway keeps no responses.")
    return services.conversations


def _unknown(response_id: str) -> NotFound:
    return NotFound(f"Response with id '{response_id[:100]}' not found.", param="response_id")


def _size(body: bytes, known: Known) -> int:
    return len(body) + sum(map(len, known.history))


def _number(request: web.Request, name: str, usual: int, *, low: int, high: int | None = None) -> int:
    text = request.query.get(name)
    if text is None:
        return usual
    try:
        number = int(text)
    except ValueError:
        raise InvalidRequest(f"'{name}' must be a whole number.", param=name) from None
    if number < low or (high is not None and number > high):
        limits = f"at least {low}" if high is None else f"between {low} and {high}"
        raise InvalidRequest(f"'{name}' must be {limits}.", param=name)
    return number


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
