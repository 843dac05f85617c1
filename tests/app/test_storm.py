"""Everything goes wrong at once, and no client hears of it.

Two hundred accounts of all kinds, dead ones, limited ones and some that Cloudflare keeps out; five proxies of
which two die on the way; two thousand requests, fifty at a time; and the program killed in the middle.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from grokdesk.platform.tasks import Supervisor, owned
from grokdesk.sim import Simulator, World, text
from grokdesk.sim import world as sim_world
from tests.rig import token

REQUESTS = 2_000
AT_ONCE = 50
PATIENCE_S = 100
PAUSE_S = 3_600
CHECKS_AT_ONCE = 5
KINDS = {"dead": 40, "limited": 40, "challenged": 20, "healthy": 100}
PASSED: sim_world.Clearance = {"cookie": "passed", "user_agent": "Mozilla/5.0 (nobody has this one)"}


class Proxy:
    """A SOCKS5 proxy without a password. `die` cuts everything that goes through it."""

    def __init__(self, tasks: Supervisor) -> None:
        self._tasks = tasks
        self._open: set[asyncio.StreamWriter] = set()
        self.carried = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"socks5://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        finally:
            self.die()

    def die(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._relay(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        if kind == 1:
            host = ".".join(str(byte) for byte in await reader.readexactly(4))
        else:
            (length,) = await reader.readexactly(1)
            host = (await reader.readexactly(length)).decode()
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        far_reader, far_writer = await asyncio.open_connection(host, port)
        self._open.add(far_writer)
        self.carried += 1
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        back = owned(_pipe(far_reader, writer), name="back")
        try:
            await _pipe(reader, far_writer)
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            self._open.discard(far_writer)
            far_writer.close()


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
        target.write_eof()


class Program:
    """The program in a process of its own, on one folder, and what clients ask of it."""

    def __init__(self, folder: Path, sim: Simulator, proxies: list[str]) -> None:
        home = folder.parent
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GROKDESK", "DISPLAY", "WAYLAND", "QT_", "XDG_", "DBUS", "HOME"))
        }
        self._environment = kept | {
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "GROKDESK__GROK_WEB__API_URL": sim.url,
            "GROKDESK__GROK_WEB__ASSETS_URL": sim.url,
            "GROKDESK__GROK_WEB__ACCOUNTS_URL": sim.url,
            "GROKDESK__GROK_WEB__CHAT_FORM": "rest",
            "GROKDESK__ACCOUNTS__CHECK_PAUSE_S": str(PAUSE_S),
            "GROKDESK__ACCOUNTS__CHECKS_PER_MINUTE": "1200",
            "GROKDESK__ACCOUNTS__CHECKS_AT_ONCE": str(CHECKS_AT_ONCE),
            "GROKDESK__EGRESS__MODE": "proxies",
            "GROKDESK__EGRESS__PROXIES": json.dumps(proxies),
        }
        self._command = [sys.executable, "-m", "grokdesk", "--data-dir", str(folder)]
        self._process: asyncio.subprocess.Process | None = None
        self.base_url = ""

    async def run(self, *arguments: str, stdin: str = "") -> str:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *arguments,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate(stdin.encode())
        assert process.returncode == 0
        return said.decode()

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            "--headless",
            "--port",
            "0",
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        said = await self._process.stdout.readline()
        self.base_url = said.decode().strip().rpartition(" ")[2]

    async def kill(self) -> None:
        """As the power failing."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()


class Storm:
    """Fifty clients that ask until they have had their two thousand answers."""

    def __init__(self, program: Program, key: str) -> None:
        self._program = program
        self._key = key
        self._left = REQUESTS
        self.answered = 0
        self.cut = 0
        self.failures: list[str] = []
        self._more = asyncio.Condition()

    async def blow(self) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._client(session))

    async def until(self, count: int) -> None:
        """Return when so many have been answered."""
        async with self._more:
            await self._more.wait_for(lambda: self.answered >= count or not self._left)

    async def _client(self, session: aiohttp.ClientSession) -> None:
        while self._left > 0:
            self._left -= 1
            while not await self._asked(session):
                # The program was killed: an editor tries again.
                self.cut += 1
                await asyncio.sleep(0.1)

    async def _asked(self, session: aiohttp.ClientSession) -> bool:
        stream = self._left % 2 == 0
        try:
            async with session.post(
                f"{self._program.base_url}/chat/completions",
                headers={"Authorization": f"Bearer {self._key}"},
                json={
                    "model": "grok-4.20-0309-non-reasoning",
                    "stream": stream,
                    "messages": [{"role": "user", "content": "Hello"}],
                },
            ) as response:
                body = await response.text()
        except aiohttp.ClientError:
            return False
        if response.status != 200 or '"error"' in body or (stream and "[DONE]" not in body):
            self.failures.append(f"{response.status} {body[:300]}")
        else:
            self.answered += 1
        async with self._more:
            self._more.notify_all()
        return True


def populate(world: World) -> dict[str, sim_world.Account]:
    """Two hundred accounts, the kinds and tiers mixed."""
    accounts: dict[str, sim_world.Account] = {}
    kinds = [kind for kind, count in KINDS.items() for _ in range(count)]
    for number, kind in enumerate(world.rng.sample(kinds, len(kinds))):
        name = f"{number:03}-{kind}"
        tier: sim_world.Tier = "super" if number % 4 == 0 else "basic"
        account = accounts[name] = world.add(token=token(name), tier=tier)
        match kind:
            case "dead":
                account.status = "blocked" if number % 2 else "unauthenticated"
            case "limited":
                account.quota["fast"].remaining = 0
            case "challenged":
                account.clearance_required = PASSED
            case _:
                account.quota["fast"].remaining = account.quota["fast"].total = 140
    return accounts


@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "killed in the middle"])
async def test_no_client_hears_of_a_storm(
    world: World, sim: Simulator, tmp_path: Path, *, killed: bool
) -> None:
    """
    While a healthy account remains every request is answered; the pool ends knowing what each account is.
    """
    accounts = populate(world)
    entries = [{"name": name, "sso_token": one.token} for name, one in accounts.items()]
    world.improvise = lambda _prompt, _mode, _rng: text("Hello to you.")
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(Supervisor())
        proxies = [Proxy(tasks) for _ in range(5)]
        addresses = [await stack.enter_async_context(proxy.listening()) for proxy in proxies]
        program = Program(tmp_path / "data", sim, addresses)
        await program.run("accounts", "import", "-", stdin=json.dumps({"accounts": entries}))
        key = (await program.run("keys", "new", "Storm")).strip()
        await program.start()
        stack.push_async_callback(program.kill)
        storm = Storm(program, key)
        blowing = tasks.spawn(storm.blow(), name="storm")
        await storm.until(REQUESTS // 4)
        proxies[0].die()
        await storm.until(REQUESTS // 2)
        if killed:
            await program.kill()
            await program.start()
        proxies[1].die()
        await blowing
        states = json.loads(await program.run("--json", "accounts", "list"))

    assert Counter(failure[:160] for failure in storm.failures) == {}
    assert storm.answered == REQUESTS
    assert (storm.cut > 0) == killed
    assert sum(proxy.carried > 0 for proxy in proxies) >= 3
    _check_states(accounts, states)
    _check_probes(world, cuts=3 if killed else 2)


def _check_states(accounts: Mapping[str, sim_world.Account], states: list[dict[str, object]]) -> None:
    """Each account is what it is: nobody alive was put away, nobody dead is thought alive."""
    told: Counter[tuple[str, object]] = Counter()
    for state in states:
        account = accounts[str(state["name"])]
        kind = str(state["name"]).partition("-")[2]
        told[kind, state["status"]] += 1
        if kind == "dead":
            wanted = {"blocked": "blocked", "unauthenticated": "expired"}[account.status]
            assert state["status"] == wanted
            assert state["reason"]
    dead = Counter(one.status for one in accounts.values())
    assert told == {
        ("dead", "blocked"): dead["blocked"],
        ("dead", "expired"): dead["unauthenticated"],
        ("limited", "active"): KINDS["limited"],
        ("challenged", "active"): KINDS["challenged"],
        ("healthy", "active"): KINDS["healthy"],
    }


def _check_probes(world: World, cuts: int) -> None:
    """No account is asked what it has left more often than its interval, which is longer than the storm.

    A check that a dying proxy or the end of the program cut off is made once more; there are five at a time.
    """
    asked = Counter(
        (seen.account.token, str(seen.json))
        for seen in world.received
        if seen.path == "/rest/rate-limits" and seen.account is not None and seen.status == 200
    )
    again = {account for (account, _), count in asked.items() if count > 1}
    assert asked
    assert max(asked.values()) <= 1 + cuts
    assert len(again) <= CHECKS_AT_ONCE * cuts
