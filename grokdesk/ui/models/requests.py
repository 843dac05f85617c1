"""The last requests as rows, newest first."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from math import inf

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QIcon

from grokdesk.core.runs import RunRecord
from grokdesk.engine.runs import SHOWN
from grokdesk.ui import words
from grokdesk.ui.icons import icon
from grokdesk.ui.models.rows import Column, Rows
from grokdesk.ui.theme import Look

TIME = 0


class Requests(Rows[RunRecord]):
    """The requests of the log."""

    def __init__(self, now: Callable[[], float], look: Look, parent: QObject | None = None) -> None:
        self._look = look
        text = _tr
        super().__init__(
            (
                Column(
                    text("Time"),
                    lambda run: words.at(run.at, now()),
                    lambda run: run.at,
                    tip=lambda run: words.exact(run.at),
                ),
                Column(text("Model"), lambda run: run.model, lambda run: run.model),
                Column(
                    text("Account"),
                    lambda run: run.account_name or "–",
                    lambda run: run.account_name,
                ),
                Column(
                    text("Result"),
                    lambda run: (
                        f"{words.run_result(run)[2]}: {run.failure}"
                        if run.failure
                        else words.run_result(run)[2]
                    ),
                    lambda run: (run.state.value, run.failure),
                    tip=lambda run: run.failure,
                    icon=self._icon,
                ),
                Column(
                    text("First word"),
                    lambda run: words.milliseconds(run.first_ms),
                    lambda run: inf if run.first_ms is None else run.first_ms,
                    right=True,
                ),
                Column(
                    text("Total"),
                    lambda run: words.milliseconds(run.total_ms),
                    lambda run: inf if run.total_ms is None else run.total_ms,
                    right=True,
                ),
                Column(
                    text("Tokens"),
                    lambda run: words.number(tokens(run)) if tokens(run) else "–",
                    tokens,
                    tip=lambda run: (
                        words.tr("%1 in, %2 out")
                        .replace("%1", words.number(run.prompt_tokens))
                        .replace("%2", words.number(run.completion_tokens))
                    ),
                    right=True,
                ),
            ),
            key=lambda run: run.id,
            parent=parent,
        )
        self.sort(TIME, Qt.SortOrder.DescendingOrder)

    def heard(self, records: tuple[RunRecord, ...]) -> None:
        """Take in started and finished requests; the oldest make room."""
        changes: dict[Hashable, RunRecord | None] = {record.id: record for record in records}
        self.apply(changes)
        excess = self.total - SHOWN
        if excess > 0:
            oldest = sorted(self._all.values(), key=lambda run: run.at)[:excess]
            self.apply({record.id: None for record in oldest})

    def _icon(self, run: RunRecord) -> QIcon:
        name, token, _ = words.run_result(run)
        return icon(name, getattr(self._look.tokens, token))


def tokens(run: RunRecord) -> int:
    """What the request cost, both ways."""
    return run.prompt_tokens + run.completion_tokens


def _tr(text: str) -> str:
    return QCoreApplication.translate("Requests", text)
