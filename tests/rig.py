"""The whole program against the simulator over real sockets: what the tests in tests/app drive."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import openai

from grokdesk.app import App
from grokdesk.core.accounts import Account
from grokdesk.core.options import Options
from grokdesk.core.secret import Secret
from grokdesk.engine.reading import NewAccount
from grokdesk.sim import Script, Simulator, World
from grokdesk.sim import world as sim_world

FAST = "grok-4.20-fast"

# Nothing here is encrypted, and reading the certificates of the machine for each client would take longest.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass
class Rig:
    """A running program, the world it talks to, and the official clients of it."""

    app: App
    world: World
    sim: Simulator
    client: openai.AsyncOpenAI
    claude: anthropic.AsyncAnthropic

    @property
    def key(self) -> str:
        return self.app.keys.all()[0].value.reveal()

    @property
    def url(self) -> str:
        return f"http://{self.app.gateway.state.address}"

    def client_with(self, key: str) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0)

    async def add(self, *tokens: str) -> list[Account]:
        """Bring accounts in, in this order, without checking them."""
        added = await self.app.pool.add([NewAccount(token=Secret(token)) for token in tokens])
        return list(added.accounts)

    async def grok(self, *scripts: Script) -> None:
        """Give the program one account, whose next turns follow these scripts."""
        basic(self.world, "a").next(*scripts)
        await self.add(token("a"))

    @property
    def prompts(self) -> list[str]:
        """What Grok was asked, turn by turn."""
        return [turn.prompt for turn in self.sim.turns]

    @property
    def told(self) -> str:
        """All that Grok was told in the conversation of the last turn, whether at once or turn by turn."""
        conversation = self.world.conversations[self.sim.turns[-1].conversation_id]
        return "\n\n".join(prompt for prompt, _ in conversation.turns)

    def account(self, token: str) -> Account:
        """The program's account with this token, as it is now."""
        return next(one for one in self.app.pool.accounts() if one.token.reveal() == token)

    async def say(self, text: str = "Hello", model: str = FAST, **more: Any) -> Any:  # noqa: ANN401 - the client's
        """Ask through the official client."""
        return await self.client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": text}], **more
        )

    async def until(self, true: Callable[[], object], within_s: float = 2.0) -> None:
        """Wait until something holds."""
        end = time.monotonic() + within_s
        while not true():
            assert time.monotonic() < end, "it never came true"
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(folder: Path, sim: Simulator, world: World, **overrides: object) -> AsyncIterator[Rig]:
    """The program on `folder`, pointed at `sim`. Overrides are settings with `__` for the dot.

    Without a folder `home` in `folder` the program knows of no home, so that no test meets that of its owner.
    """
    settings = {
        "gateway.port": 0,
        "grok_web.api_url": sim.url,
        "grok_web.assets_url": sim.url,
        "grok_web.public_images_url": sim.url,
        "grok_web.accounts_url": sim.url,
        "accounts.check_on_import": False,
        "accounts.check_regularly": False,
        **{name.replace("__", "."): value for name, value in overrides.items()},
    }
    home = folder / "home"
    environment = {"HOME": str(home), "USERPROFILE": str(home), "PATH": ""} if home.is_dir() else {}
    options = Options(data_dir=folder, headless=True, environment=environment, overrides=settings)
    async with App.started(options) as app:
        key = app.keys.all()[0].value.reveal()
        client = openai.AsyncOpenAI(
            base_url=app.gateway.state.base_url,
            api_key=key,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(verify=NO_CERTIFICATES),
        )
        claude = anthropic.AsyncAnthropic(
            base_url=f"http://{app.gateway.state.address}",
            api_key=key,
            max_retries=0,
            http_client=anthropic.DefaultAsyncHttpxClient(verify=NO_CERTIFICATES),
        )
        async with client, claude:
            yield Rig(app, world, sim, client, claude)


def token(name: str) -> str:
    """An invented token whose last characters tell accounts apart."""
    return f"invented-sso-token-of-{name}"


def basic(world: World, name: str) -> sim_world.Account:
    """A basic account in the world."""
    return world.add(token=token(name), tier="basic")
