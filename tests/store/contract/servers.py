"""Real servers for the contract, from the packages of this system: started once, in a folder that goes away.

They listen on 127.0.0.1 at a free port, and care about speed and not about power cuts.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiomysql
import asyncpg
import psutil
from redis.asyncio import Redis

from grokdesk.core.secret import Secret
from grokdesk.platform.secrets import Cost, new_team_note

PASSWORD: Final = "a-password-of-the-server"
TEAM_KEY: Final = Secret("the team's own passphrase")
# A key that is cheap to try: every test opens the store at least once.
NOTE: Final = new_team_note(TEAM_KEY, Cost(n=2, r=1, p=1))
# What a store keeps when everything else goes.
_KEPT: Final = {"migrations", "lease_slots"}


class Server(ABC):
    """A server in a folder of its own. Entering sets it up and starts it."""

    kind: str
    # The names its program may have; the first that is there is taken.
    programs: Sequence[str]
    # Who it runs as, if not as whoever runs the tests.
    user: str | None = None

    def __init__(self) -> None:
        self.port = _free_port()
        self.folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def program(cls) -> str | None:
        """Where it is installed, if it is."""
        # Places of Debian that are not on everybody's path.
        postgresql = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", *map(str, postgresql)])
        return next(filter(None, (shutil.which(name, path=places) for name in cls.programs)), None)

    @property
    @abstractmethod
    def url(self) -> str:
        """The address for `storage.url`."""

    @abstractmethod
    def set_up(self) -> None:
        """Make what the server needs in its folder."""

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it."""

    @abstractmethod
    async def ping(self) -> None:
        """Return when it answers. Raises anything when it does not yet."""

    @abstractmethod
    async def clean(self) -> None:
        """Take out everything, and put in the note of the team key, where the store has been set up."""

    @abstractmethod
    async def empty(self) -> None:
        """Make it as if nobody had ever been there."""

    @abstractmethod
    async def contents(self) -> bytes:
        """Every byte it keeps."""

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix=f"grokdesk-{self.kind}-"))
        try:
            self.set_up()
            asyncio.run(self.start())
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def start(self) -> None:
        """Start it; returns when it answers."""
        with (self.folder / "log").open("ab") as log:
            # Its own group: Ctrl+C in the terminal ends the tests, and they end the server.
            self._process = subprocess.Popen(  # noqa: ASYNC220 - takes a millisecond, and is waited for below
                self.command(),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                user=self.user,
            )
        for _ in range(600):
            try:
                await self.ping()
            except Exception as error:  # noqa: BLE001 - each driver raises errors of its own
                last = error
            else:
                return
            if self._process.poll() is not None:
                break
            await asyncio.sleep(0.05)
        raise RuntimeError(f"{self.kind} does not start: {last}\n{(self.folder / 'log').read_text()[-2000:]}")

    async def stop(self) -> None:
        """Stop it, cutting everybody off."""
        assert self._process is not None, "it runs"
        self._process.send_signal(signal.SIGINT if self.kind == "postgresql" else signal.SIGTERM)
        while self._process.poll() is None:  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(0.02)

    def freeze(self) -> None:
        """Let it take connections and answer nothing."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None, "it runs"
        parent = psutil.Process(self._process.pid)
        for process in (parent, *parent.children(recursive=True)):
            process.send_signal(number)


class PostgreSql(Server):
    kind = "postgresql"
    programs = ("postgres",)

    @property
    def url(self) -> str:
        return f"postgresql://grokdesk:{PASSWORD}@127.0.0.1:{self.port}/grokdesk?sslmode=disable"

    def __init__(self) -> None:
        super().__init__()
        # It refuses to be root.
        self.user = _somebody_else() if os.geteuid() == 0 else None

    def set_up(self) -> None:
        program = self.program()
        assert program is not None, "it is installed"
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self.user:
            for path in (self.folder, password):
                shutil.chown(path, self.user)
        self._run(
            str(Path(program).parent / "initdb"),
            *("-D", "data", "-U", "grokdesk", "--pwfile", "password", "-A", "scram-sha-256"),
            *("-E", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions"),
        )

    def _run(self, *command: str) -> None:
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, user=self.user)

    def command(self) -> list[str]:
        program = self.program()
        assert program is not None, "it is installed"
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "shared_buffers": "16MB",
        }
        return [program, "-D", "data", *(f"--{name}={value}" for name, value in settings.items())]

    async def _connect(self, database: str = "grokdesk") -> asyncpg.Connection:
        return await asyncpg.connect(
            host="127.0.0.1",
            port=self.port,
            user="grokdesk",
            password=PASSWORD,
            database=database,
            ssl=False,
            timeout=5,
        )

    async def ping(self) -> None:
        try:
            connection = await self._connect()
        except asyncpg.InvalidCatalogNameError:
            connection = await self._connect("postgres")
            await connection.execute("CREATE DATABASE grokdesk")
        await connection.close()

    async def do(self, *statements: str) -> list[tuple[object, ...]]:
        """Do something by hand; return the rows of the last statement."""
        connection = await self._connect()
        for statement in statements[:-1]:
            await connection.execute(statement)
        rows = await connection.fetch(statements[-1])
        await connection.close()
        return [tuple(row) for row in rows]

    async def clean(self) -> None:
        connection = await self._connect()
        tables = await self._tables(connection)
        if "facts" in tables:
            await connection.execute(f"TRUNCATE {', '.join(sorted(tables - _KEPT - {'counters'}))}")
            await connection.execute("UPDATE counters SET value = 0")
            await connection.execute("INSERT INTO facts (name, value) VALUES ('team', $1)", NOTE)
        await connection.close()

    async def empty(self) -> None:
        connection = await self._connect()
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()

    async def contents(self) -> bytes:
        connection = await self._connect()
        found = b""
        for table in sorted(await self._tables(connection)):
            for row in await connection.fetch(f"SELECT * FROM {table}"):  # noqa: S608 - its own tables
                found += _bytes_of(row.values())
        await connection.close()
        return found

    async def _tables(self, connection: asyncpg.Connection) -> set[str]:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row[0] for row in rows}


class MySql(Server):
    kind = "mysql"
    programs = ("mariadbd", "mysqld")

    @property
    def url(self) -> str:
        return f"mysql://grokdesk:{PASSWORD}@127.0.0.1:{self.port}/grokdesk"

    def set_up(self) -> None:
        installer = shutil.which("mariadb-install-db")
        if installer is None:
            self._run(str(self.program()), "--no-defaults", "--initialize-insecure", *self._places())
            return
        self._run(
            *(installer, "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"),
            *self._places(),
        )

    def _run(self, *command: str) -> None:
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    def _places(self) -> list[str]:
        user = pwd.getpwuid(os.geteuid()).pw_name
        return [f"--datadir={self.folder / 'data'}", f"--user={user}"]

    def command(self) -> list[str]:
        return [
            str(self.program()),
            "--no-defaults",
            *self._places(),
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            f"--socket={self.folder / 'socket'}",
            f"--pid-file={self.folder / 'pid'}",
            "--skip-log-bin",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=32M",
            "--performance-schema=OFF",
        ]

    async def _connect(self, database: str | None = "grokdesk") -> aiomysql.Connection:
        return await aiomysql.connect(
            unix_socket=str(self.folder / "socket"), user="root", db=database, autocommit=True
        )

    async def do(self, *statements: str, database: str | None = "grokdesk") -> list[tuple[object, ...]]:
        """Do something by hand; return the rows of the last statement."""
        connection = await self._connect(database)
        async with connection.cursor() as cursor:
            for statement in statements:
                await cursor.execute(statement)
            rows: list[tuple[object, ...]] = list(await cursor.fetchall())
        await connection.ensure_closed()
        return rows

    async def ping(self) -> None:
        await self.do(
            "SET sql_notes = 0",
            f"CREATE USER IF NOT EXISTS grokdesk@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
            "GRANT ALL ON grokdesk.* TO grokdesk@'127.0.0.1'",
            "CREATE DATABASE IF NOT EXISTS grokdesk",
            database=None,
        )

    async def clean(self) -> None:
        connection = await self._connect()
        tables = await self._tables(connection)
        if "facts" in tables:
            async with connection.cursor() as cursor:
                for table in sorted(tables - _KEPT - {"counters"}):
                    await cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - its own tables
                await cursor.execute("UPDATE counters SET value = 0")
                await cursor.execute("INSERT INTO facts (name, value) VALUES ('team', %s)", (NOTE,))
        await connection.ensure_closed()

    async def empty(self) -> None:
        await self.do("DROP DATABASE grokdesk", "CREATE DATABASE grokdesk", database=None)

    async def contents(self) -> bytes:
        connection = await self._connect()
        found = b""
        for table in sorted(await self._tables(connection)):
            async with connection.cursor() as cursor:
                await cursor.execute(f"SELECT * FROM {table}")  # noqa: S608 - its own tables
                for row in await cursor.fetchall():
                    found += _bytes_of(row)
        await connection.ensure_closed()
        return found

    async def _tables(self, connection: aiomysql.Connection) -> set[str]:
        async with connection.cursor() as cursor:
            await cursor.execute("SHOW TABLES")
            return {row[0] for row in await cursor.fetchall()}


class RedisServer(Server):
    kind = "redis"
    programs = ("redis-server",)

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def set_up(self) -> None:
        (self.folder / "data").mkdir()

    def command(self) -> list[str]:
        return [
            *(
                str(self.program()),
                "--bind",
                "127.0.0.1",
                "--port",
                str(self.port),
                "--requirepass",
                PASSWORD,
            ),
            *("--dir", str(self.folder / "data"), "--appendonly", "yes", "--save", ""),
            # So that a search in its files finds what is in clear.
            *("--aof-use-rdb-preamble", "no", "--rdbcompression", "no"),
        ]

    def _client(self) -> Redis:
        return Redis(host="127.0.0.1", port=self.port, password=PASSWORD)

    async def ping(self) -> None:
        async with self._client() as client:
            await client.ping()

    async def clean(self) -> None:
        async with self._client() as client:
            await client.flushall()
            await client.hset("grokdesk:facts", "team", NOTE)

    async def empty(self) -> None:
        async with self._client() as client:
            await client.flushall()

    async def contents(self) -> bytes:
        async with self._client() as client:
            await client.bgrewriteaof()
            while (await client.info("persistence"))["aof_rewrite_in_progress"]:  # noqa: ASYNC110 - same
                await asyncio.sleep(0.02)
        return b"".join(path.read_bytes() for path in (self.folder / "data").rglob("*") if path.is_file())


SERVERS: Final[dict[str, type[Server]]] = {one.kind: one for one in (PostgreSql, MySql, RedisServer)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _somebody_else() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _bytes_of(values: Iterable[object]) -> bytes:
    return b"\0".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
