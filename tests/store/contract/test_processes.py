"""Gateways in processes of their own, which compete, and are killed."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.store.contract import holder
from tests.store.contract.holder import ACCOUNT, HELD, MOST
from tests.store.contract.places import QUICK, Place, eventually
from tests.store.contract.servers import TEAM_KEY

pytestmark = pytest.mark.shared

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def gateway(what: str, place: Place, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that uses the store; killed at the end."""
    folder = place.folder / name
    folder.mkdir()
    child = subprocess.Popen(
        [sys.executable, holder.__file__, what, place.running.url, TEAM_KEY.reveal(), str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


async def said(child: subprocess.Popen[bytes]) -> bytes:
    assert child.stdout is not None
    return await asyncio.to_thread(child.stdout.readline)


async def test_three_processes_never_hold_more_than_the_limit(place: Place) -> None:
    """
    However they compete for one account: at most eight at once, all of them used, and none held at the end.
    """
    tally = place.folder / "tally"
    tally.write_text("0 0")

    with (
        gateway("compete", place, "p1") as p1,
        gateway("compete", place, "p2") as p2,
        gateway("compete", place, "p3") as p3,
    ):
        codes = [await asyncio.to_thread(child.wait, 50) for child in (p1, p2, p3)]

    now, most = map(int, tally.read_text().split())
    left = await place.open("after")
    free = [await left.shared.acquire(ACCOUNT, MOST) for _ in range(MOST)]
    assert codes == [0, 0, 0]
    assert now == 0
    assert MOST // 2 < most <= MOST
    assert free == [None] * MOST


async def test_what_a_killed_process_held_is_free_again(place: Place) -> None:
    """
    Its leases and its right to lead end with it, after the time in which it should have said that it lives.
    """
    with gateway("hold", place, "victim") as victim:
        heard = await said(victim)
        stores = await place.open("heir")
        before = (await stores.shared.acquire(ACCOUNT, HELD), stores.shared.leads)

        victim.kill()
        killed_at = time.monotonic()

        async def free() -> bool:
            return await stores.shared.acquire(ACCOUNT, HELD) is None

        async def leads() -> bool:
            return stores.shared.leads

        await eventually(free)
        await eventually(leads)
        took_s = time.monotonic() - killed_at

    assert heard == b"holds, leads=True\n"
    assert before == (HELD, False)
    assert took_s <= QUICK.expire_s + 1.5
