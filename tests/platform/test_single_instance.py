"""One program per data folder, and a way to talk to it."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from grokdesk.core.errors import Broken, GrokDeskError, InvalidRequest
from grokdesk.platform.single_instance import AlreadyRunning, Wish, ask, hold, listen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="looks at the Unix socket")


@pytest.fixture(autouse=True)
def sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where sockets are made. Short, as runtime folders are."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def echo(wish: Wish) -> dict[str, Any]:
    return {"heard": dict(wish)}


def the_socket(sockets: Path) -> Path:
    [found] = sockets.iterdir()
    return found


async def test_a_folder_is_held_by_one(data: Path) -> None:
    """
    The second holder is refused with a sentence that helps, and another folder is free.
    """
    async with hold(data):
        with pytest.raises(AlreadyRunning, match="already running") as caught:
            async with hold(data):
                pass
        async with hold(data.parent / "other"):
            pass

    assert "--data-dir" in caught.value.hint


async def test_a_folder_is_free_again(data: Path) -> None:
    """
    The lock ends with its holder; the file that stays behind locks nobody out.
    """
    async with hold(data):
        pass

    assert os.listdir(data) == ["instance.lock"]  # noqa: PTH208 - pathlib is told off inside a coroutine
    async with hold(data):
        pass


async def test_a_folder_that_cannot_be_locked_is_named(data: Path) -> None:
    """
    A folder nobody can write to is not mistaken for one in use.
    """
    data.write_text("not a folder")  # noqa: ASYNC240 - four bytes

    with pytest.raises(Broken, match="cannot be used") as caught:
        async with hold(data):
            pass

    assert not isinstance(caught.value, AlreadyRunning)


async def test_a_wish_gets_its_answer(data: Path) -> None:
    """
    A JSON object goes there, another comes back, however large and as often as asked.
    """
    large = {"do": "import", "text": "ä" * 200_000}

    async with listen(data, echo):
        answers = [await ask(data, large), await ask(data, {"do": "status"})]

    assert answers == [{"heard": large}, {"heard": {"do": "status"}}]


async def test_nobody_there_is_no_answer(data: Path) -> None:
    """
    Before the first start and after the end, asking gives None at once, and nothing is left of the socket.
    """
    before = await ask(data, {"do": "status"})
    async with listen(data, echo):
        pass

    assert (before, await ask(data, {"do": "status"})) == (None, None)


async def test_a_refused_wish_is_explained(data: Path) -> None:
    """
    The message and the hint of the running program reach the one who asked.
    """

    async def refuse(_: Wish) -> dict[str, Any]:
        raise InvalidRequest("No such thing.", hint="Try another.")

    async with listen(data, refuse):
        with pytest.raises(GrokDeskError, match="No such thing") as caught:
            await ask(data, {"do": "nonsense"})

    assert caught.value.hint == "Try another."


async def test_a_fault_is_not_mistaken_for_nobody(data: Path) -> None:
    """
    A bug in the running program is told to the one who asked, and goes to its log.
    """
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))

    async def fail(_: Wish) -> dict[str, Any]:
        raise KeyError("text")

    async with listen(data, fail):
        with pytest.raises(GrokDeskError, match="fault is its own"):
            await ask(data, {"do": "accounts.import"})


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"not json\n",
        b"[1, 2]\n",
        b'{"do": "quit", "pass": "wrong"}\n',
        b'{"pass": "\xc3\xa4"}\n',
        b"\xff\n",
    ],
)
async def test_who_does_not_belong_here_hears_nothing(data: Path, sockets: Path, line: bytes) -> None:
    """
    Nonsense and a wrong pass are not answered, reach nobody, and do not disturb the next wish.
    """
    heard: list[Wish] = []

    async def handler(wish: Wish) -> dict[str, Any]:
        heard.append(wish)
        return {}

    async with listen(data, handler):
        reader, writer = await asyncio.open_unix_connection(str(the_socket(sockets)))
        writer.write(line)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await ask(data, {"do": "status"})

    assert (answer, heard) == (b"", [{"do": "status"}])


async def test_what_a_killed_program_left_is_cleared_away(data: Path, sockets: Path) -> None:
    """
    A stale socket answers nobody and does not keep the next program from listening.
    """
    async with listen(data, echo):
        path = the_socket(sockets)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))

    stale_answer = await ask(data, {"do": "status"})
    async with listen(data, echo):
        answer = await ask(data, {"do": "status"})

    assert (stale_answer, answer) == (None, {"heard": {"do": "status"}})


async def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    """
    The path of a Unix socket has 107 bytes at most; that of a data folder may have more.
    """
    folder = tmp_path.joinpath(*["a-rather-long-name-for-a-folder"] * 6)

    async with hold(folder), listen(folder, echo):
        assert await ask(folder, {"do": "status"}) == {"heard": {"do": "status"}}


async def test_only_the_owner_gets_in(data: Path, sockets: Path) -> None:
    """
    The socket is its owner's alone, and making it leaves the rights of other new files as they were.
    """
    mask = os.umask(0o022)
    try:
        async with listen(data, echo):
            rights = stat.S_IMODE(the_socket(sockets).stat().st_mode)
            other = data.parent / "other"
            other.touch()
    finally:
        os.umask(mask)

    assert rights & 0o077 == 0
    assert stat.S_IMODE(other.stat().st_mode) == 0o644


async def test_tokens_are_not_told_to_somebody_else(
    data: Path, sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A socket of that name that belongs to another user is not talked to.
    """
    uid = os.getuid()
    heard: list[Wish] = []

    async def eavesdrop(wish: Wish) -> dict[str, Any]:
        heard.append(wish)
        return {}

    async with listen(data, eavesdrop):
        path = the_socket(sockets)
        # We are somebody else now, and the socket with our name in it is not ours.
        monkeypatch.setattr(os, "getuid", lambda: uid + 1)
        path.rename(Path(str(path).replace(f"-{uid}-", f"-{uid + 1}-")))

        assert await ask(data, {"do": "accounts.import", "text": "token"}) is None

    assert heard == []


async def test_a_folder_for_sockets_that_cannot_be_used_is_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    When no socket can be made, the start says where.
    """
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "nowhere"))

    with pytest.raises(Broken, match="cannot listen") as caught:
        async with listen(data, echo):
            pass

    assert "nowhere" in caught.value.hint


async def test_an_answer_cut_off_is_no_answer(data: Path, sockets: Path) -> None:
    """
    A program that ends while it is asked counts as not running.
    """
    async with listen(data, echo):
        path = the_socket(sockets)
    server = await asyncio.start_unix_server(lambda _, writer: writer.close(), str(path))

    assert await ask(data, {"do": "status"}) is None
    server.close()
