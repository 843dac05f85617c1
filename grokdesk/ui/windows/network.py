"""Network: which way requests leave, and how they pass Cloudflare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from grokdesk.ui.desk import Desk
from grokdesk.ui.models.ways import NO_TRIAL, Trial
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.parts import title
from grokdesk.ui.windows.network_cloudflare import CloudflarePage
from grokdesk.ui.windows.network_proxies import ProxiesPage
from grokdesk.ui.windows.network_trials import Trials
from grokdesk.ui.windows.pane import Pane

PROXIES, CLOUDFLARE = range(2)
_CLOUDFLARE_PART = "cloudflare"


class NetworkPane(Pane):
    """Two pages."""

    key = "network"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.trials = Trials(desk)
        self.tabs = QTabBar()
        self.tabs.setAccessibleName(self.tr("Pages"))
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.addTab(self.tr("Proxies"))
        self.tabs.addTab(self.tr("Cloudflare"))
        self.proxies = ProxiesPage(desk, self.trials, self.show_clearance)
        self.cloudflare = CloudflarePage(desk, self._trial_of, self._test)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.proxies)
        self.pages.addWidget(_scrolling(self.cloudflare))
        head = QHBoxLayout()
        head.setSpacing(GAP)
        head.addWidget(title(self.tr("Network")))
        head.addWidget(self.tabs, 1, Qt.AlignmentFlag.AlignBottom)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN)
        column.setSpacing(GAP)
        column.addLayout(head)
        column.addWidget(self.pages, 1)
        self.tabs.currentChanged.connect(self._turn)
        self.trials.changed.connect(self.cloudflare.heard_trials)

    def show_way(self, name: str) -> bool:
        """Show the page Proxies with this way out selected; returns whether there is one of this name."""
        self.tabs.setCurrentIndex(PROXIES)
        return self.proxies.show_way(name)

    def show_clearance(self, name: str) -> bool:
        """Show the page Cloudflare with this way out selected; returns whether there is one of this name."""
        self.tabs.setCurrentIndex(CLOUDFLARE)
        return self.cloudflare.show_way(name)

    def open_at(self, where: str) -> None:
        """Show a way out by its name; `cloudflare`, or that with `:` and a name, shows the other page."""
        page, _, way = where.partition(":")
        if page == _CLOUDFLARE_PART:
            self.tabs.setCurrentIndex(CLOUDFLARE)
            if way:
                self.cloudflare.show_way(way)
        else:
            self.show_way(where)

    def regions(self) -> Sequence[QWidget]:
        page = self._page()
        # The controls over the list come first.
        parts: list[QWidget] = [self.tabs, page, page.table]
        return [*parts, page.details] if isinstance(page, ProxiesPage) else parts

    def renew(self) -> bool:
        """Test what is selected, or every way out."""
        return self.proxies.renew()

    def halt(self) -> bool:
        running = self.trials.running
        self.trials.cancel()
        return running

    def begin(self) -> bool:
        self.tabs.setCurrentIndex(PROXIES)
        self.proxies.add_ways()
        return True

    def keepsake(self) -> Mapping[str, Any]:
        return {
            "page": self.tabs.currentIndex(),
            "trials": self.trials.keepsake(),
            "ways": self.proxies.table.selected_keys(),
            "checks": self.cloudflare.table.selected_keys(),
            "typed": self.cloudflare.typed(),
        }

    def put_back(self, kept: Mapping[str, Any]) -> None:
        self.trials.put_back(kept.get("trials", {}))
        self.proxies.refresh()
        self.proxies.table.select(kept.get("ways", ()))
        self.cloudflare.refresh()
        self.cloudflare.table.select(kept.get("checks", ()))
        self.cloudflare.type_again(kept.get("typed", ()))
        self.tabs.setCurrentIndex(int(kept.get("page", PROXIES)))

    def appeared(self) -> None:
        self._page().appeared()

    def vanished(self) -> None:
        self.proxies.vanished()
        self.cloudflare.vanished()

    def _turn(self, number: int) -> None:
        self._page().vanished()
        self.pages.setCurrentIndex(number)
        if self.isVisible():
            self._page().appeared()

    def _page(self) -> ProxiesPage | CloudflarePage:
        return self.cloudflare if self.pages.currentIndex() == CLOUDFLARE else self.proxies

    def _trial_of(self, name: str) -> Trial:
        return next((self.trials.of(row.key) for row in self.proxies.named(name)), NO_TRIAL)

    def _test(self, name: str) -> None:
        self.trials.start(self.proxies.named(name))


def _scrolling(page: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(page)
    return area
