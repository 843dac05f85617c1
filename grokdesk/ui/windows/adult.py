"""Allowing adult content: asked once, before it is first switched on (decision 10)."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from grokdesk.ui import dialogs
from grokdesk.ui.memory import Memory


async def may_allow(parent: QWidget | None, memory: Memory) -> bool:
    """Ask whether adult content is to be allowed, unless that was answered with yes before."""
    if memory.now.adult_asked:
        return True
    said = await dialogs.ask(
        parent,
        dialogs.Question(
            _tr("Allow adult content?"),
            _tr(
                "Grok is then asked not to hold back adult pictures. What it withholds all the same stays "
                "withheld. Only switch this on if you are an adult. Your accounts stay as they are: each has "
                "a switch of its own under Accounts."
            ),
            _tr("Allow"),
            _tr("Keep it off"),
            risky=True,
        ),
    )
    if said is dialogs.Answer.YES:
        memory.change(adult_asked=True)
    return said is dialogs.Answer.YES


def _tr(text: str) -> str:
    return QCoreApplication.translate("Adult", text)
