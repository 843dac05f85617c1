"""What one account has left: of each way of thinking, and of pictures and films."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from grokdesk.core.accounts import Account, Product
from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.models.accounts import Bar, bars
from grokdesk.ui.widgets.parts import Prose, quiet
from grokdesk.ui.widgets.quota import Gauge


class Quota(QWidget):
    """A line for each thing that is counted: name, bar, figures; under it window, reset and source."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        self._lines: list[tuple[QLabel, Gauge, QLabel, Prose]] = []

    def texts(self) -> list[str]:
        """What it says, line by line."""
        return [
            f"{name.text()} {figures.text()}: {note.text()}"
            for name, _, figures, note in self._lines
            if not name.isHidden()
        ]

    def show_account(self, account: Account, now: float) -> None:
        """Show what is left."""
        lines = [(one.name, one.share, one.figures, self._note(one, now)) for one in bars(account, now)]
        for product, quota in account.media.items():
            left = "∞" if quota.remaining is None else str(quota.remaining)
            full = 1.0 if quota.remaining is None else quota.left()
            when = self.tr("not offered to this account") if not quota.available else ""
            if quota.reset_at is not None and quota.reset_at > now:
                when = self.tr("more in %1").replace("%1", words.span(quota.reset_at - now))
            lines.append((_product(product), full if quota.available else 0.0, left, when))
        while len(self._lines) < len(lines):
            self._add()
        for place, (name, gauge, figures, note) in enumerate(self._lines):
            used = place < len(lines)
            for widget in (name, gauge, figures, note):
                widget.setVisible(used)
            if used:
                said, share, count, remark = lines[place]
                name.setText(said)
                figures.setText(count)
                note.setText(remark)
                note.setVisible(bool(remark))
                gauge.show_share(share, f"{said} {count}")

    def _add(self) -> None:
        name, gauge, figures, note = QLabel(), Gauge(self._desk.look), QLabel(), quiet()
        row = 2 * len(self._lines)
        self._grid.addWidget(name, row, 0)
        self._grid.addWidget(gauge, row, 1)
        self._grid.addWidget(figures, row, 2, Qt.AlignmentFlag.AlignRight)
        self._grid.addWidget(note, row + 1, 0, 1, 3)
        self._lines.append((name, gauge, figures, note))

    def _note(self, bar: Bar, now: float) -> str:
        parts = []
        window = bar.window
        if window is not None:
            every = words.span(window.window_s) if window.window_s else ""
            if every:
                parts.append(self.tr("every %1").replace("%1", every))
        if bar.reset_at is not None and bar.reset_at > now:
            text = self.tr("full again in %1").replace("%1", words.span(bar.reset_at - now))
            parts.append(text)
        if window is not None:
            parts.append(words.window_source(window.source))
            if window.refused_until is not None and window.refused_until > now:
                wait = words.span(window.refused_until - now)
                parts.append(self.tr("refused, left alone for %1").replace("%1", wait))
        return " · ".join(parts)


def _product(product: Product) -> str:
    return {
        Product.IMAGE: _tr("Pictures"),
        Product.IMAGE_EDIT: _tr("Edits"),
        Product.IMAGE_PRO: _tr("Pictures, quality"),
        Product.VIDEO: _tr("Films"),
        Product.VIDEO_720P: _tr("Films, 720p"),
    }[product]


def _tr(text: str) -> str:
    return QCoreApplication.translate("AccountDetails", text)
