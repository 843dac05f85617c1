"""After a full run, nothing secret lies in clear in any file of the data folder."""

from __future__ import annotations

import base64
from pathlib import Path

import openai
import pytest

from grokdesk.engine.import_export import planned
from grokdesk.sim import Simulator, World, blocked, expired, text
from tests.rig import basic, running, token

PROXY_PASSWORD = "invented-proxy-password"
COOKIE = "invented-clearance-value"
PROMPT = "a very private question"
ANSWER = "a very private answer"


async def test_no_secret_lies_in_clear_in_any_file(tmp_path: Path, sim: Simulator, world: World) -> None:
    """
    Tokens, keys, cookies, passwords, prompts and answers: searched byte by byte, log at its loudest.
    """
    folder = tmp_path / "data"
    basic(world, "good").always(text(ANSWER))
    basic(world, "dead").always(expired())
    basic(world, "gone").always(blocked())
    async with running(folder, sim, world, logging__level="debug") as rig:
        pasted = f"sso={token('good')}; sso-rw={token('good')}; cf_clearance={COOKIE}"
        reading = rig.app.read_accounts("\n".join((pasted, token("dead"), token("gone"))))
        await rig.app.import_accounts(planned(reading, rig.app.pool.accounts()))
        await rig.app.checks.check([one.id for one in rig.app.pool.accounts()])
        made = await rig.app.keys.make("second")
        for _ in range(3):
            await rig.say(PROMPT)
        async with rig.client_with("gd-nobody-has-this-key") as stranger:
            with pytest.raises(openai.AuthenticationError):
                await stranger.models.list()
        await rig.app.change(
            {
                "egress.proxies": [f"http://me:{PROXY_PASSWORD}@127.0.0.1:9"],
                "egress.mode": "proxies",
                "egress.cookies": f"cf_clearance={COOKIE}",
            }
        )
        with pytest.raises(openai.APIStatusError):
            await rig.say(PROMPT)
        secrets = [
            *(token(name) for name in ("good", "dead", "gone")),
            *(key.value.reveal() for key in rig.app.keys.all()),
            made.value.reveal(),
            PROXY_PASSWORD,
            COOKIE,
            PROMPT,
            ANSWER,
        ]

    files = [path for path in folder.rglob("*") if path.is_file()]
    found = [
        f"{path.name}: {secret[:12]}…"
        for path in files
        for secret in secrets
        if secret.encode() in (data := path.read_bytes()) or base64.b64encode(secret.encode()) in data
    ]

    assert {"grokdesk.db", "config.toml"} <= {path.name for path in files}
    assert any(path.suffix == ".log" for path in files)
    assert found == []


async def test_kept_prompts_lie_sealed_only_and_open_after_another_start(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    With the setting on the owner can read them again; nobody else finds a word of them in any file.
    """
    folder = tmp_path / "data"
    basic(world, "good").always(text(ANSWER))
    async with running(folder, sim, world, logging__level="debug", privacy__keep_prompts=True) as rig:
        await rig.add(token("good"))
        await rig.say(PROMPT)
        await rig.claude.messages.create(
            model="grok-4.20-fast", max_tokens=9, messages=[{"role": "user", "content": PROMPT}]
        )
    async with running(folder, sim, world, privacy__keep_prompts=True) as rig:
        talks = [await rig.app.runs.talk(run.id) for run in rig.app.runs.recent()]

    files = [path for path in folder.rglob("*") if path.is_file()]
    found = [
        f"{path.name}: {words}"
        for path in files
        for words in (PROMPT, ANSWER)
        if words.encode() in (data := path.read_bytes()) or base64.b64encode(words.encode()) in data
    ]
    assert [(PROMPT in talk.asked, talk.answer) for talk in talks if talk] == [(True, ANSWER)] * 2
    assert found == []
