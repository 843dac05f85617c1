"""Ten thousand accounts: bringing them in, and choosing one."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from random import Random

from grokdesk.app import App
from grokdesk.core.accounts import Account, AccountId, Mode, Status, Tier, TierSource
from grokdesk.core.options import Options
from grokdesk.core.pool import Need, Seat, Strategy, choose
from grokdesk.core.secret import Secret

_ROUNDS = 300


async def importing_s(count: int) -> tuple[float, float, float]:
    """Seconds to read a file of `count` tokens, to seal and write them, and to load them again."""
    text = "\n".join(f"invented-sso-token-of-account-{number:06}" for number in range(count))
    with tempfile.TemporaryDirectory() as folder:
        options = Options(data_dir=Path(folder), headless=True, serve=False, environment={})
        async with App.started(options) as app:
            begun = time.perf_counter()
            reading = app.read_accounts(text)
            read = time.perf_counter()
            await app.pool.add(reading.found)
            written = time.perf_counter()
        async with App.started(options) as app:
            again = time.perf_counter()
            await app.pool._store.all()  # noqa: SLF001 - the part of starting that grows with the accounts
            loaded = time.perf_counter()
            assert len(app.pool) == count
    return read - begun, written - read, loaded - again


def choosing_ms(count: int) -> dict[str, list[float]]:
    """Milliseconds of single choices among `count` accounts: all ready, one in fifty, none."""
    now = 1_800_000_000.0
    rng = Random(1)
    need = Need((Tier.BASIC, Tier.SUPER, Tier.HEAVY), (Mode.FAST,))

    def seats(ready: int) -> dict[Tier, list[Seat]]:
        built = []
        for number in range(count):
            account = Account(AccountId(str(number)), Secret(f"token-{number}")).with_tier(
                Tier.BASIC, TierSource.PROVEN
            )
            if number % max(1, count // ready if ready else count + 1) or not ready:
                account = replace(account, status=Status.ACTIVE, resting_until=now + 100)
            built.append(Seat(account))
        return {Tier.BASIC: built}

    taken: dict[str, list[float]] = {}
    for name, ready in (("all ready", count), ("1 in 50 ready", count // 50), ("none ready", 0)):
        there = seats(ready)
        taken[name] = []
        for _ in range(_ROUNDS):
            begun = time.perf_counter()
            choose(there, need, strategy=Strategy.BY_QUOTA, max_in_flight=8, tried=(), now=now, rng=rng)
            taken[name].append((time.perf_counter() - begun) * 1000)
    return taken
