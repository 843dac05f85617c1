"""What an import would do, line by line; what needs a look first."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QIcon

from grokdesk.engine.import_export import Fate, Line, Plan, What
from grokdesk.ui import words
from grokdesk.ui.icons import icon
from grokdesk.ui.languages import told
from grokdesk.ui.models.rows import Column, Rows
from grokdesk.ui.theme import Look

WHAT: Final = 2

# From what needs a look to what changes nothing; with icon and colour.
_LOOKS: Final = {
    Fate.UNREADABLE: ("warning", "warn"),
    Fate.RENEWABLE: ("key", "warn"),
    Fate.GONE: ("remove", "error"),
    Fate.UPDATED: ("refresh", "accent"),
    Fate.NEW: ("plus", "ok"),
    Fate.KNOWN: ("check", "text2"),
    Fate.REPEATED: ("copy", "text2"),
}
_RANK: Final = {fate: rank for rank, fate in enumerate(_LOOKS)}

Numbered = tuple[int, Line]


class PlanLines(Rows[Numbered]):
    """The lines of a plan."""

    def __init__(self, look: Look, parent: QObject | None = None) -> None:
        self._look = look
        text = _tr
        super().__init__(
            (
                Column(text("Where"), lambda row: told(row[1].where) or "–", lambda row: row[0]),
                Column(
                    text("Account"),
                    lambda row: row[1].name or "–",
                    lambda row: row[1].name.casefold(),
                    tip=lambda row: row[1].name,
                ),
                Column(
                    text("What happens"),
                    lambda row: words_of(row[1]),
                    lambda row: (_RANK[row[1].fate], row[0]),
                    tip=lambda row: words_of(row[1]),
                    icon=self._icon,
                ),
            ),
            key=lambda row: row[0],
            parent=parent,
        )
        self.sort(WHAT, Qt.SortOrder.AscendingOrder)

    def show_plan(self, plan: Plan) -> None:
        """Show another plan."""
        self.fill(enumerate(plan.lines))

    def _icon(self, row: Numbered) -> QIcon:
        name, token = _LOOKS[row[1].fate]
        return icon(name, getattr(self._look.tokens, token))


def words_of(line: Line) -> str:
    """What becomes of a line, in a phrase."""
    match line.fate:
        case Fate.NEW:
            return _tr("New")
        case Fate.KNOWN:
            return _tr("Already there")
        case Fate.UPDATED:
            return _tr("Updated: %1").replace("%1", words.listed(_what(one) for one in line.what))
        case Fate.RENEWABLE:
            return _tr("A new token of %1; choose “Update them” to take it").replace("%1", line.other)
        case Fate.REPEATED:
            return _tr("The same account as %1").replace("%1", line.other)
        case Fate.UNREADABLE:
            return _tr("Not understood: %1").replace("%1", told(line.why))
        case Fate.GONE:
            return _tr("Removed; it is not listed here")


def _what(what: What) -> str:
    return {
        What.TOKEN: _tr("new token"),
        What.NAME: _tr("name"),
        What.MAIL: _tr("mail address"),
        What.USER: _tr("user id"),
        What.TIER: _tr("tier"),
        What.TAGS: _tr("tags"),
        What.NOTE: _tr("note"),
        What.COOKIES: _tr("Cloudflare cookies"),
        What.PARALLEL: _tr("requests at once"),
        What.STEPS: _tr("steps done for adult content"),
    }[what]


def _tr(text: str) -> str:
    return QCoreApplication.translate("Plan", text)
