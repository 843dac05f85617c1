"""What a second process hears of work that takes long, and what it does when its person leaves."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from grokdesk.cli import talk
from grokdesk.cli.talk import made

Json = dict[str, Any]


def told(state: str, *, looked_for: bool = False) -> Json:
    is_over = state in {"interrupted", "done"}
    return {"media": {"id": "job", "state": state, "is_over": is_over, "is_looked_for": looked_for}}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk, "_POLL_S", 0)


async def test_a_film_that_is_looked_for_at_grok_is_waited_for() -> None:
    """
    A program that was started for this film alone would end otherwise, and the search with it.
    """
    answers = [told("interrupted", looked_for=True), told("done")]
    heard: list[str] = []

    async def ask(wish: Mapping[str, Any]) -> Json:
        assert wish == {"do": "media.show", "id": "job"}
        return answers.pop(0)

    assert await made(ask, told("running"), lambda job: heard.append(job["state"])) == told("done")
    assert heard == ["running", "interrupted", "done"]


@pytest.mark.parametrize(("state", "wishes"), [("running", ["media.cancel"]), ("interrupted", [])])
async def test_leaving_cancels_what_is_made_but_no_search(state: str, wishes: list[str]) -> None:
    """
    A film that was lost is looked for again at the next start; one in the making ends at Grok as well.
    """
    asked: list[str] = []

    async def ask(wish: Mapping[str, Any]) -> Json:
        if wish["do"] == "media.show":
            raise asyncio.CancelledError
        asked.append(wish["do"])
        return told("interrupted")

    with pytest.raises(asyncio.CancelledError):
        await made(ask, told(state, looked_for=state == "interrupted"), lambda _: None)

    assert asked == wishes
