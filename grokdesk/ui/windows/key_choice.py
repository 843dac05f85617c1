"""Where the master key is to live, asked once where there is no keyring; the passphrase, at every start."""

from __future__ import annotations

from typing import Final

from PySide6.QtWidgets import QDialog, QLineEdit, QRadioButton, QVBoxLayout

from grokdesk.core.options import KeyChoice
from grokdesk.core.secret import Secret
from grokdesk.platform.secrets import KeySource
from grokdesk.ui import dialogs
from grokdesk.ui.theme import GAP, MARGIN, Look
from grokdesk.ui.widgets.parts import Prose, button, buttons_row, fit, quiet, set_tone, title

SHORTEST: Final = 8
_WIDTH: Final = 500


class ChooseKey:
    """Asks about the master key. Asked again, the passphrase given before was wrong."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._asked = 0

    async def ask(self, source: KeySource | None) -> KeyChoice | None:
        """Return what the owner decided; None when they would rather not start."""
        self._asked += 1
        if source is KeySource.PASSPHRASE:
            dialog: KeyDialog = KnownPassphrase(wrong=self._asked > 1)
        else:
            dialog = NewKey()
        said = await dialogs.answer(dialog)
        return dialog.choice if said is dialogs.Answer.YES else None


class KeyDialog(QDialog):
    """A dialog that ends with a `KeyChoice`."""

    choice: KeyChoice | None = None

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("GrokDesk")
        self.setMinimumWidth(_WIDTH)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN - 4)
        self.column.setSpacing(GAP)

    def head(self, heading: str, text: str) -> None:
        """Say what this is about."""
        self.column.addWidget(title(heading, 1.3))
        self.column.addWidget(quiet(text))

    def field(self, name: str) -> QLineEdit:
        """A field for a passphrase."""
        made = QLineEdit()
        made.setEchoMode(QLineEdit.EchoMode.Password)
        made.setPlaceholderText(name)
        made.setAccessibleName(name)
        return made

    def finish(self, yes: str) -> None:
        """Put the buttons below."""
        self.problem = Prose()
        set_tone(self.problem, "error")
        self.problem.hide()
        self.no = button(self.tr("Quit"))
        self.yes = button(yes, kind="primary")
        self.yes.setDefault(True)
        self.column.addWidget(self.problem)
        self.column.addLayout(buttons_row(self.no, self.yes))
        self.no.clicked.connect(self.reject)
        self.yes.clicked.connect(self.decide)
        fit(self, _WIDTH)

    def say(self, text: str) -> None:
        """Say what is wrong, at the place where it is wrong."""
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        fit(self, self.width())

    def decide(self) -> None:
        """Take the decision, or say why not."""
        raise NotImplementedError


class NewKey(KeyDialog):
    """A new data folder, and no keyring."""

    def __init__(self) -> None:
        super().__init__()
        self.head(
            self.tr("Where should the key be kept?"),
            self.tr(
                "GrokDesk encrypts your accounts. This computer offers no keyring to keep the key in, so it "
                "is your choice. It cannot be changed later without adding the accounts again."
            ),
        )
        self.by_passphrase = QRadioButton(self.tr("A passphrase that you type at every start"))
        self.first = self.field(self.tr("Passphrase, at least %n character(s)", "", SHORTEST))
        self.second = self.field(self.tr("The same again"))
        self.by_file = QRadioButton(self.tr("A key file in the data folder"))
        self.by_passphrase.setChecked(True)
        self.column.addWidget(self.by_passphrase)
        self.column.addWidget(
            quiet(
                self.tr("Safest. Nobody can help you if you forget it, and GrokDesk cannot start by itself.")
            )
        )
        self.column.addWidget(self.first)
        self.column.addWidget(self.second)
        self.column.addSpacing(4)
        self.column.addWidget(self.by_file)
        self.column.addWidget(
            quiet(
                self.tr(
                    "Simplest. Whoever can read your files can read your accounts. GrokDesk keeps saying so."
                )
            )
        )
        self.finish(self.tr("Continue"))
        self.by_file.toggled.connect(self.first.setDisabled)
        self.by_file.toggled.connect(self.second.setDisabled)
        self.first.setFocus()

    def decide(self) -> None:
        if self.by_file.isChecked():
            self.choice = KeyChoice(None)
        elif len(self.first.text()) < SHORTEST:
            self.say(self.tr("The passphrase needs at least %n character(s).", "", SHORTEST))
            return
        elif self.first.text() != self.second.text():
            self.say(self.tr("The two are not the same."))
            return
        else:
            self.choice = KeyChoice(Secret(self.first.text()))
        self.accept()


class KnownPassphrase(KeyDialog):
    """A data folder that is protected by a passphrase."""

    def __init__(self, *, wrong: bool) -> None:
        super().__init__()
        self.head(
            self.tr("Your passphrase"),
            self.tr("The accounts in this data folder are locked with the passphrase you chose."),
        )
        self.first = self.field(self.tr("Passphrase"))
        self.column.addWidget(self.first)
        self.finish(self.tr("Open"))
        if wrong:
            self.say(self.tr("That was not the passphrase. Try again."))
        self.first.setFocus()

    def decide(self) -> None:
        if not self.first.text():
            self.say(self.tr("Type the passphrase."))
            return
        self.choice = KeyChoice(Secret(self.first.text()))
        self.accept()
