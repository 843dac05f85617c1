"""Letting other devices connect: said plainly before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from grokdesk.ui.dialogs import Answer
from grokdesk.ui.theme import GAP, MARGIN, code_font
from grokdesk.ui.widgets.parts import Prose, button, buttons_row, fit, quiet, section

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - what the dialog asks about
HERE: Final = "127.0.0.1"
_WIDTH: Final = 460
_MOST: Final = 4


class LetOthers(QDialog):
    """Asks whether other devices may connect.

    They would use one of `addresses`, with `port`; `requests` run at the moment.
    """

    def __init__(self, parent: QWidget | None, addresses: Sequence[str], port: int, requests: int) -> None:
        super().__init__(parent)
        title = self.tr("Let other devices connect?")
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setMinimumWidth(_WIDTH)
        self.no = button(self.tr("Cancel"))
        self.yes = button(self.tr("Let them connect"))
        self.no.clicked.connect(lambda: self.done(Answer.NO))
        self.yes.clicked.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN - 4)
        layout.setSpacing(GAP)
        layout.addWidget(section(title))
        layout.addWidget(Prose(self.tr("Anyone on this network who has a key can use your accounts.")))
        layout.addWidget(
            quiet(self.tr("What they send is not encrypted on the way. Do this only in a network you trust."))
        )
        self.addresses: Prose | None = None
        if addresses:
            layout.addWidget(quiet(self.tr("The address for them:")))
            self.addresses = Prose("\n".join(f"http://{address}:{port}/v1" for address in addresses[:_MOST]))
            self.addresses.setFont(code_font())
            self.addresses.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            layout.addWidget(self.addresses)
        else:
            words = self.tr("They use the address of this computer in the network, with port %1.")
            layout.addWidget(quiet(words.replace("%1", str(port))))
        self.ends = quiet(self._ends(requests))
        self.ends.setVisible(requests > 0)
        layout.addWidget(self.ends)
        layout.addSpacing(4)
        layout.addLayout(buttons_row(self.no, self.yes))
        self.no.setDefault(True)
        self.no.setFocus()
        fit(self, _WIDTH)

    def _ends(self, requests: int) -> str:
        if requests == 1:
            return self.tr("The gateway starts anew: the running request has five seconds to end.")
        return self.tr("The gateway starts anew: %n running requests have five seconds to end.", "", requests)
