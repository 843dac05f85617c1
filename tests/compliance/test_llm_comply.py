"""llm-comply's checks of the three formats, every one of them, against the whole program."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import as_file, files
from typing import Final

import llm_comply.specs
import pytest
from llm_comply.config import ComplianceConfig
from llm_comply.http import close_client
from llm_comply.result import TestStatus as Status
from llm_comply.runner import TestRunner as Runner
from llm_comply.schema import SSE_EVENT_TO_SCHEMA, SpecLoader
from llm_comply.test_case import TestCase as Case
from llm_comply.tests import get_tests

from tests.rig import FAST, Rig

SPECS: Final = {
    "openai-chat": "openai_chat.json",
    "open-responses": "openresponses.json",
    "anthropic": "anthropic.json",
}
CHECKS: Final[dict[str, tuple[str, Case]]] = {
    # Those of thinking would skip themselves for every model that is not OpenAI's; ours all think.
    f"{name}: {case.id}": (name, replace(case, skip_reason=None))
    for name in SPECS
    for case in get_tests(name)
}


@pytest.fixture(scope="module")
def specs() -> dict[str, SpecLoader]:
    """The published schemas, read once."""
    loaded = {}
    for name, file in SPECS.items():
        with as_file(files(llm_comply.specs) / file) as path:
            loaded[name] = SpecLoader(str(path))
    return loaded


@pytest.fixture(autouse=True)
def _summaries(monkeypatch: pytest.MonkeyPatch) -> None:
    """llm-comply 0.5.0 looks for events under names that its own schemas do not allow."""
    for step in ("delta", "done"):
        schema = SSE_EVENT_TO_SCHEMA[f"response.reasoning_summary.{step}"]
        monkeypatch.setitem(SSE_EVENT_TO_SCHEMA, f"response.reasoning_summary_text.{step}", schema)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Its connections are kept for the whole process."""
    yield
    close_client()


# It uses a resolver that jsonschema wants to be rid of.
@pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")
@pytest.mark.parametrize("check", CHECKS)
async def test_the_check_passes(rig: Rig, specs: dict[str, SpecLoader], check: str) -> None:
    """
    Without an error and without a warning.
    """
    name, case = CHECKS[check]
    config = ComplianceConfig(base_url=f"{rig.url}/v1", api_key=rig.key, model=FAST)

    result = await asyncio.to_thread(Runner(config, [case], specs[name]).run_one, case)

    assert "\n".join((*result.errors, *result.warnings)) == ""
    assert result.status is Status.PASSED
    assert rig.sim.violations == []
