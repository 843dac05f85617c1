"""The one banner: the most serious lasting trouble, until it is solved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from grokdesk.ui.icons import dress_label
from grokdesk.ui.theme import MARGIN, Look
from grokdesk.ui.widgets.parts import Prose, button, rename, set_tone


class Weight(IntEnum):
    """How serious a trouble is."""

    INFO = 1
    WARN = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Notice:
    """A lasting trouble: what, what to do, and buttons for it."""

    key: str
    weight: Weight
    text: str
    acts: tuple[tuple[str, Callable[[], None]], ...] = ()


def most_serious(notices: Iterable[Notice]) -> Notice | None:
    """The one to show: the heaviest, the first among equals."""
    return max(notices, key=lambda one: one.weight, default=None)


_TONES = {Weight.INFO: ("info", "info"), Weight.WARN: ("warn", "warning"), Weight.ERROR: ("error", "warning")}
_ICON_TOKEN = {Weight.INFO: "accent", Weight.WARN: "warn", Weight.ERROR: "error"}


class Banner(QFrame):
    """A coloured strip with an icon, a sentence and up to two buttons."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.setProperty("kind", "banner")
        self._icon = QLabel()
        self._text = Prose()
        self._buttons = [button(""), button("")]
        self._acts: list[Callable[[], None]] = []
        layout = QHBoxLayout(self)
        layout.setContentsMargins(MARGIN, 8, MARGIN, 8)
        layout.setSpacing(10)
        layout.addWidget(self._icon)
        layout.addWidget(self._text, 1)
        for place, one in enumerate(self._buttons):
            layout.addWidget(one)
            one.clicked.connect(lambda _=False, place=place: self._acts[place]())
        self._shown: Notice | None = None
        self.hide()

    @property
    def text(self) -> str:
        """What it says; empty while there is nothing."""
        return self._text.text() if self._shown is not None else ""

    @property
    def buttons(self) -> list[QWidget]:
        """The buttons in use."""
        return [one for one in self._buttons if not one.isHidden()]

    def show_notice(self, notice: Notice | None) -> None:
        """Say this, or nothing."""
        self._shown = notice
        if notice is None:
            self.hide()
            return
        tone, icon = _TONES[notice.weight]
        set_tone(self, tone)
        dress_label(self._icon, icon, self._look, _ICON_TOKEN[notice.weight], 20)
        self._text.setText(notice.text)
        self.setAccessibleName(notice.text)
        self._acts = [act for _, act in notice.acts]
        for place, one in enumerate(self._buttons):
            one.setVisible(place < len(notice.acts))
            if place < len(notice.acts):
                rename(one, notice.acts[place][0])
        self.show()
