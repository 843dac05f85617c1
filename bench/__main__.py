"""Everything `make bench` measures, one table after the other. Names on the command line choose tables."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from bench.load import FORMATS, Target, ask, burst
from bench.processes import cpu_s, environment_of, free_port, memory_mb, process, wait_for
from bench.world import TOKENS

STREAMS = 200
PIECES = 300
ROUNDS = 3
SINGLES = 150


@dataclass(frozen=True, slots=True)
class Runner:
    """A process under load."""

    target: Target
    running: psutil.Popen


@contextmanager
def gateway(upstream: int, form: str, *, window: bool) -> Iterator[Runner]:
    """The program on a fresh folder, with the bench's accounts."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        port = free_port()
        environment = {
            "GROKDESK__GROK_WEB__API_URL": f"http://127.0.0.1:{upstream}",
            "GROKDESK__GROK_WEB__CHAT_FORM": form,
            "GROKDESK__ACCOUNTS__CHECK_ON_IMPORT": "false",
            "GROKDESK__ACCOUNTS__CHECK_REGULARLY": "false",
            "GROKDESK__LOGGING__LEVEL": "warning",
        }
        base = ["-m", "grokdesk", "--data-dir", folder]
        tokens = Path(folder) / "tokens.txt"
        tokens.write_text("\n".join(TOKENS))
        _run(*base, "accounts", "import", str(tokens), environment=environment)
        key = _run(*base, "keys", "new", "bench", environment=environment).strip()
        face = [] if window else ["--headless"]
        running = stack.enter_context(process(*base, *face, "--port", str(port), environment=environment))
        wait_for(port)
        name = f"gateway, {form}, {'Qt' if window else 'plain'} loop"
        yield Runner(Target(name, port, key), running)


@contextmanager
def relay(upstream: int, form: str) -> Iterator[Runner]:
    """The yardstick of a form."""
    port = free_port()
    with process("-m", "bench.relay", f"http://127.0.0.1:{upstream}", str(port), form) as running:
        wait_for(port)
        yield Runner(Target(f"bare relay, {form}", port), running)


def _run(*arguments: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment_of(environment),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


# --- streams --------------------------------------------------------------------------------------


def streams() -> None:
    """First piece, throughput and CPU, each form beside its relay."""
    upstream = free_port()
    with ExitStack() as stack:
        stack.enter_context(process("-m", "bench.world", str(upstream), str(PIECES)))
        wait_for(upstream, "/")
        groups = [
            [
                stack.enter_context(relay(upstream, form)),
                stack.enter_context(gateway(upstream, form, window=False)),
                stack.enter_context(gateway(upstream, form, window=True)),
            ]
            for form in ("rest", "gateway")
        ]
        asyncio.run(_first_piece(groups))
        asyncio.run(_throughput(groups))


async def _first_piece(groups: list[list[Runner]]) -> None:
    times: dict[str, list[float]] = {}
    for group in groups:
        for runner in group:
            times[runner.target.name] = []
            for _ in range(5):
                await ask(runner.target)
    for _ in range(SINGLES):
        for group in groups:
            for runner in group:
                times[runner.target.name].append((await ask(runner.target)).first_s * 1000)
    _title(f"First piece of one stream, {SINGLES} requests each in turn (goal: at most 3 ms added)")
    for group in groups:
        base = statistics.median(times[group[0].target.name])
        for runner in group:
            ordered = sorted(times[runner.target.name])
            median, late = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
            added = f"   added {median - base:+6.2f} ms" if runner is not group[0] else ""
            _row(runner.target.name, f"median {median:6.2f} ms   p95 {late:6.2f} ms{added}")


async def _throughput(groups: list[list[Runner]]) -> None:
    rates: dict[str, list[float]] = {one.target.name: [] for group in groups for one in group}
    costs: dict[str, list[float]] = {name: [] for name in rates}
    complete = True
    for _ in range(ROUNDS):
        for group in groups:
            for runner in group:
                before = cpu_s(runner.running)
                seconds, pieces = await burst(runner.target, STREAMS)
                # A relay loses the last chunk of some streams (curl_cffi's own streaming).
                complete = complete and (runner is group[0] or pieces == STREAMS * PIECES)
                rates[runner.target.name].append(pieces / seconds)
                costs[runner.target.name].append((cpu_s(runner.running) - before) / pieces * 1e6)
    _title(
        f"{STREAMS} streams of {PIECES} pieces at once, median of {ROUNDS} (goal: 0.6 of the relay); "
        f"{'all complete' if complete else 'SOME INCOMPLETE'}"
    )
    for group in groups:
        base = statistics.median(rates[group[0].target.name])
        for runner in group:
            rate = statistics.median(rates[runner.target.name])
            cost = statistics.median(costs[runner.target.name])
            share = f"   {rate / base:5.2f} of the relay"
            _row(runner.target.name, f"{rate:9,.0f} pieces/s{share}   {cost:6.1f} CPU ms / 1,000")


def formats() -> None:
    """The three public formats side by side."""
    upstream = free_port()
    with ExitStack() as stack:
        stack.enter_context(process("-m", "bench.world", str(upstream), str(PIECES)))
        wait_for(upstream, "/")
        runner = stack.enter_context(gateway(upstream, "rest", window=False))
        asyncio.run(_formats(runner))


async def _formats(runner: Runner) -> None:
    targets = [replace(runner.target, name=name, format=name) for name in FORMATS]
    rates: dict[str, list[float]] = {name: [] for name in FORMATS}
    costs: dict[str, list[float]] = {name: [] for name in FORMATS}
    for _ in range(ROUNDS):
        for target in targets:
            before = cpu_s(runner.running)
            seconds, pieces = await burst(target, STREAMS)
            rates[target.name].append(pieces / seconds)
            costs[target.name].append((cpu_s(runner.running) - before) / pieces * 1e6)
    _title(f"Public formats, {STREAMS} streams of {PIECES} pieces at once (goal: CPU at most 1.3 of chat)")
    base = statistics.median(costs["chat"])
    for name in FORMATS:
        cost = statistics.median(costs[name])
        share = f"   {cost / base:5.2f} of chat"
        _row(name, f"{statistics.median(rates[name]):9,.0f} pieces/s   {cost:6.1f} CPU ms / 1,000{share}")


def long() -> None:
    """What a prompt of 100,000 tokens with 60 tools costs the loop, stage by stage."""
    from bench.prompt import stages_ms  # noqa: PLC0415 - the other tables need none of it

    _title("100,000 tokens and 60 tools: our own work in ms (goal: less than 50 per stage)")
    for name, taken in stages_ms().items():
        _row(name, f"median {statistics.median(taken):6.1f} ms   worst {max(taken):6.1f} ms")


# --- start, idle, memory --------------------------------------------------------------------------


def start() -> None:
    """Cold start, idle CPU and memory, headless and with a window."""
    _title("Start to /readyz (goal: 1.0 s headless), idle CPU over 10 s (< 1 %), memory (90 and 160 MB)")
    for name, face in (("headless", ["--headless"]), ("with window", [])):
        taken = []
        for _ in range(5):
            with _known_folder() as folder, _running(folder, face) as (_, seconds):
                taken.append(seconds)
        with _known_folder() as folder, _running(folder, face) as (running, _):
            time.sleep(3)
            before = cpu_s(running)
            switches = running.num_ctx_switches().voluntary
            time.sleep(10)
            idle = (cpu_s(running) - before) / 10 * 100
            wakes = (running.num_ctx_switches().voluntary - switches) / 10
            memory = memory_mb(running)
        _row(
            name,
            f"start median {statistics.median(taken):5.2f} s (best {min(taken):.2f})   idle {idle:4.2f} %   "
            f"{wakes:4.1f} wake-ups/s   memory {memory:5.0f} MB",
        )


@contextmanager
def _known_folder() -> Iterator[str]:
    """A data folder that has been started before, so that nobody is asked about the master key."""
    with tempfile.TemporaryDirectory() as folder:
        _run("-m", "grokdesk", "--data-dir", folder, "keys", "list", environment={})
        yield folder


@contextmanager
def _running(folder: str, face: list[str]) -> Iterator[tuple[psutil.Popen, float]]:
    port = free_port()
    with process("-m", "grokdesk", "--data-dir", folder, *face, "--port", str(port)) as running:
        yield running, wait_for(port)


def tray() -> None:
    """Start of the process to the tray icon (or the place where it would be)."""
    _title("Start to tray icon (goal: 1.0 s)")
    taken = []
    for _ in range(5):
        with _known_folder() as folder:
            started = time.monotonic()
            with process("-m", "bench.tray", folder, output=subprocess.PIPE) as running:
                taken.append(float(running.stdout.readline()) - started)
    _row("with window", f"median {statistics.median(taken):5.2f} s (best {min(taken):.2f})")


# --- accounts -------------------------------------------------------------------------------------


def accounts() -> None:
    """Import and choice among 10,000 accounts."""
    from bench.accounts import choosing_ms, importing_s  # noqa: PLC0415 - the other tables need none of it

    _title("10,000 accounts (goals: import 3 s, choice 1 ms)")
    read_s, write_s, load_s = asyncio.run(importing_s(10_000))
    _row("import", f"read {read_s:5.2f} s   seal and write {write_s:5.2f} s   load again {load_s:5.2f} s")
    for name, taken in choosing_ms(10_000).items():
        _row(f"choice, {name}", f"median {statistics.median(taken):6.3f} ms   worst {max(taken):6.3f} ms")


def pool() -> None:
    """Starting with 10,000 accounts, and checking them by itself."""
    from bench import pool as measured  # noqa: PLC0415 - the other tables need none of it

    _title("10,000 accounts in the program (goals: ready in 1 s, 40 MB more, 50 ms)")
    empty = [measured.started(0) for _ in range(ROUNDS)]
    full = [measured.started(10_000) for _ in range(ROUNDS)]
    for name, taken in (("without accounts", empty), ("with 10,000", full)):
        ready_s, memory = (statistics.median(figures) for figures in zip(*taken, strict=True))
        _row(name, f"ready in {ready_s:.2f} s   {memory:.0f} MB")
    checked, longest_ms = asyncio.run(measured.refreshing(10_000, 15))
    _row("regular checks, 100 a second", f"{checked} checked, longest hold {longest_ms:.1f} ms")


def media() -> None:
    """Pictures, films and conversations at once."""
    from bench import media as measured  # noqa: PLC0415 - the other tables need none of it

    images, films, chats = measured.IMAGES, measured.FILMS, measured.CHATS
    _title(
        f"{images} requests for {measured.EACH} pictures, {films} films and {chats} conversations at once "
        "(goals: all whole, 50 ms, 300 MB)"
    )
    told = asyncio.run(measured.loaded())
    _row("all at once", f"{told.whole} of {images + films + chats} whole in {told.seconds:.1f} s")
    own = f"our work at most {told.own_ms:.1f} ms of that"
    _row("longest hold of the loop", f"{told.longest_ms:.1f} ms, {own}")
    _row("memory", f"{told.before_mb:.0f} MB before, {told.most_mb:.0f} at most, {told.after_mb:.0f} after")


def library() -> None:
    """20,000 files: opening, putting right, pages with their small pictures, words."""
    from bench import library as measured  # noqa: PLC0415 - the other tables need none of it

    _title("20,000 files in the library (goals: start 100 ms more, page of 200 with thumbnails 50 ms)")
    for count in (0, 20_000):
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(measured.fill(Path(folder), count))
            took = asyncio.run(measured.measured(Path(folder), count))
        _row(
            f"{count:,} files",
            f"open {took.opened:5.1f} ms   then put right in {took.put_right:5.0f} ms beside the rest, "
            f"longest hold {took.longest_hold:4.1f} ms",
        )
    _row(
        "page of 200 with thumbnails",
        f"median {statistics.median(took.pages):5.1f} ms   worst {max(took.pages):5.1f} ms",
    )
    _row(
        "page of 200 by words",
        f"first {took.first_search:5.0f} ms   then median {statistics.median(took.searches):5.1f} ms",
    )


def wall() -> None:
    """Scrolling 10,000 pictures of the library."""
    from bench import wall as measured  # noqa: PLC0415 - the other tables need none of it

    _title(
        f"The wall with {measured.TILES:,} pictures (goals: p95 of a frame 16 ms at 1x, 33 at 2x; resize 50)"
    )
    for scale in (1, 2):
        found = measured.measured(scale)
        for name, frames in (("decoding", found.cold), ("warm", found.warm)):
            ordered = sorted(frames)
            p50, p95, p99 = (ordered[int(len(ordered) * share)] for share in (0.5, 0.95, 0.99))
            _row(f"{scale}x, {name}", f"p50 {p50:5.1f} ms   p95 {p95:5.1f} ms   p99 {p99:5.1f} ms")
        _row(
            f"{scale}x, first and resize",
            f"first {found.first:5.1f} ms   resize worst {max(found.resized):5.1f} ms   "
            f"cache {found.cache_mb:.0f} MB",
        )


def windows() -> None:
    """The windows of a full program beside its work, each budget of the brief with its figure."""
    from bench import windows as measured  # noqa: PLC0415 - the other tables need none of it

    bare, full = measured.face(), measured.full()
    _title(
        f"Windows on {measured.ACCOUNTS:,} accounts, {measured.REQUESTS:,} requests, "
        f"{measured.FILES:,} files; frames beside {measured.STREAMS} streams of {measured.A_SECOND} pieces/s "
        f"and {measured.NOTICES} notices/s (goal: p99 16.7 ms)"
    )
    for name, frames in full.frames.items():
        _row(name, _spread(frames))
    _row("key press to reaction", f"{_spread(full.keys)} (goal: 100)")
    _row("GUI tick", f"{_spread(full.ticks)} (goal: p99 25)")
    _title("Windows: first showing, panes, idling, memory")
    for name, found in (("empty", bare), ("full", full)):
        _row(
            f"{name}, from the click",
            f"on screen {found.shown:5.0f} ms (400)   usable {found.usable:5.0f} ms (700)",
        )
        _row(f"{name}, hidden", f"idle {found.idle:4.2f} % (0.1)   {found.wakes:4.1f} wake-ups/s (1)")
        goals = (" (120)", " (180)") if found is bare else ("", "")
        _row(
            f"{name}, memory",
            f"hidden {found.hidden_mb:4.0f} MB{goals[0]}   window {found.window_mb:4.0f} MB{goals[1]}",
        )
    for key in full.first:
        _row(f"pane {key}", f"first {full.first[key]:5.0f} ms (200)   later {full.later[key]:5.0f} ms (50)")
    _row("resize", f"worst {max(full.resized):5.0f} ms (50)")


def _spread(taken: list[float]) -> str:
    ordered = sorted(taken)
    p50, p95, p99 = (ordered[int(len(ordered) * share)] for share in (0.5, 0.95, 0.99))
    return f"p50 {p50:5.1f} ms   p95 {p95:5.1f} ms   p99 {p99:5.1f} ms"


def _title(text: str) -> None:
    print(f"\n{text}\n{'-' * min(len(text), 100)}", flush=True)


def _row(name: str, text: str) -> None:
    print(f"{name:32} {text}", flush=True)


TABLES = {
    "accounts": accounts,
    "pool": pool,
    "library": library,
    "wall": wall,
    "windows": windows,
    "start": start,
    "tray": tray,
    "streams": streams,
    "formats": formats,
    "long": long,
    "media": media,
}

if __name__ == "__main__":
    for wanted in sys.argv[1:] or TABLES:
        TABLES[wanted]()
