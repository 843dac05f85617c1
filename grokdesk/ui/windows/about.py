"""About GrokDesk: which version this is, and whether there is a newer one."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from grokdesk import __version__
from grokdesk.core.updates import UpdatePhase
from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.languages import told
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.parts import Prose, button, buttons_row, fit, quiet, title

_WIDTH: Final = 480
_NOTES_HEIGHT: Final = 160
_ICON: Final = 48


class About(QDialog):
    """Says what this is. Nothing is looked up before somebody has switched that on."""

    def __init__(self, parent: QWidget | None, desk: Desk) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setWindowTitle(self.tr("About GrokDesk"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setMinimumWidth(_WIDTH)
        picture = QLabel()
        picture.setPixmap(QGuiApplication.windowIcon().pixmap(_ICON, _ICON))
        self.said = Prose()
        self.notes = QPlainTextEdit()
        self.notes.setReadOnly(True)
        self.notes.setTabChangesFocus(True)
        self.notes.setAccessibleName(self.tr("What is new"))
        self.notes.setFixedHeight(_NOTES_HEIGHT)
        self.look = button(self.tr("Look now"))
        self.setting = button(self.tr("Show the setting"))
        self.page = button(self.tr("Open the page"), kind="primary")
        self.close_button = button(self.tr("Close"))

        names = QVBoxLayout()
        names.setSpacing(2)
        names.addWidget(title("GrokDesk", 1.3))
        names.addWidget(quiet(self.tr("Version %1").replace("%1", __version__)))
        head = QHBoxLayout()
        head.setSpacing(GAP)
        head.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(names, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN - 4)
        layout.setSpacing(GAP)
        layout.addLayout(head)
        layout.addWidget(
            quiet(
                self.tr(
                    "Your Grok accounts for the programs on this computer. MIT licence. "
                    "Not affiliated with xAI."
                )
            )
        )
        layout.addWidget(self.said)
        layout.addWidget(self.notes)
        layout.addSpacing(4)
        layout.addLayout(buttons_row(self.setting, self.look, self.page, self.close_button))
        self.look.clicked.connect(lambda: desk.work.start(desk.host.updates.look(), exclusive="look"))
        self.setting.clicked.connect(self._show_setting)
        self.page.clicked.connect(self._open_page)
        self.close_button.clicked.connect(self.reject)
        self.close_button.setDefault(True)
        desk.bridge.updates.connect(self.refresh)
        self.refresh()
        self.close_button.setFocus()

    def refresh(self) -> None:
        """Say what is known now."""
        state = self._desk.host.updates.state
        self.said.setText(self._words())
        notes = state.release.notes if state.release is not None else ""
        if self.notes.toPlainText() != notes:
            self.notes.setPlainText(notes)
        self.notes.setVisible(bool(notes))
        self.page.setVisible(state.release is not None and bool(state.release.url))
        off = state.phase is UpdatePhase.OFF
        self.setting.setVisible(off)
        self.look.setVisible(not off)
        self.look.setEnabled(state.phase is not UpdatePhase.LOOKING)
        fit(self, _WIDTH)

    def _words(self) -> str:
        state, now = self._desk.host.updates.state, self._desk.host.clock.now()
        if state.phase is UpdatePhase.LOOKING:
            return self.tr("Looking for a new version…")
        if state.release is not None:
            return self.tr("Version %1 is there.").replace("%1", state.release.version)
        match state.phase:
            case UpdatePhase.FAILED:
                return self.tr("It could not be found out whether there is a new version: %1").replace(
                    "%1", told(state.failure)
                )
            case UpdatePhase.CURRENT:
                return self.tr("This is the newest version. Looked %1.").replace(
                    "%1", words.ago(state.at, now).lower()
                )
            case UpdatePhase.OFF:
                return self.tr("GrokDesk does not look for new versions.")
            case _:
                return self.tr("GrokDesk has not looked for a new version yet.")

    def _show_setting(self) -> None:
        self.reject()
        settings = self._desk.host.live.now.updates
        self._desk.pane_wanted.emit(
            "settings:updates.address" if settings.check else "settings:updates.check"
        )

    def _open_page(self) -> None:
        release = self._desk.host.updates.state.release
        if release is not None:
            QDesktopServices.openUrl(QUrl(release.url))
