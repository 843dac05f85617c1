"""A program that uses the library until it is killed: `library_worker.py FOLDER`.

For each seed that it reads, a line, it says the id of a process that keeps, downloads, removes, trims and
runs jobs, all at once, and which says a line itself when it is at work. It is forked, because a new program
would load everything again.
"""

import asyncio
import os
import sys
import uuid
from pathlib import Path
from random import Random

from grokdesk.core.errors import Unreachable
from grokdesk.core.events import Event, Made, Progressed, Submitted
from grokdesk.core.library import Change
from grokdesk.core.media import Artifact, Kind
from grokdesk.platform import deadlines
from tests.engine.libraries import Upstream, asked, drawn, film, picture
from tests.engine.media_house import FILM, TRACE, House, house


async def keep_pictures(here: House, rng: Random) -> None:
    while True:
        upstream, seed = Upstream(), f"{rng.random()}"
        whole = picture(seed, 160, 120)
        upstream.has("u", [whole[:700]], Unreachable("It broke."), whole)
        artifact = drawn(seed) if rng.random() < 0.5 else Artifact(Kind.IMAGE, url="u")
        kept = await here.shelf.library.keep(artifact, asked(seed), upstream)
        if rng.random() < 0.1:
            await here.shelf.library.change([kept.id], Change(favourite=True))
        if rng.random() < 0.2:
            await here.shelf.library.remove([kept.id])


async def keep_films(here: House, rng: Random) -> None:
    while True:
        upstream = Upstream()
        # Some 200 KB, so that the limit of one megabyte is soon reached.
        data = film(f"{rng.random()}", 320, 240, 1.0) + b"\0\0\0\x08free"
        upstream.has("film", data + (160_008).to_bytes(4) + b"free" + rng.randbytes(160_000))
        upstream.has("small", picture(f"{rng.random()}"))
        artifact = Artifact(Kind.VIDEO, url="film", thumbnail_url="small")
        await here.shelf.library.keep(artifact, asked(), upstream)


async def run_jobs(here: House, rng: Random) -> None:
    async def made() -> Event:
        await asyncio.sleep(rng.random() * 0.02)
        return Made(Artifact(Kind.VIDEO), 0, await here.film(film(f"{rng.randrange(50)}")))

    here.engine.plays = [[Submitted(TRACE), Progressed(0.3), made]]
    while True:
        await here.jobs.start(FILM)
        await asyncio.sleep(rng.random() * 0.02)


async def let_go(here: House) -> None:
    while True:
        here.stage.clock.advance(86_400)
        await here.shelf.library.purge()
        await here.shelf.library.trim()
        await asyncio.sleep(0.005)


async def work(folder: Path, seed: int) -> None:
    deadlines.SWEEP_S = 0.001  # type: ignore[misc] # as tests/engine/conftest.py does
    rng = Random(seed)
    async with house(folder, new_id=lambda: uuid.uuid4().hex) as here:
        here.shelf.limit(images_max_mb=1, videos_max_mb=1)
        say("at work")
        async with asyncio.TaskGroup() as group:
            group.create_task(here.shelf.library.upkeep())
            group.create_task(keep_pictures(here, rng))
            group.create_task(keep_films(here, rng))
            group.create_task(run_jobs(here, rng))
            group.create_task(let_go(here))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    folder = Path(sys.argv[1])
    while seed := sys.stdin.readline():
        child = os.fork()
        if not child:
            asyncio.run(work(folder, int(seed)))
            return
        say(str(child))
        os.waitpid(child, 0)
        say("ended")


if __name__ == "__main__":
    main()
