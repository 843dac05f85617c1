"""The real program with its real window, on the one loop, while two hundred clients read."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from random import Random

import aiohttp
import orjson
from PySide6.QtCore import QTimer

from grokdesk.core.accounts import AccountId
from grokdesk.sim import Simulator, World, text
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from tests.rig import FAST, Rig, basic, running, token
from tests.ui.conftest import application
from tests.ui.faces import settle

STREAMS = 200
PIECES = 300
TICK_MS = 20


async def read(session: aiohttp.ClientSession, rig: Rig) -> str:
    """One streamed answer, put together again."""
    body = {"model": FAST, "stream": True, "messages": [{"role": "user", "content": "Go."}]}
    headers = {"Authorization": f"Bearer {rig.key}"}
    said: list[str] = []
    async with session.post(f"{rig.url}/v1/chat/completions", json=body, headers=headers) as response:
        assert response.status == 200
        async for line in response.content:
            if line.startswith(b"data: {"):
                delta = orjson.loads(line[6:])["choices"][0]["delta"]
                said.append(delta.get("content") or "")
    return "".join(said)


async def test_two_hundred_streams_are_complete_while_the_window_lives(tmp_path: Path) -> None:
    """
    Every one of 200 parallel answers of 300 pieces is whole and right, and Qt's timers keep firing meanwhile.
    """
    words = [f"{number} " for number in range(PIECES)]
    world = World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given
    world.record_limit = 100
    world.always(text(pieces=words))
    names = [f"account-{number}" for number in range(30)]
    for name in names:
        for quota in basic(world, name).quota.values():
            quota.remaining = quota.total = 10**6
    async with Simulator(world, port=0).started() as sim, running(tmp_path, sim, world) as rig:
        await rig.add(*(token(name) for name in names))
        look = Look(application())
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        shell.window.bring_up()
        shell.window.go("requests")
        await settle()
        ticks = 0

        def tick() -> None:
            nonlocal ticks
            ticks += 1

        timer = QTimer()
        timer.timeout.connect(tick)
        timer.start(TICK_MS)
        begun = time.monotonic()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            answers = await asyncio.gather(*(read(session, rig) for _ in range(STREAMS)))
        took_ms = (time.monotonic() - begun) * 1000
        timer.stop()
        await rig.until(lambda: rig.app.runs.in_flight == 0)
        leases = [rig.app.pool.in_flight(AccountId(account.id)) for account in rig.app.pool.accounts()]
        await shell.leave()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)

    assert answers == ["".join(words)] * STREAMS
    assert set(leases) == {0}
    # Ten times slower than it should be would still pass; a window that stands still does not.
    assert ticks > took_ms / TICK_MS / 10
