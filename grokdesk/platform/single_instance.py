"""One running program per data folder, and a way to talk to it.

The first start locks a file in the data folder and listens on a Unix socket (on Windows: a loopback port
whose number and pass lie in an owner-only file). A later start finds the lock taken and sends its wish there:
a JSON object a line, answered by one. Only the owner of the data folder can reach it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import IO, Any, Final

import orjson

from grokdesk.core.errors import Broken, GrokDeskError

log = logging.getLogger(__name__)

Wish = Mapping[str, Any]  # JSON from our own second process
Answer = dict[str, Any]  # the same, the other way
Handler = Callable[[Wish], Awaitable[Answer]]

_LIMIT: Final = 256 << 20
_SEE_LOG: Final = "Its log says more."
_WINDOWS: Final = sys.platform == "win32"


class AlreadyRunning(Broken):
    """Another process serves this data folder."""

    title = "GrokDesk is already running"


@asynccontextmanager
async def hold(folder: Path) -> AsyncIterator[None]:
    """Be the one program of `folder`. Raises `AlreadyRunning`."""
    with locked(folder):
        yield


def locked(folder: Path) -> AbstractContextManager[None]:
    """As `hold`, without a loop."""
    return _lock(folder / "instance.lock")


@asynccontextmanager
async def listen(folder: Path, handler: Handler) -> AsyncIterator[None]:
    """Answer the wishes of later starts with `handler` while inside the block."""
    door = _Door(folder)
    server = await door.open(lambda reader, writer: _serve(door, reader, writer, handler))
    try:
        yield
    finally:
        server.close()
        door.remove()


async def ask(folder: Path, wish: Wish) -> Answer | None:
    """Send `wish` to the program that serves `folder`; None when there is none.

    Raises `GrokDeskError` with the message of a refused wish.
    """
    door = _Door(folder)
    try:
        reader, writer = await door.connect()
    except (OSError, ValueError):
        return None
    try:
        writer.write(orjson.dumps({**wish, "pass": door.password}) + b"\n")
        await writer.drain()
        line = await reader.readline()
    except OSError:
        return None
    finally:
        writer.close()
    if not line:
        return None
    answer: Answer = orjson.loads(line)
    if "error" in answer:
        raise GrokDeskError(str(answer["error"]), hint=str(answer.get("hint", "")))
    return answer


def let_others_raise() -> None:
    """Allow the program that is asked next to come to the front: Windows lets only the one in front do so."""
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415 - needed there only

        ctypes.windll.user32.AllowSetForegroundWindow(-1)


async def _serve(
    door: _Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler
) -> None:
    try:
        line = await reader.readline()
        wish = orjson.loads(line) if line else None
        if not isinstance(wish, dict) or not door.admits(str(wish.pop("pass", ""))):
            return
        answer: Answer = {"error": "GrokDesk could not do that: the fault is its own.", "hint": _SEE_LOG}
        try:
            answer = await handler(wish)
        except GrokDeskError as error:
            answer = {"error": error.message, "hint": error.hint}
        finally:
            writer.write(orjson.dumps(answer) + b"\n")
        await writer.drain()
    except (OSError, ValueError) as error:
        log.warning("control connection failed error=%s", error)
    finally:
        writer.close()


class _Door:
    """Where the running program listens."""

    def __init__(self, folder: Path) -> None:
        mark = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        # Not in the data folder: a Unix socket's path may have 107 bytes at most.
        base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        user = "" if _WINDOWS else f"{os.getuid()}-"
        self._socket = base / f"grokdesk-{user}{mark}.sock"
        self._note = folder / "instance.json"
        self.password = ""

    async def open(
        self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    ) -> asyncio.Server:
        if not _WINDOWS:
            return await asyncio.start_unix_server(serve, sock=self._bound(), limit=_LIMIT)
        self.password = secrets.token_urlsafe(24)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_LIMIT)
        port = server.sockets[0].getsockname()[1]
        self._note.touch(0o600)
        self._note.write_bytes(orjson.dumps({"port": port, "pass": self.password}))
        return server

    def _bound(self) -> socket.socket:
        """A socket for its owner only. Synchronous, because the mask holds for the whole process."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old = os.umask(0o177)
        try:
            # We hold the lock of the folder, so what lies there is left over from a program that was killed.
            self._socket.unlink(missing_ok=True)
            listener.bind(str(self._socket))
        except OSError as error:
            listener.close()
            raise Broken(
                "GrokDesk cannot listen for its own commands.",
                hint=f"Check that a file can be made in {self._socket.parent}.",
                detail=f"{self._socket}: {error}",
            ) from error
        finally:
            os.umask(old)
        return listener

    def admits(self, password: str) -> bool:
        """Whether whoever says `password` may speak."""
        return hmac.compare_digest(password.encode(), self.password.encode())

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not _WINDOWS:
            # Anybody can make a socket of that name in a shared folder, to hear the tokens of an import.
            if self._socket.stat().st_uid != os.getuid():
                raise PermissionError("the socket belongs to somebody else")
            return await asyncio.open_unix_connection(str(self._socket), limit=_LIMIT)
        note = orjson.loads(self._note.read_bytes())
        self.password = note["pass"]
        return await asyncio.open_connection("127.0.0.1", note["port"], limit=_LIMIT)

    def remove(self) -> None:
        (self._note if _WINDOWS else self._socket).unlink(missing_ok=True)


class _lock:  # noqa: N801 - used like a function
    """An exclusive lock on a file, held by this process until it ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def __enter__(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a+b")
        except OSError as error:
            raise self._useless(error) from error
        try:
            if sys.platform == "win32":
                import msvcrt  # noqa: PLC0415 - exists there only

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl  # noqa: PLC0415 - does not exist on Windows

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            # What Unix and Windows say of a lock that is taken.
            file.close()
            raise AlreadyRunning(
                "GrokDesk is already running with this data folder.",
                hint="Quit it first (`grokdesk quit`), or choose another --data-dir.",
            ) from error
        except OSError as error:
            file.close()
            raise self._useless(error) from error
        self._file = file

    def _useless(self, error: OSError) -> Broken:
        return Broken(
            "The data folder cannot be used: no file can be locked in it.",
            hint="Choose another one with --data-dir.",
            detail=f"{self._path}: {error}",
        )

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
