"""The gateway on the loop that the desktop program runs."""

from __future__ import annotations

import asyncio

import aiohttp
import qasync
from pytestqt.qtbot import QtBot

from grokdesk.core.events import TextPiece
from grokdesk.core.notices import Bus
from grokdesk.core.settings import GatewaySettings, Live, Settings
from grokdesk.gateway.ports import Services
from grokdesk.gateway.server import Gateway
from grokdesk.platform.tasks import Supervisor
from tests.gateway.fakes import KEY, FakeClock, ManualDeadlines, OneKey, ScriptedEngine, finished, started

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


def test_a_conversation_on_qts_loop(qtbot: QtBot, qapp: object) -> None:
    """
    Streams arrive whole, and a client that leaves ends its run there too.
    """
    loop = qasync.QEventLoop(qapp)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        heard, in_flight = runner.run(converse_and_leave())

    assert heard.endswith(b"data: [DONE]\n\n")
    assert in_flight == 0
