"""Errors for people: what happened, and what to do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from grokdesk.core.errors import GrokDeskError
from grokdesk.ui.languages import told

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Explained:
    """An error in words. `detail` is for *Copy report* and never holds a secret."""

    title: str
    message: str
    hint: str = ""
    detail: str = ""

    @property
    def text(self) -> str:
        """Message and hint as one paragraph."""
        return told(self.message, self.hint)


def explain(error: BaseException) -> Explained:
    """Put `error` into words. What is not ours to explain is logged and called a bug."""
    if isinstance(error, GrokDeskError):
        log.warning("told the owner error=%s detail=%s", error.message, error.detail)
        return Explained(told(error.title), told(error.message), told(error.hint), error.detail)
    log.error("unexpected failure", exc_info=error)
    return Explained(
        QCoreApplication.translate("Report", "Something went wrong"),
        QCoreApplication.translate("Report", "GrokDesk ran into a fault of its own."),
        QCoreApplication.translate("Report", "The log says more. Trying again may help."),
        type(error).__name__,
    )


def show(say: Callable[[Explained], None], error: BaseException) -> None:
    """Explain `error` through `say`; never raises, because nobody above would hear it."""
    try:
        say(explain(error))
    except Exception:  # one of the four places: a failing report must not end the program
        log.exception("could not show an error")
