"""How the program starts, what it takes in while it runs, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grokdesk import app as module
from grokdesk.app import Abandoned, App
from grokdesk.core.errors import Broken
from grokdesk.core.notices import GatewayPhase, Notice, SettingsChanged, Trouble
from grokdesk.core.options import KeyChoice, Options
from grokdesk.core.secret import Secret
from grokdesk.platform import secrets
from grokdesk.platform.secrets import KeySource
from grokdesk.platform.single_instance import AlreadyRunning, ask
from grokdesk.sim import Simulator, World, text
from tests.rig import Rig, basic, running, token

ANY_PORT = {"gateway.port": 0}


def options(folder: Path, **more: object) -> Options:
    return Options(data_dir=folder, environment={}, overrides=ANY_PORT, **more)  # type: ignore[arg-type] # flags


@pytest.fixture(autouse=True)
def _no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's keyring is not ours to write to."""
    monkeypatch.setattr(module, "system_keyring", secrets.no_keyring)


@pytest.fixture
async def rig(
    tmp_path: Path, sim: Simulator, world: World, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    monkeypatch.setattr(module, "LOOK_S", 0.001)
    async with running(tmp_path / "data", sim, world, grok_web__chat_form="rest") as rig:
        yield rig


def edit(rig: Rig, text: str) -> None:
    """Write the settings file as an editor does: all at once."""
    file = rig.app.paths.config_file
    draft = file.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(file)


async def test_what_the_owner_writes_into_the_file_holds_at_once(rig: Rig) -> None:
    """
    A hand edit is taken in and told; command line and environment still come first.
    """
    heard: list[Notice] = []
    rig.app.bus.subscribe(heard.append)

    edit(rig, "[chat]\nmemory = true\n[grok_web]\nchat_form = 'gateway'\n")
    await rig.until(lambda: rig.app.live.now.chat.memory, 10)

    assert rig.app.live.now.grok_web.chat_form == "rest"
    assert [type(notice) for notice in heard] == [SettingsChanged, Trouble]


async def test_a_slip_of_the_pen_keeps_the_last_good_settings(rig: Rig) -> None:
    """
    The owner hears which line is wrong, once, and that it is right again.
    """
    troubles: list[str] = []
    rig.app.bus.subscribe(
        lambda notice: troubles.append(notice.message) if isinstance(notice, Trouble) else None
    )
    await rig.app.change({"chat.memory": True})

    edit(rig, "[chat]\nmemory = maybe\n")
    await rig.until(lambda: troubles, 10)
    during = rig.app.live.now
    edit(rig, "[chat]\nmemory = false\n")
    await rig.until(lambda: not rig.app.live.now.chat.memory, 10)

    assert "config.toml, line 2" in troubles[0]
    assert troubles[1:] == [""]
    assert during.chat.memory


async def test_changes_at_the_same_time_all_hold(rig: Rig) -> None:
    """
    Two windows that save at once do not undo each other.
    """
    await asyncio.gather(
        *(
            rig.app.change({name: value})
            for name, value in {
                "chat.memory": True,
                "retry.more_tries": 1,
                "appearance.theme": "dark",
            }.items()
        )
    )

    now = rig.app.live.now
    assert (now.chat.memory, now.retry.more_tries, now.appearance.theme) == (True, 1, "dark")


async def test_a_change_that_cannot_be_is_refused(rig: Rig) -> None:
    """
    Nothing changes, and the reason is said.
    """
    before = rig.app.live.now

    with pytest.raises(Broken):
        await rig.app.change({"gateway.port": 99_999})

    assert rig.app.live.now is before


async def test_the_demo_never_talks_to_the_real_grok(tmp_path: Path) -> None:
    """
    Whatever is set while it runs, its addresses stay those of its own Grok.
    """
    async with App.started(options(tmp_path / "demo", demo=True, headless=True)) as app:
        inside = app.live.now.grok_web.api_url
        await app.change({"appearance.theme": "dark", "grok_web.api_url": "https://grok.com"})
        after = app.live.now

    assert inside.startswith("http://127.0.0.1:")
    assert (after.grok_web.api_url, after.appearance.theme) == (inside, "dark")


async def test_a_subcommand_on_a_demo_s_folder_starts_no_second_grok(tmp_path: Path) -> None:
    """
    What is in the folder is what is listed.
    """
    async with App.started(options(tmp_path / "demo", demo=True, headless=True, serve=False)) as app:
        assert len(app.pool) == 0
        assert app.gateway.state.phase is GatewayPhase.STOPPED


@pytest.mark.parametrize(("headless", "phase"), [(True, GatewayPhase.RUNNING), (False, GatewayPhase.STOPPED)])
async def test_without_a_face_the_gateway_always_starts(
    tmp_path: Path, headless: bool, phase: GatewayPhase
) -> None:
    """
    `startup.start_gateway` is for those who can start it later.
    """
    started = Options(
        data_dir=tmp_path,
        headless=headless,
        environment={},
        overrides={**ANY_PORT, "startup.start_gateway": False},
    )

    async with App.started(started) as app:
        assert app.gateway.state.phase is phase


async def test_a_start_that_fails_leaves_the_folder_free(tmp_path: Path) -> None:
    """
    Wherever it fails, what was started is stopped again, and the next start works.
    """
    config = tmp_path / "config.toml"
    config.write_text("[chat]\nmemory = 'maybe'\n")
    with pytest.raises(Broken):
        async with App.started(options(tmp_path, headless=True)):
            pass
    config.unlink()
    database = tmp_path / "grokdesk.db"
    database.write_bytes(b"this is not a database" * 100)
    with pytest.raises(Broken):
        async with App.started(options(tmp_path, headless=True)):
            pass
    database.unlink()

    async with App.started(options(tmp_path, headless=True)) as app:
        assert app.gateway.state.phase is GatewayPhase.RUNNING


async def test_a_second_start_disturbs_nothing(tmp_path: Path) -> None:
    """
    It is refused before it touches anything, and the first one still answers.
    """
    async with App.started(options(tmp_path, headless=True)) as app:
        with pytest.raises(AlreadyRunning):
            async with App.started(options(tmp_path, headless=True)):
                pass
        answer = await ask(app.paths.data, {"do": "status"})

    assert answer is not None
    assert answer["gateway"]["state"] == "running"
    assert await ask(tmp_path, {"do": "status"}) is None


async def test_the_owner_chooses_where_the_master_key_is(tmp_path: Path) -> None:
    """
    Without a keyring the face asks; a refusal starts nothing, a choice holds from then on.
    """
    asked: list[KeySource | None] = []
    answers: list[KeyChoice | None] = [
        None,
        KeyChoice(Secret("correct horse")),
        KeyChoice(Secret("correct horse")),
    ]

    async def choose(source: KeySource | None) -> KeyChoice | None:
        asked.append(source)
        return answers.pop(0)

    with pytest.raises(Abandoned):
        async with App.started(options(tmp_path), choose_key=choose):
            pass
    for _ in range(2):
        async with App.started(options(tmp_path), choose_key=choose) as app:
            assert app.vault.source is KeySource.PASSPHRASE
            assert "The master key is made from your passphrase." in app.notes

    assert asked == [None, None, KeySource.PASSPHRASE]


async def test_ending_waits_for_nobody_and_forgets_nothing(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    Checks that hang are cut off, and what the last request did is there at the next start.
    """
    basic(world, "a").next(text("Hello."))
    async with running(tmp_path, sim, world, grok_web__chat_form="rest") as rig:
        [account] = await rig.add(token("a"))
        await rig.say()
        rig.app.checks.start([account.id])

    async with running(tmp_path, sim, world) as rig:
        assert rig.account(token("a")).uses == 1
        assert [record.account_name for record in rig.app.runs.recent()] == [account.name]
