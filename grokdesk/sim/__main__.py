"""The demo world alone: `python -m grokdesk.sim --port 5001`."""

import argparse
import asyncio
import logging
import random
import time

from grokdesk.sim.seed import demo_tokens, demo_world
from grokdesk.sim.server import Simulator

log = logging.getLogger(__name__)


def main() -> None:
    """Serve until interrupted."""
    arguments = argparse.ArgumentParser(
        prog="python -m grokdesk.sim", description="A simulated Grok on this machine."
    )
    arguments.add_argument("--port", type=int, default=5001)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--pace", type=float, default=None, help="seconds before each piece")
    arguments.add_argument("--strict", action="store_true", help="refuse what breaks the protocol document")
    chosen = arguments.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        asyncio.run(_serve(chosen.host, chosen.port, pace_s=chosen.pace, strict=chosen.strict))
    except KeyboardInterrupt:
        log.info("stopped")


async def _serve(host: str, port: int, *, pace_s: float | None, strict: bool) -> None:
    world = demo_world(time.time, random.Random(1))  # noqa: TID251 - the real clock is injected here
    world.strict = strict
    if pace_s is not None:
        world.pace_s = pace_s
    async with Simulator(world, port, host).started() as simulator:
        log.info("serving url=%s", simulator.url)
        for token, label in demo_tokens():
            log.info("account token=%s label=%s", token, label)
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
