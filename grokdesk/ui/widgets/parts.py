"""Small things every pane uses, so that they look the same everywhere."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from grokdesk.ui.icons import dress
from grokdesk.ui.theme import GAP, Look, scaled


def button(
    text: str, *, kind: str = "", look: Look | None = None, icon: str = "", name: str = ""
) -> QPushButton:
    """A push button.

    `kind` is empty, `primary` or `plain`; `name` is what a screen reader says when it is not the text.
    """
    made = QPushButton(text)
    if kind:
        made.setProperty("kind", kind)
    if icon and look is not None:
        dress(made, icon, look, {"primary": "on_accent", "plain": "accent"}.get(kind, "text"))
    made.setAccessibleName(name or text)
    if not text:
        made.setToolTip(name)
    made.setAutoDefault(False)
    return made


def rename(made: QPushButton, text: str) -> None:
    """Give a button another text, and a screen reader the same."""
    made.setText(text)
    made.setAccessibleName(text)


class Prose(QLabel):
    """A wrapped label."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        # What apps call themselves and what Grok answers stands in some of them: never as HTML.
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)

    def minimumSizeHint(self) -> QSize:
        # Qt's own answer is the height at the width of the longest word, which makes dialogs far too tall.
        return QSize(super().minimumSizeHint().width(), self.fontMetrics().lineSpacing())

    def keep_width(self, width: int) -> None:
        """Be this wide, and as tall as the text then is, whatever the layout asks."""
        self.setFixedWidth(width)
        self.setMinimumHeight(max(0, self.heightForWidth(width)))


class Elided(QLabel):
    """A line that is shortened with an ellipsis where there is no room. Says all of it in its tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(0)

    def paintEvent(self, event: QPaintEvent) -> None:
        room = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()
        self.setToolTip(self.text() if text != self.text() else "")


def breakable(text: str) -> str:
    """Let a long address break where it has signs, so that it fits a narrow panel."""
    return "".join(f"{sign}\u200b" if sign in "@._-/:" else sign for sign in text)


def fit(dialog: QWidget, width: int) -> None:
    """Make a dialog as tall as its wrapped texts need at `width`."""
    layout = dialog.layout()
    if layout is not None:
        layout.activate()
        dialog.resize(width, layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else 0)


def quiet(text: str = "") -> Prose:
    """A wrapped label in the secondary colour."""
    made = Prose(text)
    made.setProperty("tone", "quiet")
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return made


def title(text: str, factor: float = 1.54) -> Prose:
    """A heading."""
    made = Prose(text)
    made.setFont(scaled(made.font(), factor, strong=True))
    return made


def section(text: str) -> Prose:
    """The heading of a card."""
    return title(text, 1.15)


def card() -> tuple[QFrame, QVBoxLayout]:
    """A raised surface and the layout inside it."""
    frame = QFrame()
    frame.setProperty("kind", "card")
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(16, 16, 16, 16)
    layout.setSpacing(GAP)
    return frame, layout


def line() -> QFrame:
    """A thin rule."""
    made = QFrame()
    made.setProperty("kind", "line")
    made.setFixedHeight(1)
    return made


def buttons_row(*buttons: QPushButton) -> QHBoxLayout:
    """Buttons at the right end of a dialog."""
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addStretch(1)
    for one in buttons:
        row.addWidget(one)
    return row


def hint(field: QLineEdit, text: str) -> None:
    """Say in an empty field what belongs there, and all of it under the pointer where there is no room."""
    field.setPlaceholderText(text)
    field.setToolTip(text)


def set_tone(widget: QWidget, tone: str) -> None:
    """Colour a widget by meaning."""
    if widget.property("tone") == tone:
        return
    widget.setProperty("tone", tone)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
