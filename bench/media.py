"""Pictures, films and conversations at once: what they hold the loop, and the memory they take.

The program runs in this process, so that its loop can be watched; upstream and the clients are processes of
their own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import psutil

from bench.processes import free_port, process, wait_for
from grokdesk.app import App
from grokdesk.core.options import Options
from grokdesk.engine.reading import read_accounts
from grokdesk.sim import Simulator, World, text

IMAGES, FILMS, CHATS, EACH = 40, 10, 50, 4
_ACCOUNTS: Final = 20
_PLENTY: Final = 1_000_000
_TICK_S: Final = 0.002
_LOOK_S: Final = 0.1
_SETTLE_S: Final = 8.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of it: how much was whole, seconds, the longest hold in ms, memory in MB at three times.

    `own_ms` is the longest work of our own thread between two looks: the rest of a hold is the machine's.
    """

    whole: int
    seconds: float
    longest_ms: float
    own_ms: float
    before_mb: float
    most_mb: float
    after_mb: float


async def loaded() -> Loaded:
    """All of it at once against a fresh program."""
    upstream, port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder, process("-m", "bench.media", "upstream", str(upstream)):
        wait_for(upstream, "/")
        here = f"http://127.0.0.1:{upstream}"
        overrides = {
            "gateway.port": port,
            "grok_web.api_url": here,
            "grok_web.assets_url": here,
            "grok_web.public_images_url": here,
            "grok_web.accounts_url": here,
            "accounts.check_on_import": False,
            "accounts.check_regularly": False,
            "accounts.wait_s": 120,
            "logging.level": "warning",
        }
        options = Options(data_dir=Path(folder), headless=True, overrides=overrides)
        async with App.started(options) as app:
            tokens = "\n".join(f"invented-sso-token-of-account-{number}" for number in range(_ACCOUNTS))
            await app.pool.add(read_accounts(tokens).found)
            key = (await app.keys.make("bench")).value.reveal()
            await asyncio.sleep(1)
            return await _watched(port, key)


async def _watched(port: int, key: str) -> Loaded:
    running = psutil.Process()
    before_mb = most_mb = _mb(running)
    clients = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.media", "clients", str(port), key, stdout=asyncio.subprocess.PIPE
    )
    assert clients.stdout is not None
    reading = asyncio.ensure_future(clients.stdout.read())  # noqa: TID251 - a benchmark has no supervisor
    longest, own, started = 0.0, 0.0, time.perf_counter()
    look_at = started
    while not reading.done():
        now, worked = time.perf_counter(), time.thread_time()
        await asyncio.sleep(_TICK_S)
        own = max(own, time.thread_time() - worked)
        longest = max(longest, time.perf_counter() - now - _TICK_S)
        if now >= look_at:
            most_mb, look_at = max(most_mb, _mb(running)), now + _LOOK_S
    seconds = time.perf_counter() - started
    whole = int(json.loads(await reading)["whole"])
    await clients.wait()
    await asyncio.sleep(_SETTLE_S)
    return Loaded(whole, seconds, longest * 1000, own * 1000, before_mb, most_mb, _mb(running))


def _mb(running: psutil.Process) -> float:
    return float(running.memory_info().rss) / 1e6


# --- the other processes ----------------------------------------------------------------------------


async def _upstream(port: int) -> None:
    world = World(time.time)  # noqa: TID251 - the clock the simulator is given
    world.record_limit = 100
    for number in range(_ACCOUNTS):
        account = world.add(token=f"invented-sso-token-of-account-{number}", tier="heavy")
        for quota in account.quota.values():
            quota.remaining = quota.total = _PLENTY
        for product in ("imagePro", "imageEdit", "video", "video720p"):
            world.media.leave(account, product, _PLENTY)
    world.media.pace_s = 0.02
    world.always(text(pieces=200))
    async with Simulator(world, port=port).started():
        await asyncio.Event().wait()


async def _clients(port: int, key: str) -> int:
    """How many of all requests were answered whole."""
    timeout = aiohttp.ClientTimeout(total=600)
    headers = {"Authorization": f"Bearer {key}"}
    base = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession(base, headers=headers, timeout=timeout) as session:
        told = await asyncio.gather(
            *(_images(session, number) for number in range(IMAGES)),
            *(_film(session, number) for number in range(FILMS)),
            *(_chat(session) for _ in range(CHATS)),
        )
    return sum(told)


async def _images(session: aiohttp.ClientSession, number: int) -> bool:
    body = {"model": "grok-imagine-image", "prompt": f"a boat, number {number}", "n": EACH}
    answer = await _posted(session, "/v1/images/generations", body)
    sizes = [await _size(session, image["url"]) for image in answer.get("data", ())]
    return len(sizes) == EACH and all(sizes)


async def _film(session: aiohttp.ClientSession, number: int) -> bool:
    body = {"model": "grok-imagine-video", "prompt": f"waves, number {number}", "seconds": "6"}
    job = await _posted(session, "/v1/videos", body)
    while job.get("status") in {"queued", "in_progress"}:
        await asyncio.sleep(0.2)
        async with session.get(f"/v1/videos/{job['id']}") as response:
            job = await response.json()
    return job.get("status") == "completed" and await _size(session, f"/v1/videos/{job['id']}/content") > 0


async def _chat(session: aiohttp.ClientSession) -> bool:
    messages = [{"role": "user", "content": "hello"}]
    body = {"model": "grok-4.20-fast", "stream": True, "messages": messages}
    async with session.post("/v1/chat/completions", json=body) as response:
        return (await response.read()).endswith(b"data: [DONE]\n\n")


async def _posted(session: aiohttp.ClientSession, path: str, body: Mapping[str, object]) -> dict[str, Any]:
    async with session.post(path, json=body) as response:
        answer = await response.json()
    if response.status != 200:
        sys.stderr.write(f"{path}: {response.status} {answer}\n")
    return dict(answer)


async def _size(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(url) as response:
        return len(await response.read()) if response.ok else 0


if __name__ == "__main__":
    if sys.argv[1] == "upstream":
        asyncio.run(_upstream(int(sys.argv[2])))
    else:
        print(json.dumps({"whole": asyncio.run(_clients(int(sys.argv[2]), sys.argv[3]))}))
