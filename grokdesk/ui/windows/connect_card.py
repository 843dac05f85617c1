"""One program: how it fares, what it needs, and its settings file."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from grokdesk.core import client_setups
from grokdesk.core.client_setups import Client, Field, Values
from grokdesk.core.errors import GrokDeskError
from grokdesk.core.visits import Light, Sign
from grokdesk.platform.client_files import Found, SetupState, Undone
from grokdesk.platform.gateway_trial import Trial
from grokdesk.platform.tasks import offload
from grokdesk.ui import client_words, dialogs, words
from grokdesk.ui.connections import Connections
from grokdesk.ui.icons import dress_label
from grokdesk.ui.languages import joined, told
from grokdesk.ui.models.clients import LIGHTS
from grokdesk.ui.theme import GAP, code_font
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.code import Code
from grokdesk.ui.widgets.flow import Flow
from grokdesk.ui.widgets.parts import Prose, breakable, button, card, quiet, rename, section, set_tone
from grokdesk.ui.windows.connect_preview import Preview, shortened

_GAP: Final = 8
# A value whose name says that it is nobody's business, as the three kinds of files write it.
_OTHERS: Final = re.compile(
    r"""((?:key|token|secret|password)\w*["']?\s*[:=]\s*["']?)([^\s"',{}\[\]]{12,})""", re.IGNORECASE
)
# Between the cards and the bar that scrolls them.
_RIGHT: Final = 6
_NAME_WIDTH: Final = 170


class ClientCard(QWidget):
    """What belongs to one program. `refresh` shows everything as it is."""

    def __init__(self, connections: Connections, client: Client, chosen: Callable[[str], None]) -> None:
        super().__init__()
        self._connections = connections
        self._desk = connections.desk
        self.client = client
        self._chosen_model = ""
        self._remember = chosen
        self._fields: list[tuple[Field, QLabel]] = []
        self._failed_run = ""
        self._problem = ""
        self._result: Trial | None = None
        self._testing = self._busy = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, _RIGHT, 0)
        column.setSpacing(GAP)
        column.addWidget(self._build_head())
        if client.file is not None:
            column.addWidget(self._build_file())
        column.addWidget(self._build_needs())
        column.addStretch(1)
        self.test.clicked.connect(lambda: self._desk.work.start(self._test(), exclusive=self._name("test")))
        self.model.activated.connect(self._choose)
        self.show_run.clicked.connect(self._show_run)

    # -- building

    def _build_head(self) -> QFrame:
        frame, layout = card()
        self._shape = QLabel()
        self._here = quiet()
        head = QHBoxLayout()
        head.setSpacing(_GAP)
        head.addWidget(section(client_words.name(self.client)), 1)
        head.addWidget(self._here)
        self._here.setWordWrap(False)
        layout.addLayout(head)
        self.warning = Prose(client_words.warning(self.client))
        set_tone(self.warning, "warn")
        layout.addWidget(self.warning)
        self.warning.setVisible(bool(self.warning.text()))
        self.light = Prose()
        self.show_run = button(
            self.tr("Show it"), look=self._desk.look, icon="requests", name=self.tr("Show the failed request")
        )
        self.test = button(self.tr("Test"), look=self._desk.look, icon="test")
        row = QHBoxLayout()
        row.setSpacing(_GAP)
        row.addWidget(self._shape, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.light, 1)
        row.addWidget(self.show_run)
        row.addWidget(self.test)
        layout.addLayout(row)
        # It would work from here, and say nothing about a call from Cursor's servers. Only now: shown without
        # a parent it would be a window for a moment and take the keyboard.
        self.test.setVisible(not client_words.warning(self.client))
        self.result = Prose()
        self.result.hide()
        layout.addWidget(self.result)
        return frame

    def _build_needs(self) -> QFrame:
        client, look = self.client, self._desk.look
        frame, layout = card()
        self.model = Choice(self.tr("Model"), look)
        self.model.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.model.setMinimumContentsLength(8)
        asked = QLabel(self.tr("Model:"))
        asked.setBuddy(self.model)
        row = QHBoxLayout()
        row.setSpacing(_GAP)
        row.addWidget(asked)
        row.addWidget(self.model, 1)
        layout.addLayout(row)
        self._where = quiet()
        layout.addWidget(self._where)
        self.code = Code(self.tr("What %1 needs").replace("%1", client_words.name(client)))
        self.copy_all = button(self.tr("Copy with key"), look=look, icon="copy")
        snippet = client_setups.snippet(client, self._values("\0"))
        self._has_key = "\0" in snippet or json.dumps("\0").strip('"') in snippet
        if snippet and not self._has_key:
            rename(self.copy_all, self.tr("Copy"))
        if snippet:
            layout.addWidget(self.code)
            line = QHBoxLayout()
            line.addStretch(1)
            line.addWidget(self.copy_all)
            layout.addLayout(line)
            self.copy_all.clicked.connect(lambda: self._copy("", "snippet"))
        fields = client_setups.fields(client, self._values())
        if fields:
            layout.addLayout(self._grid(fields))
        for note in client_words.notes(client):
            layout.addWidget(quiet(f"•  {note}"))
        return frame

    def _grid(self, fields: list[Field]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(GAP)
        grid.setVerticalSpacing(_GAP)
        grid.setColumnStretch(1, 1)
        self.copies: list[QPushButton] = []
        for number, field in enumerate(fields):
            value = QLabel()
            value.setFont(code_font())
            value.setWordWrap(True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            value.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            copy = button(
                self.tr("Copy"),
                look=self._desk.look,
                icon="copy",
                name=self.tr("Copy %1").replace("%1", field.label),
            )
            copy.clicked.connect(lambda _=False, label=field.label: self._copy(label, "field"))
            name = quiet(field.label)
            name.setMaximumWidth(_NAME_WIDTH)
            grid.addWidget(name, number, 0)
            grid.addWidget(value, number, 1)
            grid.addWidget(copy, number, 2)
            self._fields.append((field, value))
            self.copies.append(copy)
        return grid

    def _build_file(self) -> QFrame:
        look = self._desk.look
        frame, layout = card()
        layout.addWidget(section(self.tr("Set up for me")))
        self.state = Prose()
        layout.addWidget(self.state)
        self.problem = Prose()
        set_tone(self.problem, "error")
        self.problem.hide()
        layout.addWidget(self.problem)
        self.set_up = button(self.tr("Set up for me…"), kind="primary", look=look, icon="edit")
        self.undo = button(self.tr("Undo the setup"), look=look, icon="undo")
        self.save_copy = button(self.tr("Save the file as it was…"), look=look, icon="save")
        row = Flow(gap=_GAP, line_gap=_GAP)
        for one in (self.set_up, self.undo, self.save_copy):
            row.addWidget(one)
        layout.addLayout(row)
        start = self._desk.work.start
        self.set_up.clicked.connect(lambda: start(self._alone(self._set_up)))
        self.undo.clicked.connect(lambda: start(self._alone(self._undo)))
        self.save_copy.clicked.connect(lambda: start(self._save_copy(), exclusive=self._name("copy")))
        return frame

    def _name(self, act: str) -> str:
        return f"{act} {self.client.id}"

    # -- showing

    def put_model(self, name: str) -> None:
        """Remember a model that was chosen before."""
        self._chosen_model = name

    def refresh(self) -> None:
        """Show everything as it is now."""
        self._show_models()
        self._show_needs()
        self._show_light(self._connections.sign(self.client))
        self._show_result()
        if self.client.file is not None:
            self._show_file()

    def model_name(self) -> str:
        """The model that is filled in."""
        return self._connections.model(self._chosen_model)

    def _values(self, key: str = "") -> Values:
        return self._connections.values(self.client, self.model_name(), key)

    def _show_models(self) -> None:
        able, unable = self._connections.models()
        wanted = [(model.name, model.name) for model in able] + [
            (model.name, self.tr("%1 (no account can answer it now)").replace("%1", model.name))
            for model in unable
        ]
        shown = [(self.model.itemData(at), self.model.itemText(at)) for at in range(self.model.count())]
        if shown != wanted:
            self.model.clear()
            for name, text in wanted:
                self.model.addItem(text, name)
        self.model.setCurrentIndex(self.model.findData(self.model_name()))

    def _show_needs(self) -> None:
        values = self._values()
        found = self._connections.of(self.client)
        files = self._desk.host.client_files
        home = files.home if files is not None else None
        self._where.setText(
            client_words.where(
                self.client, breakable(shortened(found.file, home)) or self.tr("its settings file")
            )
        )
        self.code.show_text(client_setups.snippet(self.client, values))
        for (_, label), field in zip(self._fields, client_setups.fields(self.client, values), strict=True):
            label.setText(breakable(field.value))
        if found.is_here is None:
            self._here.setText("")
        elif not found.is_here:
            self._here.setText(self.tr("Not found on this computer"))
        elif found.version:
            self._here.setText(self.tr("Found, version %1").replace("%1", found.version))
        else:
            self._here.setText(self.tr("Found"))

    def _show_light(self, sign: Sign) -> None:
        now = self._desk.host.clock.now()
        icon, token = LIGHTS[sign.light]
        dress_label(self._shape, icon, self._desk.look, token, 20)
        self._failed_run = sign.run_id if sign.light is Light.RED else ""
        self.show_run.setVisible(bool(self._failed_run))
        match sign.light:
            case Light.GREY:
                text, tone = self.tr("Waiting for its first request."), "quiet"
            case Light.GREEN:
                text = self.tr("It works. Last request: %1.").replace("%1", words.ago(sign.at, now))
                tone = "ok"
            case Light.RED:
                text = (
                    self.tr("Its last request failed, %1: %2")
                    .replace("%1", words.ago(sign.at, now))
                    .replace("%2", told(sign.message, sign.hint))
                )
                tone = "error"
        self.light.setText(text)
        self.light.setToolTip(words.exact(sign.at) if sign.at else "")
        set_tone(self.light, tone)

    def _show_result(self) -> None:
        result = self._result
        self.test.setEnabled(self._connections.address.is_open and not self._testing)
        self.result.setVisible(self._testing or result is not None)
        if self._testing:
            self.result.setText(self.tr("Testing: the models, then one short question…"))
            set_tone(self.result, "quiet")
        elif result is not None and result.works:
            text = self.tr("The test works: %1 models are listed, and Grok answered “%2”.")
            self.result.setText(
                text.replace("%1", str(result.models)).replace("%2", " ".join(result.answer.split())[:80])
            )
            set_tone(self.result, "ok")
        elif result is not None:
            self.result.setText(self.tr("The test failed: %1").replace("%1", told(result.failure)))
            set_tone(self.result, "error")

    def _show_file(self) -> None:
        found = self._connections.of(self.client)
        is_possible = self._desk.host.client_files is not None
        done = found.state is not SetupState.NONE
        current = done and self._is_current(found)
        self.set_up.setVisible(is_possible and not current)
        rename(self.set_up, self.tr("Set up again…") if done else self.tr("Set up for me…"))
        self.undo.setVisible(done)
        self.save_copy.setVisible(done and found.has_copy)
        self.problem.setText(self._problem)
        self.problem.setVisible(bool(self._problem))
        text, tone = self._state_words(found, is_possible=is_possible, current=current)
        self.state.setText(text)
        set_tone(self.state, tone)

    def _state_words(self, found: Found, *, is_possible: bool, current: bool) -> tuple[str, str]:
        if not is_possible:
            return self._impossible(), "quiet"
        match found.state:
            case SetupState.NONE:
                text = self.tr(
                    "GrokDesk can write this into the file for you, with a key that only %1 has. You "
                    "see every line "
                    "before, and it can be undone."
                )
                return text.replace("%1", client_words.name(self.client)), "quiet"
            case SetupState.DONE if current:
                text = self.tr("Set up %1.").replace(
                    "%1", words.ago(found.at, self._desk.host.clock.now()).lower()
                )
                return joined(text, client_words.after(self.client)), "ok"
            case SetupState.DONE:
                return self.tr(
                    "Set up, but with another address, key or model than what is shown here."
                ), "warn"
            case SetupState.CHANGED:
                return (
                    self.tr(
                        "It was set up, and the file was changed since. Undo takes out what is still "
                        "from here."
                    ),
                    "warn",
                )
            case SetupState.LOST:
                return self.tr("It was set up, and now the file is gone or cannot be read."), "warn"

    def _impossible(self) -> str:
        if self._desk.host.demo:
            return self.tr("The demo does not touch the files of your programs. Copy what is below instead.")
        return self.tr("The home folder is not known, so files are left alone. Copy what is below instead.")

    def _is_current(self, found: Found) -> bool:
        key = self._connections.own_key(self.client)
        if key is None or found.state is not SetupState.DONE:
            return False
        wanted = client_setups.puts(self.client, self._values(key.value.reveal()), blank=False)
        return all(found.values.get(put.path) == put.value for put in wanted)

    # -- doing

    def _choose(self) -> None:
        self._chosen_model = str(self.model.currentData())
        self._remember(self._chosen_model)
        self.refresh()

    def _show_run(self) -> None:
        if self._failed_run:
            self._desk.pane_wanted.emit(f"requests:{self._failed_run}")

    def _copy(self, label: str, what: str) -> None:
        self._desk.work.start(self._copied(label, what))

    async def _copied(self, label: str, what: str) -> None:
        desk, client = self._desk, self.client
        if what == "field":
            plain = next(one for one in client_setups.fields(client, self._values()) if one.label == label)
            if not plain.secret:
                desk.copy(plain.value, self.tr("%1 copied.").replace("%1", label))
                return
        elif not self._has_key:
            told = self.tr("Copied. The key goes to another place; see below.")
            desk.copy(client_setups.snippet(client, self._values()), told)
            return
        key = await self._connections.key_for(client)
        values = self._values(key.value.reveal())
        if what == "field":
            field = next(one for one in client_setups.fields(client, values) if one.label == label)
            text = field.value
        else:
            text = client_setups.snippet(client, values)
        told = self.tr("Copied with the key of %1. The clipboard is cleared in 60 s.")
        desk.copy_secret(text, told.replace("%1", client_words.name(client)))

    async def _test(self) -> None:
        self._testing = True
        self._show_result()
        try:
            self._result = await self._connections.test(self.client, self.model_name())
        finally:
            self._testing = False
            self._show_result()

    async def _alone(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do something to the file, unless something is being done to it: a second click comes too early."""
        if self._busy:
            return
        self._busy, self._problem = True, ""
        try:
            await act()
        finally:
            self._busy = False

    async def _set_up(self) -> None:
        client, model = self.client, self.model_name()
        try:
            plan = await self._connections.plan(client, model)
            dialog = Preview(self.window(), self._desk.look, plan, plan.diff(self._hidden))
            if await dialogs.answer(dialog) is dialogs.Answer.YES:
                await self._connections.set_up(client, model, plan)
                text = self.tr("%1 is set up.").replace("%1", client_words.name(client))
                self._desk.did(text, self._take_back)
        except GrokDeskError as error:
            self._problem = told(error.message, error.hint)
        self.refresh()

    async def _take_back(self) -> None:
        undone = await self._connections.undo(self.client)
        self._desk.say(self._undone_words(undone))
        self.refresh()

    async def _undo(self) -> None:
        try:
            await self._take_back()
        except GrokDeskError as error:
            self._problem = told(error.message, error.hint)
        self.refresh()

    def _undone_words(self, undone: Undone) -> str:
        if undone.deleted:
            return self.tr("%1 is removed; it was made by the setup.").replace("%1", undone.path.name)
        if undone.left:
            return (
                self.tr("Taken out of %1, except what was changed since: %2.")
                .replace("%1", undone.path.name)
                .replace("%2", ", ".join(undone.left))
            )
        return self.tr("Taken out of %1. Nothing else was changed.").replace("%1", undone.path.name)

    async def _save_copy(self) -> None:
        files = self._desk.host.client_files
        if files is None:
            return
        name, data = await offload(files.copy_of, self.client)
        path = await dialogs.save_file(
            self.window(), self.tr("The file as it was before"), name, self.tr("All files (*)")
        )
        if path is not None:
            await offload(path.write_bytes, data)
            self._desk.say(self.tr("Saved as %1.").replace("%1", path.name), "ok")

    def _hidden(self, text: str) -> str:
        """A line without a key in it, ours or another."""
        secrets: Mapping[str, str] = {
            key.value.reveal(): f"gd-…{key.value.tail}" for key in self._desk.host.keys.all() if key.value
        }
        for secret, shown in secrets.items():
            text = text.replace(secret, shown)
        return _OTHERS.sub(_shortened, text)


def _shortened(found: re.Match[str]) -> str:
    value = found[2]
    return found[0] if value.startswith("gd-…") else f"{found[1]}…{value[-4:]}"
