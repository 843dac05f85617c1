"""The upstream of a benchmark: the simulator with accounts that never run out.

python -m bench.world PORT PIECES [SECONDS BETWEEN TWO]
"""

from __future__ import annotations

import asyncio
import sys
import time

import orjson

from grokdesk.sim import Simulator, World, text

ACCOUNTS = 60
TOKENS = [f"invented-sso-token-of-bench-{number}" for number in range(ACCOUNTS)]
TOKEN = TOKENS[0]
USER = "7b0c1f8e-2f6a-4a39-9a51-5d0d3c9b1e77"
_PLENTY = 10**9


def rest_body(message: str) -> bytes:
    """The body of a chat in the older form, as the relay sends it."""
    return orjson.dumps(
        {
            "collectionIds": [],
            "connectors": [],
            "deviceEnvInfo": {},
            "disableMemory": True,
            "disableSearch": False,
            "enableImageGeneration": True,
            "enableImageStreaming": True,
            "fileAttachments": [],
            "imageAttachments": [],
            "message": message,
            "modeId": "fast",
            "responseMetadata": {},
            "sendFinalMetadata": True,
            "temporary": True,
            "toolOverrides": {},
        }
    )


def world(pieces: int, pace_s: float = 0.0) -> World:
    """A world whose every answer is `pieces` invented words, at a pace or as they are taken."""
    built = World(time.time)  # noqa: TID251 - the clock the simulator is given
    built.strict = False
    built.pace_s = pace_s
    built.record_limit = 100
    built.always(text(pieces=pieces))
    for token in TOKENS:
        account = built.add(token=token, tier="basic", user_id=USER if token == TOKEN else None)
        for quota in account.quota.values():
            quota.remaining = quota.total = _PLENTY
    return built


async def main(port: int, pieces: int, pace_s: float) -> None:
    """Serve until killed."""
    async with Simulator(world(pieces, pace_s), port=port).started():
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) if sys.argv[3:] else 0.0))
