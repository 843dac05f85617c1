"""The first steps: welcome, accounts, the way to Grok, an app. Each can be skipped and come back to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.parts import button, line, quiet, set_tone, title
from grokdesk.ui.windows.first_run_pages import AppPage, Page, PastePage, WayPage, WelcomePage
from grokdesk.ui.windows.pane import Pane

STEPS: Final = ("welcome", "accounts", "way", "app")
WELCOME, ACCOUNTS, WAY, APP = range(4)


class FirstRunPane(Pane):
    """Four pages, with what is done above and the way on below."""

    key = "first"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.welcome = WelcomePage(desk)
        self.accounts = PastePage(desk)
        self.way = WayPage(desk)
        self.app = AppPage(desk)
        self.pages: tuple[Page, ...] = (self.welcome, self.accounts, self.way, self.app)
        self._build()
        self._connect()
        left = desk.memory.now.first_step
        self.turn(STEPS.index(left) if left in STEPS else WELCOME)

    # -- building

    def _build(self) -> None:
        look = self.desk.look
        names = (
            self.tr("Welcome"),
            self.tr("Accounts"),
            self.tr("The way to Grok"),
            self.tr("An app"),
        )
        self._marks: list[tuple[QLabel, QLabel]] = []
        steps = QHBoxLayout()
        steps.setSpacing(8)
        for number, name in enumerate(names):
            mark, label = QLabel(), QLabel(f"{number + 1}  {name}")
            steps.addWidget(mark)
            steps.addWidget(label)
            steps.addSpacing(GAP)
            self._marks.append((mark, label))
        steps.addStretch(1)
        self.stack = QStackedWidget()
        for page in self.pages:
            self.stack.addWidget(_scrolling(page) if page.scrolls else page)
        self.back = button(self.tr("Back"), look=look, icon="previous")
        self.skip = button(self.tr("Skip all this"), kind="plain")
        self.next = button(self.tr("Next"), kind="primary")
        self.hint = quiet()
        feet = self._feet = QHBoxLayout()
        feet.setContentsMargins(MARGIN, GAP, MARGIN, GAP)
        feet.setSpacing(8)
        feet.addWidget(self.skip)
        feet.addWidget(self.hint, 1)
        feet.addWidget(self.back)
        feet.addWidget(self.next)
        head = QVBoxLayout()
        head.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, 0)
        head.setSpacing(GAP)
        head.addWidget(title(self.tr("First steps")))
        head.addLayout(steps)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.stack, 1)
        column.addWidget(line())
        column.addLayout(feet)
        self._keys()

    def _keys(self) -> None:
        for keys, act in (("Alt+Right", self.go_on), ("Alt+Left", self.go_back)):
            made = QAction(self)
            made.setShortcut(QKeySequence(keys))
            made.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            made.triggered.connect(lambda _=False, act=act: act())
            self.addAction(made)

    def _connect(self) -> None:
        self.next.clicked.connect(self.go_on)
        self.back.clicked.connect(self.go_back)
        self.skip.clicked.connect(self.leave)
        for number, page in enumerate(self.pages):
            page.changed.connect(self._show_feet)
            page.finished.connect(lambda number=number: self._finished(number))
        self.desk.look.changed.connect(self._show_marks)

    # -- turning pages

    @property
    def step(self) -> int:
        """The number of the page in sight."""
        return self.stack.currentIndex()

    @property
    def page(self) -> Page:
        """The page in sight."""
        return self.pages[self.step]

    def turn(self, number: int) -> None:
        """Show a page."""
        if self.isVisible():
            self.page.vanished()
        self.stack.setCurrentIndex(number)
        self.desk.memory.change(first_step=STEPS[number])
        self._show_marks()
        self._show_feet()
        if self.isVisible():
            self._open_page()

    def go_on(self) -> None:
        """Next, or the end."""
        if self.step == APP:
            self.leave()
        elif self.page.may_leave():
            self.turn(self.step + 1)

    def go_back(self) -> None:
        """The page before."""
        if self.step:
            self.turn(self.step - 1)

    def leave(self) -> None:
        """These steps are behind; Home has the way back to them."""
        self.desk.memory.change(first_done=True, first_step="")
        self.desk.pane_wanted.emit("home")
        self.stack.setCurrentIndex(WELCOME)
        self._show_marks()
        self._show_feet()

    def _finished(self, number: int) -> None:
        """A page has done what it is for."""
        if self.isVisible() and number == self.step and number < APP:
            self.turn(number + 1)

    def _open_page(self) -> None:
        self.page.appeared()
        first = self.page.first()
        (first if first is not None else self.next).setFocus(Qt.FocusReason.OtherFocusReason)

    # -- being a pane

    def foot(self) -> int:
        return self._feet.sizeHint().height()

    def appeared(self) -> None:
        self._show_marks()
        self._show_feet()
        self._open_page()

    def vanished(self) -> None:
        self.page.vanished()

    def regions(self) -> Sequence[QWidget]:
        return [self.page, self.next]

    def begin(self) -> bool:
        self.turn(ACCOUNTS)
        return True

    def open_at(self, where: str) -> None:
        if where in STEPS:
            self.turn(STEPS.index(where))

    def keepsake(self) -> Mapping[str, Any]:
        return {"step": self.step, "text": self.accounts.text(), "app": self.app.keepsake()}

    def put_back(self, kept: Mapping[str, Any]) -> None:
        self.accounts.put_text(str(kept.get("text", "")))
        self.app.put_back(kept.get("app", {}))
        self.turn(int(kept.get("step", WELCOME)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Esc loses nothing here, and goes nowhere.
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)

    # -- showing

    def _show_marks(self) -> None:
        look = self.desk.look
        for number, (mark, label) in enumerate(self._marks):
            here, done = number == self.step, self.pages[number].is_done()
            icon, token = ("tick-on", "ok") if done else ("dot", "accent" if here else "text2")
            dress_label(mark, icon, look, token, 16)
            set_tone(label, "" if here else "quiet")
            font = label.font()
            font.setBold(here)
            label.setFont(font)
            state = self.tr("done") if done else self.tr("now") if here else self.tr("to do")
            label.setAccessibleName(f"{label.text()}, {state}")

    def _show_feet(self) -> None:
        self.back.setEnabled(self.step > 0)
        page = self.page
        self.next.setText(self.tr("Finish") if self.step == APP else page.way_on())
        self.next.setAccessibleName(self.next.text())
        self.hint.setText(page.hint())
        self._show_marks()


def _scrolling(inner: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inner)
    area.viewport().setAutoFillBackground(False)
    inner.setAutoFillBackground(False)
    return area
