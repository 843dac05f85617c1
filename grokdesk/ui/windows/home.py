"""Home: is it running, how do I connect an app, and what needs me. Without accounts: the first steps."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QStackedLayout,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.notices import GatewayPhase
from grokdesk.core.usage import MEDIAN, summed, together
from grokdesk.ui import dialogs, words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.models.usage import percent, span
from grokdesk.ui.theme import GAP, MARGIN, code_font
from grokdesk.ui.widgets.parts import button, card, quiet, section, title
from grokdesk.ui.widgets.status_bar import gateway_words
from grokdesk.ui.windows.pane import Pane

_WIDEST = 900
_MODEL = "grok-4.20-fast"
_REFRESH_MS = 1_000


def snippet(kind: str, base_url: str, key: str) -> str:
    """What to paste: `curl`, `python` or `environment`."""
    match kind:
        case "curl":
            return (
                f"curl {base_url}/chat/completions \\\n"
                f'  -H "Authorization: Bearer {key}" \\\n'
                '  -H "Content-Type: application/json" \\\n'
                f'  -d \'{{"model": "{_MODEL}", "messages": [{{"role": "user", "content": "Hello"}}]}}\''
            )
        case "python":
            return (
                "from openai import OpenAI\n\n"
                f'client = OpenAI(base_url="{base_url}", api_key="{key}")\n'
                "answer = client.chat.completions.create(\n"
                f'    model="{_MODEL}",\n'
                '    messages=[{"role": "user", "content": "Hello"}],\n'
                ")\n"
                "print(answer.choices[0].message.content)"
            )
        case _:
            root = base_url.removesuffix("/v1")
            return (
                f"export OPENAI_BASE_URL={base_url}\n"
                f"export OPENAI_API_KEY={key}\n"
                f"export ANTHROPIC_BASE_URL={root}\n"
                f"export ANTHROPIC_API_KEY={key}"
            )


class _Code(QPlainTextEdit):
    """Read-only code that Tab leaves."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setProperty("kind", "code")
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setFont(code_font())
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setAccessibleName(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            event.ignore()
            return
        super().keyPressEvent(event)


class Home(Pane):
    """The first pane."""

    key = "home"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._stack = QStackedLayout(self)
        self.first_run = FirstRun(desk)
        welcome = _scrolling(self.first_run)
        self._overview = self._build_overview()
        self._stack.addWidget(welcome)
        self._stack.addWidget(self._overview)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_REFRESH_MS)
        self._later.timeout.connect(self.refresh)
        bridge = desk.bridge
        bridge.gateway.connect(self._at_once)
        bridge.keys.connect(self._at_once)
        bridge.accounts.connect(self._soon)
        bridge.runs.connect(self._soon)
        self.refresh()

    def appeared(self) -> None:
        self.refresh()

    def vanished(self) -> None:
        self._later.stop()

    def refresh(self) -> None:
        """Show everything as it is now."""
        desk = self.desk
        empty = len(desk.host.pool) == 0
        self._stack.setCurrentIndex(0 if empty else 1)
        state = desk.gateway
        running = state.phase is GatewayPhase.RUNNING
        icon, token, text = gateway_words(state.phase)
        dress_label(self._shape, icon, desk.look, token, 20)
        self._words.setText(text)
        self._base.setText(state.base_url if running else self.tr("Apps cannot connect while it is stopped."))
        if state.phase is GatewayPhase.FAILED:
            self._base.setText(self.desk.gateway_trouble())
        self.copy_base.setEnabled(running)
        self._key.setText(desk.masked_key())
        has_key = desk.key() is not None
        self.copy_key.setEnabled(has_key)
        self._show_snippet()
        counts = desk.host.pool.counts()
        if not empty and self.isVisible():
            desk.work.start(self._read_usage(), exclusive="figures of the day")
        for label, value in (
            (self._ready, counts.ready),
            (self._cooling, counts.cooling),
            (self._needy, counts.need_owner),
            (self._running, desk.host.runs.in_flight),
        ):
            label.setText(words.number(value))
        self.show_needy.setVisible(counts.need_owner > 0)

    # -- inside

    def _at_once(self, *_: object) -> None:
        if self.isVisible():
            self.refresh()

    def _soon(self, *_: object) -> None:
        was_empty = self._stack.currentIndex() == 0
        if was_empty != (len(self.desk.host.pool) == 0):
            self.refresh()
        elif self.isVisible() and not self._later.isActive():
            self._later.start()

    def _build_overview(self) -> QWidget:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        column.setSpacing(GAP)
        column.addWidget(self._connect_card())
        column.addWidget(self._snippet_card(), 1)
        column.addWidget(self._accounts_card())
        column.addWidget(self._usage_card())
        column.addStretch(1)
        inner.setMaximumWidth(_WIDEST + 2 * MARGIN)
        return _scrolling(inner)

    def _connect_card(self) -> QFrame:
        desk, look = self.desk, self.desk.look
        frame, layout = card()
        self._shape = QLabel()
        self._words = section("")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._shape)
        head.addWidget(self._words, 1)
        layout.addLayout(head)
        self._base = QLabel()
        self._key = QLabel()
        for label in (self._base, self._key):
            label.setFont(code_font())
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            label.setWordWrap(True)
        self.copy_base = button(self.tr("Copy"), look=look, icon="copy", name=self.tr("Copy the address"))
        self.copy_key = button(self.tr("Copy"), look=look, icon="copy", name=self.tr("Copy the key"))
        self.new_key = button(self.tr("New key…"), look=look, icon="key")
        grid = QGridLayout()
        grid.setHorizontalSpacing(GAP)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        for row, (name, value, copy) in enumerate(
            (
                (self.tr("Address"), self._base, self.copy_base),
                (self.tr("API key"), self._key, self.copy_key),
            )
        ):
            grid.addWidget(quiet(name), row, 0)
            grid.addWidget(value, row, 1)
            grid.addWidget(copy, row, 3)
        grid.addWidget(self.new_key, 1, 2)
        layout.addLayout(grid)
        self.copy_base.clicked.connect(desk.copy_address)
        QWidget.setTabOrder(self.new_key, self.copy_key)
        self.copy_key.clicked.connect(desk.copy_key)
        self.new_key.clicked.connect(lambda: desk.work.start(self._ask_new_key(), exclusive="ask key"))
        return frame

    def _snippet_card(self) -> QFrame:
        frame, layout = card()
        head = QHBoxLayout()
        head.addWidget(section(self.tr("Connect an app")), 1)
        self.steps = button(self.tr("First steps"), kind="plain", look=self.desk.look, icon="flag")
        self.set_up = button(self.tr("Set up an app…"), look=self.desk.look, icon="plug")
        self.copy_snippet = button(self.tr("Copy with key"), kind="primary", look=self.desk.look, icon="copy")
        head.addWidget(self.steps)
        head.addWidget(self.set_up)
        head.addWidget(self.copy_snippet)
        self.steps.clicked.connect(lambda: self.desk.pane_wanted.emit("first"))
        self.set_up.clicked.connect(lambda: self.desk.pane_wanted.emit("connect"))
        layout.addLayout(head)
        self.tabs = QTabBar()
        self.tabs.setAccessibleName(self.tr("Kind of example"))
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self._kinds = ("curl", "python", "environment")
        for text in (self.tr("curl"), self.tr("Python"), self.tr("Environment")):
            self.tabs.addTab(text)
        self.code = _Code(self.tr("Example"))
        lines = self.code.fontMetrics().lineSpacing()
        self.code.setFixedHeight(7 * lines + 28)
        layout.addWidget(self.tabs)
        layout.addWidget(self.code)
        self._note = quiet()
        layout.addWidget(self._note)
        self.tabs.currentChanged.connect(self._show_snippet)
        self.copy_snippet.clicked.connect(self._copy_snippet)
        return frame

    def _accounts_card(self) -> QFrame:
        frame, layout = card()
        head = QHBoxLayout()
        head.addWidget(section(self.tr("Accounts")), 1)
        self.show_needy = button(self.tr("Show who waits for you"), look=self.desk.look, icon="state-owner")
        self.add = button(self.tr("Add accounts…"), look=self.desk.look, icon="plus")
        head.addWidget(self.show_needy)
        head.addWidget(self.add)
        layout.addLayout(head)
        row = QHBoxLayout()
        row.setSpacing(GAP)
        self._ready = self._figure(row, self.tr("ready"))
        self._cooling = self._figure(row, self.tr("resting"))
        self._needy = self._figure(row, self.tr("waiting for you"))
        self._running = self._figure(row, self.tr("requests running"))
        layout.addLayout(row)
        self.add.clicked.connect(lambda: self.desk.add_wanted.emit(""))
        self.show_needy.clicked.connect(lambda: self.desk.pane_wanted.emit("accounts:owner"))
        return frame

    def _usage_card(self) -> QFrame:
        frame, layout = card()
        head = QHBoxLayout()
        head.addWidget(section(self.tr("Last 24 hours")), 1)
        self.show_usage = button(self.tr("Show usage"), look=self.desk.look, icon="requests")
        head.addWidget(self.show_usage)
        layout.addLayout(head)
        row = QHBoxLayout()
        row.setSpacing(GAP)
        self._asked = self._figure(row, self.tr("requests"))
        self._answered = self._figure(row, self.tr("answered"))
        self._first = self._figure(row, self.tr("to the first word, median"))
        layout.addLayout(row)
        self.show_usage.clicked.connect(lambda: self.desk.pane_wanted.emit("requests:usage"))
        self._usage = frame
        frame.setVisible(False)
        return frame

    async def _read_usage(self) -> None:
        usage = self.desk.host.runs.usage
        if usage is None:
            return
        hours = await usage.between(*span(self.desk.host.clock.now(), 1))
        whole = together(summed(hours, lambda _: 0).values())
        self._asked.setText(words.number(whole.requests))
        self._answered.setText(percent(whole.success))
        self._first.setText(words.milliseconds(whole.first_ms(MEDIAN)))
        self._usage.setVisible(True)

    def _figure(self, row: QHBoxLayout, name: str) -> QLabel:
        box = QVBoxLayout()
        box.setSpacing(0)
        value = title("0")
        box.addWidget(value)
        box.addWidget(quiet(name))
        row.addLayout(box, 1)
        return value

    def _show_snippet(self, *_: object) -> None:
        kind = self._kinds[self.tabs.currentIndex()]
        self.code.setPlainText(snippet(kind, self._base_url(), self.desk.masked_key()))
        note = self.tr("The key is shortened here and put in when you copy.")
        if kind == "environment":
            note += " " + self.tr("Claude Code and other Anthropic apps read the second pair.")
        self._note.setText(note)
        self.copy_snippet.setEnabled(self.desk.key() is not None)

    def _copy_snippet(self) -> None:
        key = self.desk.key()
        if key is None:
            return
        kind = self._kinds[self.tabs.currentIndex()]
        self.desk.copy_secret(
            snippet(kind, self._base_url(), key.reveal()),
            self.tr("Copied with your key. The clipboard is cleared in 60 s."),
        )

    def _base_url(self) -> str:
        """The real address, or the one it will have."""
        state = self.desk.gateway
        if state.port:
            return state.base_url
        gateway = self.desk.host.live.now.gateway
        return f"http://{gateway.host}:{gateway.port}/v1"

    async def _ask_new_key(self) -> None:
        said = await dialogs.ask(
            self.window(),
            dialogs.Question(
                self.tr("Revoke the old key as well?"),
                self.tr("Apps that still use it will be refused at once. This cannot be undone."),
                self.tr("Revoke the old key"),
                self.tr("Keep both"),
                risky=True,
            ),
        )
        if said is dialogs.Answer.YES:
            self.desk.replace_key()
        elif said is dialogs.Answer.NO:
            self.desk.new_key()


class FirstRun(QWidget):
    """What to do when there is no account yet."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        look = desk.look
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        column.setSpacing(GAP)
        column.addStretch(2)
        head = title(self.tr("Welcome to GrokDesk"))
        head.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(head)
        text = quiet(
            self.tr(
                "It lets the apps on this computer use your own Grok accounts, through one address that "
                "speaks the language of OpenAI and Anthropic. It needs an account to begin with."
            )
        )
        text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        text.keep_width(540)
        column.addWidget(text, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(GAP)
        row = QHBoxLayout()
        row.setSpacing(GAP)
        row.addStretch(1)
        self.add = button(self.tr("Add an account…"), kind="primary", look=look, icon="plus")
        self.demo = button(self.tr("Open the demo"), look=look, icon="flask")
        for name, icon_name, words_, act in (
            (
                self.tr("Add an account"),
                "accounts",
                self.tr(
                    "Paste your Grok tokens, choose a file, or drop one anywhere on this window. You see "
                    "what was understood before anything is saved."
                ),
                self.add,
            ),
            (
                self.tr("Try the demo"),
                "flask",
                self.tr(
                    "Opens a second window with invented accounts and a Grok that runs on this computer. "
                    "Nothing in it is real, and nothing is kept."
                ),
                self.demo,
            ),
        ):
            row.addWidget(self._choice(desk, name, icon_name, words_, act))
        row.addStretch(1)
        column.addLayout(row)
        self.steps = button(self.tr("Show me step by step"), kind="plain", look=look, icon="flag")
        column.addWidget(self.steps, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        self.steps.clicked.connect(lambda: desk.pane_wanted.emit("first"))
        self.add.clicked.connect(lambda: desk.add_wanted.emit(""))
        self.demo.clicked.connect(desk.start_demo)

    def _choice(self, desk: Desk, name: str, icon_name: str, text: str, act: QWidget) -> QFrame:
        frame, layout = card()
        frame.setFixedWidth(300)
        picture = QLabel()
        dress_label(picture, icon_name, desk.look, "accent", 24)
        layout.addWidget(picture)
        layout.addWidget(section(name))
        words_ = quiet(text)
        words_.keep_width(268)
        layout.addWidget(words_)
        layout.addStretch(1)
        layout.addWidget(act, 0, Qt.AlignmentFlag.AlignLeft)
        return frame


def _scrolling(inner: QWidget) -> QScrollArea:
    """Let a small window scroll what it cannot show."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(inner)
    area.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.viewport().setAutoFillBackground(False)
    inner.setAutoFillBackground(False)
    return area
