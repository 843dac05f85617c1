"""Requests: what apps ask, how it went, and how much of it there was. What was said only if that is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from grokdesk.ui.desk import Desk
from grokdesk.ui.models.requests import Requests
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.parts import quiet, title
from grokdesk.ui.windows.pane import Pane
from grokdesk.ui.windows.requests_details import RequestDetails
from grokdesk.ui.windows.requests_live import LivePage, RequestTable

if TYPE_CHECKING:
    from grokdesk.ui.windows.requests_usage import UsagePage

LIVE, USAGE = range(2)
_FAILED: Final = "failed"
_USAGE: Final = "usage"


class RequestsPane(Pane):
    """Two pages: the list, and the charts, which are made on the first visit."""

    key = "requests"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.counts = quiet()
        self.counts.setWordWrap(False)
        self.tabs = QTabBar()
        self.tabs.setAccessibleName(self.tr("Pages"))
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.addTab(self.tr("Live"))
        self.tabs.addTab(self.tr("Usage"))
        self._counted = ""
        self.live = LivePage(desk, self._counts_changed)
        self.usage: UsagePage | None = None
        self.pages = QStackedWidget()
        self.pages.addWidget(self.live)
        head = QHBoxLayout()
        head.setSpacing(GAP)
        head.addWidget(title(self.tr("Requests")))
        head.addWidget(self.tabs, 0, Qt.AlignmentFlag.AlignBottom)
        head.addWidget(self.counts, 1, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN)
        column.setSpacing(GAP)
        column.addLayout(head)
        column.addWidget(self.pages, 1)
        self.tabs.currentChanged.connect(self._turn)

    # -- the parts of the page Live

    @property
    def rows(self) -> Requests:
        """The requests of the list."""
        return self.live.rows

    @property
    def table(self) -> RequestTable:
        """The list."""
        return self.live.table

    @property
    def details(self) -> RequestDetails:
        """What is told of the selected request."""
        return self.live.details

    @property
    def search(self) -> QLineEdit:
        """What is looked for."""
        return self.live.search

    # -- what every pane does

    def search_field(self) -> QLineEdit | None:
        return self.live.search if self.pages.currentIndex() == LIVE else None

    def open_at(self, where: str) -> None:
        """Show one request by its id, those that `failed`, or the `usage`."""
        if where == _USAGE:
            self.tabs.setCurrentIndex(USAGE)
            return
        self.tabs.setCurrentIndex(LIVE)
        if where == _FAILED:
            self.live.show_failed()
        else:
            self.live.show_run(where)

    def regions(self) -> Sequence[QWidget]:
        if self.pages.currentIndex() == LIVE:
            return (self.tabs, *self.live.regions())
        return (self.tabs, self._usage())

    def renew(self) -> bool:
        if self.pages.currentIndex() == LIVE:
            self.live.start_anew()
        else:
            self._usage().renew()
        return True

    def halt(self) -> bool:
        return self.pages.currentIndex() == LIVE and self.live.stop_one()

    def keepsake(self) -> Mapping[str, Any]:
        return {"page": self.pages.currentIndex(), **self.live.keepsake()}

    def put_back(self, kept: Mapping[str, Any]) -> None:
        self.live.put_back(kept)
        self.tabs.setCurrentIndex(int(kept.get("page", LIVE)))

    def appeared(self) -> None:
        self._turn(self.tabs.currentIndex())

    def vanished(self) -> None:
        self.live.vanished()
        if self.usage is not None:
            self.usage.vanished()

    def _counts_changed(self, text: str) -> None:
        self._counted = text
        self._show_counts()

    def _show_counts(self) -> None:
        self.counts.setText(self._counted if self.tabs.currentIndex() == LIVE else "")

    def _turn(self, number: int) -> None:
        self.vanished()
        page = self._usage() if number == USAGE else self.live
        self.pages.setCurrentWidget(page)
        self._show_counts()
        if self.isVisible():
            page.appeared()

    def _usage(self) -> UsagePage:
        if self.usage is None:
            from grokdesk.ui.windows.requests_usage import UsagePage  # noqa: PLC0415 - only when visited

            self.usage = UsagePage(self.desk)
            self.pages.addWidget(self.usage)
        return self.usage
