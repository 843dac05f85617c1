"""Looking for new versions: only where and when the owner says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from grokdesk.core.errors import Unreachable
from grokdesk.core.notices import Bus, Notice, UpdatesChanged
from grokdesk.core.settings import Live, Settings
from grokdesk.core.updates import Release, UpdatePhase
from grokdesk.engine.updates import Updates
from grokdesk.platform.tasks import Supervisor

ADDRESS = "http://127.0.0.1:9/notice.json"
DAY = 86_400.0


class Still:
    """A clock that a test moves."""

    def __init__(self, at: float) -> None:
        self.time = at

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class Source:
    """A `ReleaseSource`."""

    def __init__(self) -> None:
        self.release: Release | None = Release("1.1", "https://example.org/", "Calmer.")
        self.asked: list[tuple[str, str]] = []

    async def latest(self, url: str, proxy: str) -> Release:
        self.asked.append((url, proxy))
        if self.release is None:
            raise Unreachable("example.org cannot be reached.")
        return self.release


class Scene:
    """Updates, and what is around them."""

    def __init__(
        self, folder: Path, *, on: bool = True, version: str = "1.0", at: float = 1_000_000.0
    ) -> None:
        self.bus, self.clock, self.source = Bus(), Still(at), Source()
        self.live = Live(Settings())
        self.set(check=on, address=ADDRESS)
        self.heard: list[Notice] = []
        self.bus.subscribe(self.heard.append)
        self.updates = Updates(
            self.source,
            self.live,
            self.bus,
            self.clock,
            version=version,
            file=folder / "updates.json",
            proxy_for=self.proxy_for,
        )

    async def proxy_for(self, url: str) -> str:
        return "http://proxy:1"

    def set(self, **changes: object) -> None:
        now = self.live.now
        self.live.set(
            now.model_copy(update={"updates": now.updates.model_copy(update=changes)}),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with Supervisor() as tasks, tasks.during(self.updates.run(), name="updates"):
            await asyncio.sleep(0.02)
            yield

    async def until(self, true: Callable[[], object]) -> None:
        for _ in range(500):
            if true():
                return
            await asyncio.sleep(0.002)
        raise AssertionError("it never came true")


async def test_switched_off_nobody_is_asked(tmp_path: Path) -> None:
    """
    Neither by itself nor when it is asked to look now.
    """
    scene = Scene(tmp_path, on=False)
    async with scene.running():
        scene.clock.time += 3 * DAY
        await scene.updates.look()

    assert scene.source.asked == []
    assert scene.updates.state.phase is UpdatePhase.OFF


async def test_switched_on_it_looks_at_once_and_then_once_a_day(tmp_path: Path) -> None:
    """
    Through the proxy of the system; what was found is told; switched off, it is forgotten.
    """
    scene = Scene(tmp_path, on=False)
    async with scene.running():
        scene.set(check=True)
        await scene.until(lambda: scene.updates.state.release)
        scene.clock.time += DAY / 2
        scene.set(address=ADDRESS)
        scene.updates.wake()
        await asyncio.sleep(0.02)
        asked = list(scene.source.asked)
        state = scene.updates.state
        scene.set(check=False)

    assert asked == [(ADDRESS, "http://proxy:1")]
    assert (state.phase, state.release, state.at) == (UpdatePhase.NEWER, scene.source.release, 1_000_000.0)
    assert scene.updates.state.release is None
    assert UpdatesChanged() in scene.heard


async def test_the_day_is_counted_over_a_restart(tmp_path: Path) -> None:
    """
    A second start within a day knows what the first found and asks nobody; a day later it asks.
    """
    await Scene(tmp_path).updates.look()

    second = Scene(tmp_path, at=1_000_000 + DAY / 2)
    async with second.running():
        await second.until(lambda: second.updates.state.release)
        second.clock.time += 3_600
        second.updates.wake()
        await asyncio.sleep(0.02)
    third = Scene(tmp_path, at=1_000_000 + DAY)
    async with third.running():
        calm = list(third.source.asked)
        third.clock.time += 61
        third.updates.wake()
        await third.until(lambda: third.source.asked)

    assert second.source.asked == []
    assert calm == []


async def test_a_program_that_was_renewed_is_the_current_one(tmp_path: Path) -> None:
    """
    What was newer before the update is not offered after it.
    """
    await Scene(tmp_path).updates.look()

    after = Scene(tmp_path, version="1.1")
    async with after.running():
        await after.until(lambda: after.updates.state.phase is UpdatePhase.CURRENT)

    assert after.updates.state.release is None


async def test_a_failure_is_quiet_and_keeps_what_was_known(tmp_path: Path) -> None:
    """
    The next look is a day later; the state says why.
    """
    scene = Scene(tmp_path)
    found = (await scene.updates.look()).release
    scene.source.release = None
    scene.clock.time += DAY

    state = await scene.updates.look()

    assert (state.phase, state.failure) == (UpdatePhase.FAILED, "example.org cannot be reached.")
    assert state.release == found
    assert state.at == scene.clock.time


async def test_a_look_that_is_given_up_leaves_no_trace(tmp_path: Path) -> None:
    """
    With the window closed nobody is still looking, and what was known is known.
    """
    scene = Scene(tmp_path)
    found = await scene.updates.look()
    asked = asyncio.Event()

    async def silent(url: str, proxy: str) -> Release:
        asked.set()
        never: asyncio.Future[Release] = asyncio.get_running_loop().create_future()
        return await never

    scene.source.latest = silent  # type: ignore[method-assign]  # a source that does not answer
    async with Supervisor() as tasks:
        looking = tasks.spawn(_looked(scene.updates), name="look")
        await asked.wait()
        assert scene.updates.state.phase is UpdatePhase.LOOKING
        looking.cancel()
        await asyncio.wait({looking})

    assert scene.updates.state == found


async def _looked(updates: Updates) -> None:
    await updates.look()


async def test_a_spoilt_file_is_like_none(tmp_path: Path) -> None:
    """
    Whatever lies there, it starts.
    """
    for content in (b"", b"[]", b'{"address": 1, "at": "x"}', b'{"address": "a", "at": 1, "release": 5}'):
        (tmp_path / "updates.json").write_bytes(content)
        scene = Scene(tmp_path, on=False)
        async with scene.running():
            assert scene.updates.state.phase is UpdatePhase.OFF
