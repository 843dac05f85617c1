"""The windows on a full program: 10,000 accounts, 100,000 requests, 10,000 pictures, and work beside them.

The method of design/ux.md §13: offscreen, 1120 × 720, plain raster. A frame is what a person did (a step of
the scroll bar, a key), the repaint, and what the loop has to do meanwhile, sixty times a second. Beside them
run 20 streams of 100 pieces a second through the gateway, and accounts change 300 times a second.

    python -m bench.windows full FOLDER PORT-OF-GROK     the program, its figures as JSON
    python -m bench.windows face FOLDER                  the same on an empty folder: memory and first showing
    python -m bench.windows ask PORT KEY STREAMS         clients that ask without end
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import linecache
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import psutil

from bench.load import Target, ask
from bench.processes import ROOT, environment_of, free_port, process, wait_for
from bench.world import TOKENS

if TYPE_CHECKING:
    from PySide6.QtWidgets import QAbstractItemView, QLineEdit

    from grokdesk.app import App
    from grokdesk.core.accounts import Account
    from grokdesk.core.runs import RunRecord
    from grokdesk.ui.shell import Shell
    from grokdesk.ui.windows.main_window import MainWindow

ACCOUNTS = 10_000
REQUESTS = 100_000
FILES = 10_000
STREAMS = 20
A_SECOND = 100
NOTICES = 300
FRAMES = 300
TYPED = "grok anna 4.20"

_PIECES = 1_000
_STEP_PX = 60
_FRAME_S = 1 / 60
_SIZE = (1120, 720)
_NOW = 1_790_000_000.0
_IDLE_S = 10
_QUIET_MS = 4.0


@dataclass(slots=True)
class Figures:
    """Times in ms, memory in MB. Panes by their key; `frames` by pane and what was done."""

    first: dict[str, float] = field(default_factory=dict)
    later: dict[str, float] = field(default_factory=dict)
    frames: dict[str, list[float]] = field(default_factory=dict)
    keys: list[float] = field(default_factory=list)
    resized: list[float] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)
    shown: float = 0.0
    usable: float = 0.0
    idle: float = 0.0
    wakes: float = 0.0
    hidden_mb: float = 0.0
    window_mb: float = 0.0
    streamed: int = 0


def full() -> Figures:
    """Measure the full program beside its load."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        upstream = free_port()
        stack.enter_context(process("-m", "bench.world", str(upstream), str(_PIECES), str(1 / A_SECOND)))
        wait_for(upstream, "/")
        return _told("full", folder, str(upstream))


def face() -> Figures:
    """Measure a program without anything in it."""
    # Once for nothing: what compiles its modules needs more memory than what finds them compiled.
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            found = _told("face", folder)
    return found


def _told(*arguments: str) -> Figures:
    done = subprocess.run(
        [sys.executable, "-m", "bench.windows", *arguments],
        cwd=ROOT,
        env=environment_of({"QT_QPA_PLATFORM": "offscreen"}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise SystemExit(done.returncode)
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


# --- what is in it ------------------------------------------------------------------------------------------


def accounts() -> list[Account]:
    """Return those that the bench's Grok knows, and many that cannot serve now, each for a reason."""
    from grokdesk.core.accounts import (  # noqa: PLC0415 - only in the process that measures
        DEFAULT_WINDOWS,
        Account,
        AccountId,
        Status,
        Tier,
        TierSource,
    )
    from grokdesk.core.secret import Secret  # noqa: PLC0415 - same

    rng = Random(1)
    made = []
    for number in range(ACCOUNTS):
        tier = Tier.BASIC if number < len(TOKENS) else rng.choice((Tier.BASIC, Tier.SUPER, Tier.HEAVY))
        one = Account(
            AccountId(f"account{number:06}"),
            Secret(TOKENS[number] if number < len(TOKENS) else f"invented-sso-token-of-account-{number:06}"),
            tier=tier,
            tier_source=TierSource.PROVEN,
            windows=dict(DEFAULT_WINDOWS[tier]),
            label=f"Anna {number}" if number % 3 else "",
            email=f"anna.{number}@example.org",
            tags=("work", "shared")[: number % 3],
            created_at=_NOW - number,
        )
        if number >= len(TOKENS):
            match number % 4:
                case 0:
                    one = replace(one, status=Status.EXPIRED, reason="Grok says this sign-in has ended.")
                case 1:
                    one = replace(one, status=Status.DISABLED, reason="Switched off by you.")
                case _:
                    one = replace(
                        one, resting_until=4_000_000_000.0, rest_reason="Grok sent an empty answer."
                    )
        made.append(one)
    return made


def requests(now: float) -> list[RunRecord]:
    """Return requests of the last hundred days, oldest first."""
    from grokdesk.core.runs import RunRecord, RunState, Try  # noqa: PLC0415 - only in the process that measures

    rng = Random(2)
    made = []
    for number in range(REQUESTS):
        failed = rng.random() < 0.05
        name = f"Anna {rng.randrange(ACCOUNTS)}"
        said = "Cloudflare stopped this request on the way to Grok; the account is fine." if failed else ""
        made.append(
            RunRecord(
                id=f"run{number:08}",
                at=now - 86.4 * (REQUESTS - number),
                model=rng.choice(("grok-4.20-fast", "grok-4.20-expert", "grok-4.20-heavy")),
                client=rng.choice(("claude-cli/2.1", "OpenAI/Python 3.54", "Cursor")),
                mode="fast",
                account_name=name,
                egress="direct",
                state=RunState.FAILED if failed else RunState.DONE,
                failure=said,
                first_ms=rng.randrange(300, 3_000),
                total_ms=rng.randrange(3_000, 30_000),
                pieces=300,
                prompt_tokens=1_000,
                completion_tokens=400,
                tries=(Try(name, "direct", said),),
            )
        )
    return made


async def fill(folder: Path) -> None:
    """Put everything into a data folder."""
    from bench.library import fill as fill_library  # noqa: PLC0415 - only in the process that measures
    from grokdesk.app import App  # noqa: PLC0415 - same
    from grokdesk.core.options import Options  # noqa: PLC0415 - same

    (folder / "config.toml").write_text(f"[privacy]\nkeep_requests = {REQUESTS}\n", "utf-8")
    async with App.started(Options(data_dir=folder, headless=True, environment={}, serve=False)) as app:
        await app.pool._store.add(accounts())  # noqa: SLF001 - states that only time and Grok bring about
        for number, run in enumerate(requests(app.clock.now())):
            app.runs._store.save(run)  # noqa: SLF001 - same, requests of a hundred days
            if number % 2_000 == 0:
                await asyncio.sleep(0.01)
    await fill_library(folder, FILES)


# --- measuring ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def running(folder: Path, **settings: object) -> AsyncIterator[tuple[App, Shell]]:
    """The program with its window, which is not shown yet."""
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415 - only in the process that measures

    from grokdesk.app import App  # noqa: PLC0415 - same
    from grokdesk.core.options import Options  # noqa: PLC0415 - same
    from grokdesk.ui.shell import Shell  # noqa: PLC0415 - same
    from grokdesk.ui.theme import Look  # noqa: PLC0415 - same
    from grokdesk.ui.tray import Tray, TrayState  # noqa: PLC0415 - same

    qt = QApplication.instance()
    assert isinstance(qt, QApplication)
    look = Look(qt)
    tray = Tray(look, TrayState())
    overrides = {
        "gateway.port": free_port(),
        "accounts.check_on_import": False,
        "accounts.check_regularly": False,
        "logging.level": "warning",
        **{name.replace("__", "."): value for name, value in settings.items()},
    }
    options = Options(data_dir=folder, headless=True, environment={}, overrides=overrides)
    async with App.started(options) as app:
        shell = Shell(app, look, tray)
        shell.refresh_tray()
        try:
            yield app, shell
        finally:
            await shell.leave()
            tray.hide()


async def _first_showing(found: Figures, shell: Shell) -> None:
    """How long it takes from the click to a picture, and until the loop is at rest again."""
    began = time.perf_counter()
    shell.window.bring_up()
    shell.window.resize(*_SIZE)
    shell.window.repaint()
    found.shown = _since(began)
    while True:
        turn = time.perf_counter()
        await asyncio.sleep(0.005)
        if _since(turn) < 5 + _QUIET_MS:
            break
    found.usable = _since(began)


async def _idle(found: Figures) -> None:
    """Processor and wake-ups while nothing is shown and nobody asks."""
    await asyncio.sleep(3)
    me = psutil.Process()
    before, switches = sum(me.cpu_times()[:2]), me.num_ctx_switches().voluntary
    await asyncio.sleep(_IDLE_S)
    # The sleep itself is one.
    found.wakes = max(0.0, me.num_ctx_switches().voluntary - switches - 1) / _IDLE_S
    found.idle = (sum(me.cpu_times()[:2]) - before) / _IDLE_S * 100


async def measured_face(folder: Path) -> Figures:
    """Memory, idling and the first showing of an empty program."""
    found = Figures()
    async with running(folder) as (_, shell):
        # As the program does after its start: PySide6 has read the source of every module (ui/main.py).
        linecache.clearcache()
        await _idle(found)
        gc.collect()
        found.hidden_mb = _memory_mb()
        await _first_showing(found, shell)
        await asyncio.sleep(0.5)
        found.window_mb = _memory_mb()
    return found


async def measured_full(folder: Path, upstream: int) -> Figures:
    """Everything that depends on how much there is."""
    await fill(folder)
    url = f"http://127.0.0.1:{upstream}"
    found = Figures()
    async with running(folder, grok_web__api_url=url, grok_web__chat_form="rest") as (app, shell):
        await _idle(found)
        found.hidden_mb = _memory_mb()
        await _first_showing(found, shell)
        await _switch(found, shell.window)
        await _resize(found, shell.window)
        found.window_mb = _memory_mb()
        async with _load(app, found):
            await _scroll_and_type(found, shell.window)
    return found


async def _switch(found: Figures, window: MainWindow) -> None:
    from grokdesk.ui.windows.places import places  # noqa: PLC0415 - only in the process that measures

    keys = [place.key for place in places()]
    for figures in (found.first, found.later):
        for key in keys:
            began = time.perf_counter()
            window.go(key)
            window.repaint()
            await asyncio.sleep(0)
            figures[key] = _since(began)
            await asyncio.sleep(0.4)


async def _resize(found: Figures, window: MainWindow) -> None:
    for key in ("accounts", "requests", "library"):
        window.go(key)
        await asyncio.sleep(0.3)
        for width in (900, 1400, 1000, _SIZE[0]):
            began = time.perf_counter()
            window.resize(width, _SIZE[1])
            window.repaint()
            found.resized.append(_since(began))
            await asyncio.sleep(0.05)


async def _scroll_and_type(found: Figures, window: MainWindow) -> None:
    from PySide6.QtTest import QTest  # noqa: PLC0415 - only in the process that measures

    for key in ("accounts", "requests", "library"):
        pane = window.go(key)
        await asyncio.sleep(1)
        view = _view(window)
        bar = view.verticalScrollBar()
        step = _STEP_PX if bar.singleStep() > 1 else 2

        def scroll(number: int, bar: object = bar, step: int = step) -> None:
            bar.setValue(number * step)  # type: ignore[attr-defined] # a scroll bar

        bar.setValue(0)
        found.frames[f"{key}, scrolling"] = await _frames(scroll, view)
        field = pane.search_field()
        assert field is not None
        letters = itertools.cycle([*TYPED, *["\b"] * len(TYPED)])

        def write(number: int, field: QLineEdit = field, letters: itertools.cycle[str] = letters) -> None:
            # Ten keys a second: nobody types faster for long.
            if number % 6:
                return
            began = time.perf_counter()
            letter = next(letters)
            QTest.keyClicks(field, letter) if letter != "\b" else field.backspace()
            field.repaint()
            found.keys.append(_since(began))

        found.frames[f"{key}, typing"] = await _frames(write, view)
        field.clear()
        await asyncio.sleep(0.3)


def _view(window: MainWindow) -> QAbstractItemView:
    """The list of the pane in sight."""
    from PySide6.QtWidgets import QAbstractItemView  # noqa: PLC0415 - only in the process that measures

    views = [one for one in window.pane.findChildren(QAbstractItemView) if one.isVisible()]
    return max(views, key=lambda one: one.width() * one.height())


async def _frames(act: Callable[[int], None], view: QAbstractItemView) -> list[float]:
    taken = []
    for number in range(1, FRAMES + 1):
        began = time.perf_counter()
        act(number)
        view.viewport().repaint()
        await asyncio.sleep(0)
        taken.append(_since(began))
        await asyncio.sleep(max(0.0, _FRAME_S - taken[-1] / 1_000))
    return taken


@asynccontextmanager
async def _load(app: App, found: Figures) -> AsyncIterator[None]:
    """Clients that ask, accounts that change, and a clock that sees how late the loop is."""
    from PySide6.QtCore import Qt, QTimer  # noqa: PLC0415 - only in the process that measures

    from grokdesk.core.notices import AccountChanged  # noqa: PLC0415 - same

    everyone = [account.id for account in app.pool.accounts()]
    rng, last = Random(3), [0.0]

    def change() -> None:
        app.bus.publish(AccountChanged(frozenset(rng.choices(everyone, k=NOTICES // 100))))

    def tick() -> None:
        now = time.perf_counter()
        if last[0]:
            found.ticks.append((now - last[0]) * 1_000)
        last[0] = now

    timers = []
    for interval, act in ((10, change), (16, tick)):
        timer = QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(act)
        timer.start(interval)
        timers.append(timer)
    key = app.keys.all()[0].value.reveal()
    port = str(app.gateway.state.port)
    with process("-m", "bench.windows", "ask", port, key, str(STREAMS)):
        async with asyncio.timeout(30):
            while app.runs.in_flight < STREAMS:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
        found.ticks.clear()
        yield
        found.streamed = app.runs.in_flight
    for timer in timers:
        timer.stop()


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1_000


def _memory_mb() -> float:
    return float(psutil.Process().memory_full_info().uss) / (1 << 20)


async def _ask_on(port: int, key: str, streams: int) -> None:
    async def one(number: int) -> None:
        target = Target("load", port, key)
        await asyncio.sleep(number * 0.05)
        while True:
            try:
                await ask(target)
            except (OSError, ValueError):
                await asyncio.sleep(0.2)

    await asyncio.gather(*(one(number) for number in range(streams)))


def _main() -> None:
    if sys.argv[1] == "ask":
        asyncio.run(_ask_on(int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
        return
    from grokdesk.ui.loop import new_loop  # noqa: PLC0415 - only in the process that measures
    from grokdesk.ui.main import application  # noqa: PLC0415 - same

    qt = application()
    folder = Path(sys.argv[2])
    with asyncio.Runner(loop_factory=lambda: new_loop(qt)) as runner:
        if sys.argv[1] == "face":
            found = runner.run(measured_face(folder))
        else:
            found = runner.run(measured_full(folder, int(sys.argv[3])))
    sys.stdout.write(json.dumps(asdict(found)) + "\n")


if __name__ == "__main__":
    _main()
