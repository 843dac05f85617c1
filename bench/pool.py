"""Ten thousand accounts in the running program: starting, its memory, and checks that come by themselves."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from bench.processes import free_port, memory_mb, process, wait_for
from grokdesk.app import App
from grokdesk.core.accounts import Account, Meter, Mode, Report, Tier, Window, WindowSource
from grokdesk.core.egress import Egress
from grokdesk.core.options import Options
from grokdesk.engine.reading import read_accounts

QUIET = {
    "GROKDESK__ACCOUNTS__CHECK_ON_IMPORT": "false",
    "GROKDESK__ACCOUNTS__CHECK_REGULARLY": "false",
    "GROKDESK__STORAGE__DAILY_BACKUPS": "0",
    "GROKDESK__LOGGING__LEVEL": "warning",
}
_TICK_S = 0.002
_SETTLE_S = 1.5


async def fill(folder: Path, count: int) -> None:
    """Put `count` accounts into a data folder."""
    options = Options(data_dir=folder, headless=True, serve=False, environment=QUIET)
    async with App.started(options) as app:
        text = "\n".join(f"invented-sso-token-of-account-{number:06}" for number in range(count))
        await app.pool.add(read_accounts(text).found)


def started(count: int) -> tuple[float, float]:
    """Seconds until a program with `count` accounts is ready, and its memory in MB once it is quiet."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(fill(Path(folder), count))
        port = free_port()
        begun = time.perf_counter()
        with process(
            "-m", "grokdesk", "--data-dir", folder, "--headless", "--port", str(port), environment=QUIET
        ) as running:
            wait_for(port, "/readyz")
            ready_s = time.perf_counter() - begun
            time.sleep(_SETTLE_S)
            return ready_s, memory_mb(running)


async def refreshing(count: int, seconds: float) -> tuple[int, float]:
    """How many of `count` accounts were checked by themselves in `seconds`, and the longest hold in ms.

    As fast as the settings allow: fifty at once, a hundred a second. Upstream answers at once.
    """
    with tempfile.TemporaryDirectory() as folder:
        await fill(Path(folder), count)
        overrides = {
            "gateway.port": 0,
            "accounts.checks_at_once": 50,
            "accounts.checks_per_minute": 6_000,
            "accounts.check_regularly": True,
        }
        options = Options(data_dir=Path(folder), headless=True, environment=QUIET, overrides=overrides)
        async with App.started(options) as app:
            app.provider.probe = _probe  # type: ignore[method-assign, assignment] # no Grok is reachable here
            longest = await _longest_hold_s(seconds)
            checked = sum(account.synced_at is not None for account in app.pool.accounts())
    return checked, longest * 1000


async def _probe(account: Account, _: Egress, *, meters: Collection[Meter] = ()) -> Report:  # noqa: ARG001 - as the port
    await asyncio.sleep(0)
    now = time.time()  # noqa: TID251 - upstream's clock
    window = Window(30, 20, 86_400, reset_at=now + 86_400, synced_at=now, source=WindowSource.REAL)
    return Report(email=f"{account.id}@example.org", tier=Tier.BASIC, windows={Mode.FAST: window})


async def _longest_hold_s(seconds: float) -> float:
    """The longest time for which a tick of the loop was late, looking for `seconds`."""
    longest, end = 0.0, time.perf_counter() + seconds
    while (now := time.perf_counter()) < end:
        await asyncio.sleep(_TICK_S)
        longest = max(longest, time.perf_counter() - now - _TICK_S)
    return longest
