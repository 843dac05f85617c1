"""What a pane shows when it has nothing to show: what belongs here, and the way to it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from grokdesk.ui.icons import dress_label
from grokdesk.ui.theme import GAP, Look
from grokdesk.ui.widgets.parts import button, quiet, section


class StateView(QWidget):
    """A picture, a sentence and at most one button in the middle of a pane."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._title = section("")
        self._title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._text = quiet()
        self._text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.button = button("", kind="primary")
        layout = QVBoxLayout(self)
        layout.setSpacing(GAP)
        layout.addStretch(2)
        layout.addWidget(self._picture)
        layout.addWidget(self._title)
        layout.addWidget(self._text, 0, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)

    def show_state(self, icon: str, title: str, text: str, action: str = "") -> None:
        """Say something else."""
        dress_label(self._picture, icon, self._look, "text2", 32)
        self._title.setText(title)
        self._text.setText(text)
        self._text.keep_width(420)
        self.button.setText(action)
        self.button.setAccessibleName(action)
        self.button.setVisible(bool(action))
