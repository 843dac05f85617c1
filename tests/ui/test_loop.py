"""The same claims about both loops: ours, and qasync's, which stands in where a selector cannot be polled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from aiohttp import ClientSession, web
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QProgressBar

from grokdesk.platform.tasks import Supervisor, offload
from grokdesk.ui.loop import SharedLoop, new_loop

posix = pytest.mark.skipif(os.name != "posix", reason="needs Unix signals and descriptors")


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_callbacks_run_in_the_order_they_were_scheduled() -> None:
    """
    Soon means in order, also when a callback schedules another.
    """
    loop = asyncio.get_running_loop()
    heard: list[int] = []

    loop.call_soon(heard.append, 1)
    loop.call_soon(lambda: loop.call_soon(heard.append, 3))
    loop.call_soon(heard.append, 2)
    await asyncio.sleep(0.02)

    assert heard == [1, 2, 3]


async def test_timers_fire_in_order_and_not_early() -> None:
    """
    A later deadline that was set first does not hold up an earlier one.
    """
    loop = asyncio.get_running_loop()
    start = loop.time()
    heard: list[tuple[str, float]] = []

    def hear(name: str) -> None:
        heard.append((name, loop.time() - start))

    for name, delay in (("c", 0.09), ("a", 0.02), ("b", 0.05)):
        loop.call_later(delay, hear, name)
    await asyncio.sleep(0.15)

    assert [name for name, _ in heard] == ["a", "b", "c"]
    # qasync's timers are coarse: Qt may fire them 5 % early.
    assert all(at >= due * 0.95 - 0.001 for (_, at), due in zip(heard, (0.02, 0.05, 0.09), strict=True))


async def test_a_cancelled_timer_never_fires() -> None:
    """
    Cancelling takes a callback back.
    """
    heard: list[int] = []
    handle = asyncio.get_running_loop().call_later(0.01, heard.append, 1)

    handle.cancel()
    await asyncio.sleep(0.04)

    assert heard == []


async def test_a_qt_slot_can_schedule_callbacks_and_timers() -> None:
    """
    What a button schedules runs, although asyncio was asleep.
    """
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    heard: list[str] = []

    def clicked() -> None:
        loop.call_soon(heard.append, "soon")
        loop.call_later(0.01, done.set_result, "later")

    QTimer.singleShot(10, clicked)

    assert await asyncio.wait_for(done, 1) == "later"
    assert heard == ["soon"]


async def test_a_qt_slot_can_start_a_task_and_sees_the_running_loop() -> None:
    """
    Slots are on the loop: `get_running_loop` answers there too.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[asyncio.AbstractEventLoop] = loop.create_future()

    async def work() -> None:
        await asyncio.sleep(0.005)
        done.set_result(asyncio.get_running_loop())

    tasks = set()
    QTimer.singleShot(0, lambda: tasks.add(asyncio.get_running_loop().create_task(work())))

    assert await asyncio.wait_for(done, 1) is loop
    await asyncio.gather(*tasks)


async def test_readers_and_writers_are_called() -> None:
    """
    Descriptors are watched as `add_reader` and `add_writer` promise; curl lives on that.
    """
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    got: asyncio.Future[bytes] = loop.create_future()
    writable: asyncio.Future[None] = loop.create_future()

    def ready_to_write() -> None:
        loop.remove_writer(left)
        left.send(b"hello")
        writable.set_result(None)

    def ready_to_read() -> None:
        loop.remove_reader(right)
        got.set_result(right.recv(100))

    loop.add_reader(right, ready_to_read)
    loop.add_writer(left, ready_to_write)
    await asyncio.wait_for(writable, 1)

    assert await asyncio.wait_for(got, 1) == b"hello"
    left.close()
    right.close()


async def test_a_reader_that_leaves_bytes_is_called_again() -> None:
    """
    Readiness is a level, not an event.
    """
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    right.setblocking(False)
    left.send(b"abc")
    letters: list[bytes] = []
    done = loop.create_future()

    def one() -> None:
        letters.append(right.recv(1))
        if len(letters) == 3:
            loop.remove_reader(right)
            done.set_result(None)

    loop.add_reader(right, one)
    await asyncio.wait_for(done, 1)

    assert letters == [b"a", b"b", b"c"]
    left.close()
    right.close()


async def test_threads_wake_the_loop_at_once() -> None:
    """
    `call_soon_threadsafe` from many threads loses nothing and does not wait for the next timer.
    """
    loop = asyncio.get_running_loop()
    heard: list[int] = []
    done = loop.create_future()

    def hear(number: int) -> None:
        heard.append(number)
        if len(heard) == 400:
            done.set_result(None)

    def speak(first: int) -> None:
        for number in range(first, first + 50):
            loop.call_soon_threadsafe(hear, number)

    threads = [threading.Thread(target=speak, args=(first,)) for first in range(0, 400, 50)]
    for thread in threads:
        thread.start()
    await asyncio.wait_for(done, 5)
    for thread in threads:
        thread.join()

    assert sorted(heard) == list(range(400))


async def test_work_in_a_thread_comes_back() -> None:
    """
    `offload` returns what the function returned and raises what it raised.
    """

    def fail() -> None:
        raise ValueError("no")

    async with Supervisor():
        assert await offload(sum, [1, 2, 3]) == 6
        with pytest.raises(ValueError, match="no"):
            await offload(fail)


async def test_cancelling_reaches_a_sleeping_task_at_once() -> None:
    """
    A cancelled task ends long before what it waited for.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(asyncio.sleep(30))
    await asyncio.sleep(0.01)
    start = loop.time()

    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

    assert task.cancelled()
    assert loop.time() - start < 0.2


async def test_a_timeout_ends_what_it_guards() -> None:
    """
    `asyncio.timeout` works on both loops.
    """
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await asyncio.Event().wait()


async def test_an_exception_in_a_callback_goes_to_the_handler_and_disturbs_nobody() -> None:
    """
    One broken callback costs only itself.
    """
    loop = asyncio.get_running_loop()
    told: list[BaseException] = []
    heard: list[int] = []
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))

    def broken() -> None:
        raise RuntimeError("broken")

    loop.call_soon(broken)
    loop.call_soon(heard.append, 1)
    await asyncio.sleep(0.02)

    assert [str(error) for error in told] == ["broken"]
    assert heard == [1]


async def test_widgets_and_tasks_run_side_by_side() -> None:
    """
    A busy task does not starve Qt's timers, and an animating widget does not starve tasks.
    """
    bar = QProgressBar()
    bar.show()
    ticks = QTimer()
    ticks.setInterval(5)
    ticks.timeout.connect(lambda: bar.setValue((bar.value() + 1) % 100))
    seen: list[int] = []
    bar.valueChanged.connect(seen.append)
    ticks.start()
    loop = asyncio.get_running_loop()
    until = loop.time() + 0.4
    spun = 0

    while loop.time() < until:
        await asyncio.sleep(0)
        spun += 1

    ticks.stop()
    bar.close()
    assert len(seen) >= 15, f"Qt had {len(seen)} turns"
    assert spun >= 1000, f"asyncio had {spun} turns"


async def test_the_loop_answers_while_widgets_repaint() -> None:
    """
    A short sleep stays short while a widget repaints all the time.
    """
    bar = QProgressBar()
    bar.resize(600, 40)
    bar.setRange(0, 0)
    bar.show()
    busy = QTimer()
    busy.timeout.connect(bar.repaint)
    busy.start(0)
    loop = asyncio.get_running_loop()
    late: list[float] = []

    for _ in range(40):
        start = loop.time()
        await asyncio.sleep(0.005)
        late.append(loop.time() - start - 0.005)

    busy.stop()
    bar.close()
    assert sorted(late)[20] < 0.02


async def test_sixty_thousand_turns_leave_everything_as_it_was() -> None:
    """
    Guards the pin of PySide6: 6.12.0 loses a reference to None with every virtual call and aborts on CPython
    3.11.
    """
    before = sys.getrefcount(None), sys.getrefcount(True)

    await turns(60_000)

    after = sys.getrefcount(None), sys.getrefcount(True)
    assert abs(after[0] - before[0]) < 5_000
    assert abs(after[1] - before[1]) < 5_000


async def test_streams_carry_bytes_both_ways() -> None:
    """
    The server and client of asyncio talk to each other.
    """

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    for number in range(200):
        writer.write(b"line %d\n" % number)

    lines = [await asyncio.wait_for(reader.readline(), 2) for _ in range(200)]

    assert lines[-1] == b"line 199\n"
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


async def test_an_aiohttp_server_streams_to_an_aiohttp_client() -> None:
    """
    The gateway's server and a client share the loop.
    """

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for number in range(50):
            await answer.write(b"data: %d\n\n" % number)
            await asyncio.sleep(0.001)
        return answer

    server = web.Application()
    server.router.add_get("/", stream)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = runner.addresses[0]

    async with ClientSession() as session:
        replies = await asyncio.gather(*(session.get(f"http://127.0.0.1:{address[1]}/") for _ in range(5)))
        bodies = [await reply.read() for reply in replies]

    assert all(body.endswith(b"data: 49\n\n") for body in bodies)
    await runner.cleanup()


# --- ours alone
# ------------------------------------------------------------------------------------------------------


def run(main: Callable[[], object], qapp: QApplication) -> object:
    with asyncio.Runner(loop_factory=lambda: new_loop(qapp)) as runner:
        return runner.run(main())  # type: ignore[arg-type]  # every caller hands a coroutine function


def test_a_runner_runs_several_coroutines_and_closes_the_loop(qapp: QApplication) -> None:
    """
    `asyncio.Runner` works as on any loop: tasks that are left are cancelled, generators closed.
    """
    left: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.append("cancelled")

    async def first() -> int:
        tasks.append(asyncio.get_running_loop().create_task(forever()))
        await asyncio.sleep(0.01)
        return 1

    tasks: list[asyncio.Task[None]] = []
    with asyncio.Runner(loop_factory=lambda: new_loop(qapp)) as runner:
        loop = runner.get_loop()
        answers = [runner.run(first()), runner.run(asyncio.sleep(0.01, 2))]

    assert answers == [1, 2]
    assert left == ["cancelled"]
    assert loop.is_closed()
    assert isinstance(loop, SharedLoop)


def test_system_exit_leaves_the_loop(qapp: QApplication) -> None:
    """
    What asyncio lets through comes out of `run`, although a Qt slot stood between.
    """

    async def leave() -> None:
        await asyncio.sleep(0)
        raise SystemExit(7)

    with pytest.raises(SystemExit) as left:
        run(leave, qapp)

    assert left.value.code == 7


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Python's own handling of Ctrl+C, which a shell takes from what it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@posix
def test_a_qt_that_gives_up_ends_the_program_in_order(qapp: QApplication) -> None:
    """
    As when the display is gone: once, not in a circle, and cleaning up may take its time without Qt.
    """
    heard: list[str] = []

    async def work() -> None:
        QTimer.singleShot(0, lambda: qapp.exit(1))
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            heard.append(await offload(lambda: "cleaned up"))

    with pytest.raises(SystemExit), asyncio.Runner(loop_factory=lambda: SharedLoop(qapp)) as runner:
        runner.run(work())

    assert heard == ["cleaned up"]


@posix
def test_an_interrupt_cancels_a_runner_that_is_asleep(qapp: QApplication, interruptible: None) -> None:
    """
    Ctrl+C works while Qt waits for events.
    """

    async def asleep() -> None:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        await asyncio.sleep(20)

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(asleep, qapp)

    assert time.monotonic() - start < 5


@posix
def test_a_signal_handler_is_called_on_the_loop(qapp: QApplication) -> None:
    """
    SIGTERM reaches `add_signal_handler` at once.
    """

    async def wait() -> bool:
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, told.set)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        await asyncio.wait_for(told.wait(), 5)
        return loop.remove_signal_handler(signal.SIGTERM)

    assert run(wait, qapp) is True


async def spin_nested() -> None:
    """Do what is forbidden: wait inside a task in a loop of Qt's own."""
    deadline = time.monotonic() + 0.05
    while time.monotonic() < deadline:
        QApplication.processEvents()


def test_tasks_wait_out_a_nested_loop_instead_of_being_lost(qapp: QApplication) -> None:
    """
    Should a library open a nested Qt loop inside a task, other tasks stand still and then go on.
    """
    heard: list[str] = []

    async def other() -> None:
        for _ in range(5):
            await asyncio.sleep(0.005)
        heard.append("other")

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(other())
        await asyncio.sleep(0)
        await spin_nested()
        heard.append("nested")
        await asyncio.wait_for(task, 2)

    run(main, qapp)

    assert heard == ["nested", "other"]


def test_nothing_wakes_the_process_when_there_is_nothing_to_do(qapp: QApplication) -> None:
    """
    Idle costs nothing: no timer is armed.
    """

    async def idle() -> float:
        await asyncio.sleep(0.05)
        start = time.process_time()
        await asyncio.sleep(1.0)
        return time.process_time() - start

    assert run(idle, qapp) < 0.02  # type: ignore[operator]  # `idle` returns a float


def test_qt_objects_in_cycles_never_die_in_a_worker_thread(qapp: QApplication) -> None:
    """
    Python's collector runs where memory is asked for; a QTimer that dies in another thread can end the
    process.
    """
    died_in: list[threading.Thread] = []

    class Node(QTimer):
        def __init__(self) -> None:
            super().__init__()
            self.me = self

        def __del__(self) -> None:
            died_in.append(threading.current_thread())

    def allocate() -> None:
        for _ in range(3_000):
            cycle: list[object] = []
            cycle.append(cycle)

    async def main() -> None:
        for _ in range(50):
            Node().start(60_000)
        async with Supervisor():
            await offload(allocate)
        until = time.monotonic() + 5
        while len(died_in) < 50 and time.monotonic() < until:
            allocate()
            await asyncio.sleep(0.001)

    run(main, qapp)

    assert len(died_in) == 50
    assert set(died_in) == {threading.main_thread()}


def test_a_loop_that_is_not_running_leaves_qt_alone(qapp: QApplication) -> None:
    """
    Between two runs, events of Qt do not run callbacks of asyncio.
    """
    loop = new_loop(qapp)
    heard: list[int] = []
    loop.call_soon(heard.append, 1)

    for _ in range(5):
        QApplication.processEvents()
    early = list(heard)
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()

    assert early == []
    assert heard == [1]
