"""The gateway on the loop that the desktop program runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import qasync
from pytestqt.qtbot import QtBot

from grokdesk.core.events import TextPiece
from grokdesk.core.media import Kind
from grokdesk.core.notices import Bus
from grokdesk.core.settings import GatewaySettings, Live, Settings
from grokdesk.gateway.ports import Services
from grokdesk.gateway.server import Gateway
from grokdesk.platform.tasks import Supervisor
from tests.gateway.fakes import (
    KEY,
    FakeClock,
    FakeLibrary,
    ManualDeadlines,
    OneKey,
    ScriptedEngine,
    finished,
    settle,
    started,
)

ASK = {"model": "grok-4.20-fast", "messages": [{"role": "user", "content": "Hi"}], "stream": True}


async def converse_and_leave() -> tuple[bytes, int]:
    """Return what one client heard, and how many runs are open after another one left."""
    engine, clock = ScriptedEngine(), FakeClock()
    async with Supervisor() as supervisor:
        services = Services(
            engine=engine,
            keys=OneKey(),
            settings=Live(Settings(gateway=GatewaySettings(port=0))),
            bus=Bus(),
            clock=clock,
            spawn=supervisor.spawn,
            deadlines=ManualDeadlines(clock),
        )
        gateway = Gateway(services)
        await gateway.start()
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession(gateway.state.base_url + "/", headers=headers) as http:
            async with http.post("chat/completions", json=ASK) as response:
                heard = await response.read()
            engine.says([started(), TextPiece("Hel")], asyncio.Event(), [finished()])
            async with http.post("chat/completions", json=ASK) as response:
                await response.content.readuntil(b"Hel")
                response.close()
            await engine.empty.wait()
        await gateway.stop(grace_s=0)
    return heard, engine.in_flight


async def open_and_leave(folder: Path) -> tuple[bytes, list[str]]:
    """Return what one client got of a film, and what is still being read after another one left."""
    library, clock = FakeLibrary(folder), FakeClock()
    film = library.add(b"film" * 5_000_000, kind=Kind.VIDEO, media_type="video/mp4")
    async with Supervisor() as supervisor:
        services = Services(
            engine=ScriptedEngine(),
            keys=OneKey(),
            settings=Live(Settings(gateway=GatewaySettings(port=0))),
            bus=Bus(),
            clock=clock,
            spawn=supervisor.spawn,
            deadlines=ManualDeadlines(clock),
            library=library,
        )
        gateway = Gateway(services)
        await gateway.start()
        async with aiohttp.ClientSession(f"http://{gateway.state.address}") as http:
            async with http.get(film.path, headers={"Range": "bytes=4000000-"}) as response:
                heard = await response.read()
            async with http.get(film.path) as response:
                await response.content.readexactly(4)
                response.close()
            async with asyncio.timeout(10):
                while library.being_read:
                    await settle()
        await gateway.stop(grace_s=0)
    return heard, library.being_read


def test_a_film_on_qts_loop(qtbot: QtBot, qapp: object, tmp_path: Path) -> None:
    """
    It arrives whole, and a client that leaves lets go of the file.
    """
    loop = qasync.QEventLoop(qapp)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        heard, being_read = runner.run(open_and_leave(tmp_path))

    assert heard == b"film" * 4_000_000
    assert not being_read


def test_a_conversation_on_qts_loop(qtbot: QtBot, qapp: object) -> None:
    """
    Streams arrive whole, and a client that leaves ends its run there too.
    """
    loop = qasync.QEventLoop(qapp)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        heard, in_flight = runner.run(converse_and_leave())

    assert heard.endswith(b"data: [DONE]\n\n")
    assert in_flight == 0
