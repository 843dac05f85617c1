"""Getting wishes carried out: by the running program, else by one started on the data folder for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from grokdesk.core.errors import GrokDeskError
from grokdesk.core.options import Options

Json = dict[str, Any]
Ask = Callable[[Mapping[str, Any]], Awaitable[Json]]

# A program that starts or ends holds the folder for a moment without listening.
_ASK_AGAIN_S: Final = 0.1
_ASKED_AT_MOST: Final = 50
_POLL_S: Final = 0.2
# Wishes that say something about the running program, and mean nothing without one.
_ONLY_RUNNING: Final = frozenset({"status", "quit", "jobs.list", "jobs.show", "jobs.cancel"})


@asynccontextmanager
async def asking(options: Options, first: Mapping[str, Any]) -> AsyncIterator[tuple[Ask, Json]]:
    """Have `first` carried out; yields its answer, and how to ask the same program for more.

    Raises `GrokDeskError`.
    """
    from grokdesk.app import App, paths_of  # noqa: PLC0415 - heavy, and not needed by --help
    from grokdesk.platform import single_instance  # noqa: PLC0415 - same

    folder = paths_of(options).data

    async def ask_running(wish: Mapping[str, Any]) -> Json:
        answer = await single_instance.ask(folder, wish)
        if answer is None:
            raise GrokDeskError("GrokDesk was quit in the meantime.")
        return answer

    for asked in range(1, _ASKED_AT_MOST + 1):
        answer = await single_instance.ask(folder, first)
        if answer is not None:
            yield ask_running, answer
            return
        if first["do"] in _ONLY_RUNNING:
            yield ask_running, {"running": False, "jobs": []}
            return
        try:
            async with App.started(options) as app:
                yield app.commands.do, await app.commands.do(first)
                return
        except single_instance.AlreadyRunning:
            if asked == _ASKED_AT_MOST:
                raise
            await asyncio.sleep(_ASK_AGAIN_S)


async def followed(ask: Ask, answer: Json, progress: Callable[[Json], None]) -> Json:
    """The end of the job that `answer` names, with all its results; `progress` hears how far it is.

    When whoever waits leaves, the job is cancelled.
    """
    job_id = answer["job"]["id"]
    results: list[Json] = []
    try:
        while True:
            now = await ask({"do": "jobs.show", "job": job_id, "after": len(results)})
            results += now["results"]
            progress(now["job"])
            if now["job"]["ended_at"] is not None and len(results) >= now["job"]["done"]:
                return {"job": now["job"], "results": results}
            await asyncio.sleep(_POLL_S)
    except asyncio.CancelledError:
        await ask({"do": "jobs.cancel", "job": job_id})
        raise


async def made(ask: Ask, answer: Json, progress: Callable[[Json], None]) -> Json:
    """The end of the pictures or film that `answer` names, with the files; as `followed` otherwise.

    What is looked for at Grok is waited for, and not given up when whoever waits leaves.
    """
    job_id = answer["media"]["id"]
    try:
        while True:
            progress(answer["media"])
            if answer["media"]["is_over"] and not answer["media"]["is_looked_for"]:
                return answer
            await asyncio.sleep(_POLL_S)
            answer = await ask({"do": "media.show", "id": job_id})
    except asyncio.CancelledError:
        if not answer["media"]["is_over"]:
            left = await ask({"do": "media.cancel", "id": job_id})
            progress(left["media"])
        raise


async def done(ask: Ask, answer: Json, progress: Callable[[Json], None]) -> Json:
    """The end of the errand that `answer` names; as `followed` otherwise."""
    errand_id = answer["errand"]["id"]
    try:
        while True:
            progress(answer["errand"])
            if answer["errand"]["ended_at"] is not None:
                return answer
            await asyncio.sleep(_POLL_S)
            answer = await ask({"do": "library.errand", "errand": errand_id})
    except asyncio.CancelledError:
        left = await ask({"do": "library.stop", "errand": errand_id})
        progress(left["errand"])
        raise
