"""The sweeper of time limits looks so often that no test waits for it."""

from __future__ import annotations

import pytest

from grokdesk.platform import deadlines


@pytest.fixture(autouse=True)
def _sweep_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "SWEEP_S", 0.001)
