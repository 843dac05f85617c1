"""The plurals of the English source texts, which are written as `%n account(s)`."""

from __future__ import annotations

from PySide6.QtCore import QTranslator


class Plurals(QTranslator):
    """Makes `1 account` and `2 accounts` of `%n account(s)`, and leaves every other text alone."""

    def isEmpty(self) -> bool:
        return False

    def translate(
        self,
        context: str,
        sourceText: str,  # noqa: N803 - Qt's name
        disambiguation: str | None = None,
        n: int = -1,
    ) -> str:
        if n < 0 or "(s)" not in sourceText:
            # None is a null string, which Qt takes for "not translated"; an empty one would be shown.
            return None  # type: ignore[return-value]  # the stub does not know
        return sourceText.replace("(s)", "" if n == 1 else "s")
