"""Chat completions that a client asks to keep (`store`), and what it can do with them afterwards.

They are kept as the client heard them, with the messages it had sent. Every key sees those of every other:
they are the owner's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiohttp import web
from pydantic_core import from_json, to_json

from grokdesk.core.completions import CompletionStore, KeptCompletion, Wanted
from grokdesk.core.errors import GrokDeskError, NotFound
from grokdesk.core.events import Event, Transcript
from grokdesk.dialects.base import Asked, Encoder, Stamp
from grokdesk.dialects.openai_chat import OpenAIChat
from grokdesk.dialects.openai_chat.asked import ChatAsked
from grokdesk.dialects.openai_chat.encode import PREFIX
from grokdesk.dialects.openai_chat.schema import Keeping
from grokdesk.dialects.reading import read
from grokdesk.gateway.converse import converse, read_body
from grokdesk.gateway.exchange import EXCHANGE
from grokdesk.gateway.paging import newest_first, page_limit
from grokdesk.gateway.ports import Services

Json = dict[str, Any]  # what clients sent and heard, passed on unread

_METADATA: Final = re.compile(r"metadata\[(.+)\]")
_CONTENT_PARTS: Final = {"text", "image_url"}


async def complete(request: web.Request, services: Services) -> web.StreamResponse:
    """Answer a conversation, and keep the answer when the client wants that. Raises `GrokDeskError`."""
    if services.completions is not None:
        request[EXCHANGE].dialect = _Keeper(services.completions)
    return await converse(request, services)


async def list_completions(request: web.Request, services: Services) -> web.StreamResponse:
    """List what is kept, a page at a time. Raises `InvalidRequest`."""
    limit, after = page_limit(request), request.query.get("after", "")
    if services.completions is None:
        return _page([], more=False)
    if after:
        await _kept(services, after)
    metadata = {
        match[1]: value for name, value in request.query.items() if (match := _METADATA.fullmatch(name))
    }
    wanted = Wanted(request.query.get("model", ""), metadata, newest_first(request, usual="asc"))
    found = await services.completions.page(wanted, after=after, limit=limit + 1)
    return _page([_told(completion) for completion in found[:limit]], more=len(found) > limit)


async def show_completion(request: web.Request, services: Services) -> web.StreamResponse:
    """Tell one as it was told before. Raises `NotFound`."""
    return _json(_told(await _kept(services, request.match_info["id"])))


async def describe_completion(request: web.Request, services: Services) -> web.StreamResponse:
    """Give one other metadata. Raises `InvalidRequest`."""
    metadata = read(Keeping, await read_body(request, services)).metadata or {}
    completion_id = request.match_info["id"]
    completions = services.completions
    described = await completions.describe(completion_id, metadata) if completions is not None else None
    if described is None:
        raise _unknown(completion_id)
    return _json(_told(described))


async def delete_completion(request: web.Request, services: Services) -> web.StreamResponse:
    """Forget one. Raises `NotFound`."""
    completion_id = request.match_info["id"]
    if services.completions is None or not await services.completions.delete(completion_id):
        raise _unknown(completion_id)
    return _json({"object": "chat.completion.deleted", "id": completion_id, "deleted": True})


async def list_messages(request: web.Request, services: Services) -> web.StreamResponse:
    """List the messages that one answered, a page at a time. Raises `InvalidRequest`."""
    limit, after = page_limit(request), request.query.get("after", "")
    completion = await _kept(services, request.match_info["id"])
    messages = [
        _message(one, f"{completion.id}-{at}") for at, one in enumerate(from_json(completion.messages))
    ]
    if newest_first(request, usual="asc"):
        messages.reverse()
    if after:
        ids = [message["id"] for message in messages]
        if after not in ids:
            raise NotFound(f"There is no message '{after[:100]}' here.", param="after")
        messages = messages[ids.index(after) + 1 :]
    return _page(messages[:limit], more=len(messages) > limit)


# --- keeping ------------------------------------------------------------------------------------------------


class _Keeper(OpenAIChat):
    """The dialect for one request: what a client wants kept is kept before it hears the end."""

    def __init__(self, completions: CompletionStore) -> None:
        self._completions = completions
        self._messages = ""

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Asked:
        asked = super().decode(body, headers)
        if _metadata(asked) is not None:
            # Read again, and only here: what is asked of the engine is what was meant, not what was written.
            self._messages = to_json(from_json(body)["messages"]).decode()
        return asked

    def encoder(self, asked: Asked, stamp: Stamp) -> Encoder:
        encoder = super().encoder(asked, stamp)
        if _metadata(asked) is None:
            return encoder
        return _Listening(encoder, asked.choices, lambda heard: self.render(asked, stamp, heard))

    def render(self, asked: Asked, stamp: Stamp, transcripts: Sequence[Transcript]) -> bytes:
        answer = super().render(asked, stamp, transcripts)
        metadata = _metadata(asked)
        if metadata is not None:
            self._keep(asked, stamp, answer, metadata)
        return answer

    def _keep(self, asked: Asked, stamp: Stamp, answer: bytes, metadata: Mapping[str, str]) -> None:
        self._completions.save(
            KeptCompletion(
                id=PREFIX + stamp.id,
                created_at=stamp.created,
                model=asked.request.model,
                answer=answer.decode(),
                messages=self._messages,
                metadata=metadata,
            )
        )


class _Listening:
    """An encoder that folds what it writes, and hands that over before it writes the end."""

    def __init__(
        self, encoder: Encoder, choices: int, heard: Callable[[Sequence[Transcript]], object]
    ) -> None:
        self._encoder = encoder
        self._transcripts = [Transcript() for _ in range(choices)]
        self._heard = heard

    def feed(self, event: Event, choice: int = 0) -> bytes:
        self._transcripts[choice].add(event)
        return self._encoder.feed(event, choice)

    def end(self) -> bytes:
        self._heard(self._transcripts)
        return self._encoder.end()

    def fail(self, error: GrokDeskError) -> bytes:
        return self._encoder.fail(error)


def _metadata(asked: Asked) -> Mapping[str, str] | None:
    return asked.keep if isinstance(asked, ChatAsked) else None


# --- telling ------------------------------------------------------------------------------------------------


async def _kept(services: Services, completion_id: str) -> KeptCompletion:
    found = await services.completions.get(completion_id) if services.completions is not None else None
    if found is None:
        raise _unknown(completion_id)
    return found


def _unknown(completion_id: str) -> NotFound:
    return NotFound(
        f"There is no kept completion '{completion_id[:100]}'.",
        hint="Only those that were asked for with 'store' are kept, and not for ever.",
    )


def _told(completion: KeptCompletion) -> Json:
    return {**from_json(completion.answer), "metadata": dict(completion.metadata)}


def _message(message: Json, message_id: str) -> Json:
    """A message in the form of the list: its text is `content`, its parts are `content_parts`."""
    content = message.get("content")
    if not isinstance(content, list):
        return {"content_parts": None, **message, "id": message_id}
    parts = [part for part in content if part["type"] in _CONTENT_PARTS]
    text = "".join(part["text"] for part in parts if part["type"] == "text")
    return {**message, "id": message_id, "content": text or None, "content_parts": parts}


def _page(data: Sequence[Json], *, more: bool) -> web.Response:
    return _json(
        {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": more,
        }
    )


def _json(value: Json) -> web.Response:
    # Not orjson: a message may hold numbers that are too large for it.
    return web.Response(body=to_json(value, inf_nan_mode="null"), content_type="application/json")
