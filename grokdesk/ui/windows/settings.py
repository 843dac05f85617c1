"""Settings: every setting of the model on pages, found by search, changed together, and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from socket import gethostname
from typing import Any, Final

from PySide6.QtCore import QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.errors import Broken
from grokdesk.core.setting_fields import SettingField, SettingSection, fields
from grokdesk.core.settings import is_loopback
from grokdesk.platform.paths import write_private
from grokdesk.platform.settings_file import read_settings_toml, settings_toml
from grokdesk.platform.tasks import offload
from grokdesk.ui import dialogs, settings_words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.languages import told
from grokdesk.ui.models.settings import Draft
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.empty import StateView
from grokdesk.ui.widgets.parts import Prose, button, card, hint, line, quiet, section, set_tone, title
from grokdesk.ui.widgets.setting_row import SettingRow, haystack, searched_words
from grokdesk.ui.windows.pane import Pane
from grokdesk.ui.windows.settings_page import SettingsPage

_TYPING_MS: Final = 120
_PAGES_WIDTH: Final = 168
_LARGEST_FILE: Final = 1 << 20
_MOST_NOTES: Final = 5
_EMPTY_FILE: Final = b"# Settings of GrokDesk. What is not written here is as it comes.\n"


def _models(desk: Desk) -> SettingsPage:
    from grokdesk.ui.windows.models_page import ModelsPage  # noqa: PLC0415 - only when it is visited

    return ModelsPage(desk)


def _logs(desk: Desk) -> SettingsPage:
    from grokdesk.ui.windows.logs_page import LogsPage  # noqa: PLC0415 - only when it is visited

    return LogsPage(desk)


# Pages that are more than rows, and what of their settings they show in a better way than a row.
_MADE: Final[Mapping[str, Callable[[Desk], SettingsPage]]] = {"models": _models, "logs": _logs}
_IN_PAGE: Final = frozenset({"models.off", "models.aliases", "models.order", "logging.level"})


class SettingsPane(Pane):
    """The pages, the search, and the bar with what is not saved yet."""

    key = "settings"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.draft = Draft(desk.host.live.now)
        self.rows: dict[str, SettingRow] = {}
        self._sections: dict[str, _SectionBox] = {}
        self._made: dict[str, SettingsPage] = {}
        self._pages = settings_words.pages()
        self._page = self._pages[0].key
        self._words: tuple[str, ...] = ()
        self._refusal = ""
        self._imported: tuple[str, ...] = ()
        self._saving = False
        self._missed = True
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._build()
        self._connect()
        self.show_page(self._page)

    # -- what other parts call

    def search_field(self) -> QLineEdit:
        """The search of the page, if it has one; from there that of all settings."""
        made = self.made_page
        inner = made.search_field() if made is not None else None
        return self.search if inner is None or inner.hasFocus() else inner

    def regions(self) -> Sequence[QWidget]:
        made = self.made_page
        return (
            self.search,
            self._pages_area,
            *(made.regions() if made is not None else (self.area,)),
            self.bar,
        )

    def renew(self) -> bool:
        made = self.made_page
        return made.renew() if made is not None else False

    def keepsake(self) -> Mapping[str, Any]:
        made = {key: page.keepsake() for key, page in self._made.items()}
        return {"page": self._page, "search": self.search.text(), "edits": self.draft.edits, "made": made}

    def put_back(self, kept: Mapping[str, Any]) -> None:
        if any(page.key == kept.get("page") for page in self._pages):
            self.show_page(str(kept["page"]))
        self.draft.replace({name: value for name, value in kept.get("edits", {}).items() if name in fields()})
        if kept.get("search"):
            self.search.setText(str(kept["search"]))
            self.apply_search()
        for key, inner in kept.get("made", {}).items():
            if key in _MADE:
                self._make_page(key).put_back(inner)
        self._show_draft()

    @property
    def made_page(self) -> SettingsPage | None:
        """The page in sight, when it is more than rows."""
        shown = self._lists.currentWidget()
        return shown if isinstance(shown, SettingsPage) else None

    def appeared(self) -> None:
        if self._missed:
            self._missed = False
            self._follow()
        self._show_file()
        if self.made_page is not None:
            self.made_page.appeared()

    def vanished(self) -> None:
        self._missed = True
        if self.made_page is not None:
            self.made_page.vanished()
        for row in self.rows.values():
            row.control.hide_secret()

    def open_at(self, where: str) -> None:
        """Show a page, or one setting by its dotted name, with the keyboard in it."""
        field = fields().get(where)
        key, _, inner = where.partition(":")
        if field is not None and where in _IN_PAGE:
            self.show_page(self._page_of(where))
        elif field is not None:
            self.show_setting(field.name)
        elif any(page.key == key for page in self._pages):
            self.show_page(key)
            if inner and self.made_page is not None:
                self.made_page.open_at(inner)

    def show_setting(self, name: str) -> None:
        """Show the page of a setting and put the keyboard into it."""
        page = self._page_of(name)
        self.show_page(page)
        if page in _MADE:
            self.search.setText(name)
            self.apply_search()
        row = self.rows[name]
        # The row has its place only after the layout had its turn.
        QTimer.singleShot(0, row, lambda: self._focus_row(row))

    def unsaved(self) -> int:
        return len(self.draft.edits)

    @property
    def page(self) -> str:
        """The page in sight, or the last one while a search is shown."""
        return self._page

    def shown(self) -> list[str]:
        """The settings in sight, from top to bottom."""
        return [
            name
            for name in fields()
            if name in self.rows
            and not self.rows[name].isHidden()
            and not self._sections[fields()[name].section].isHidden()
        ]

    # -- finding

    def show_page(self, key: str) -> None:
        """Show a page from its top; a search ends."""
        self._page = key
        if self.search.text():
            self.search.clear()
        self.apply_search()
        self.area.verticalScrollBar().setValue(0)
        self._pages_area.ensureWidgetVisible(self._pages_by_key[key])

    def apply_search(self) -> None:
        """Show the settings that have every word of the search, or the page."""
        self._typing.stop()
        self._words = searched_words(self.search.text())
        if self._words:
            hits = {
                name
                for name, field in fields().items()
                if all(word in f"{haystack(field)}\n{self._heading(field)}" for word in self._words)
            }
        elif self._page in _MADE:
            hits = set()
        else:
            page = next(one for one in self._pages if one.key == self._page)
            hits = {field.name for one in page.sections for field in one.fields}
        for page in self._pages:
            for one in page.sections:
                self._show_section(one, [field for field in one.fields if field.name in hits])
        self._mark_page()
        count = self.tr("%n setting(s) found", "", len(hits)) if self._words else ""
        self.counts.setText(count)
        if self._page in _MADE and not self._words:
            self._show_list(self._make_page(self._page))
        elif hits:
            self._show_list(self.area)
        else:
            self.empty.show_state(
                "search",
                self.tr("No setting matches"),
                self.tr("Nothing is called “%1” or speaks of it.").replace("%1", self.search.text().strip()),
                self.tr("Clear the search"),
            )
            self._show_list(self.empty)

    def _make_page(self, key: str) -> SettingsPage:
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = _MADE[key](self.desk)
            names = [f"{one.key}." for page in self._pages if page.key == key for one in page.sections]
            made.form_wanted.connect(lambda: self._search_for(" ".join(names)))
            self._lists.addWidget(made)
        return made

    def _show_list(self, shown: QWidget) -> None:
        before = self._lists.currentWidget()
        if before is shown:
            return
        if isinstance(before, SettingsPage) and self.isVisible():
            before.vanished()
        self._lists.setCurrentWidget(shown)
        if isinstance(shown, SettingsPage) and self.isVisible():
            shown.appeared()

    def _search_for(self, text: str) -> None:
        self.search.setText(text)
        self.apply_search()
        self.search.setFocus()

    def _mark_page(self) -> None:
        """Mark the page in sight; what a search finds is on no page."""
        self._page_group.setExclusive(False)
        for key, one in self._pages_by_key.items():
            one.setChecked(key == self._page and not self._words)
            # One stop for Tab; the arrow keys go from page to page.
            here = Qt.FocusPolicy.StrongFocus if key == self._page else Qt.FocusPolicy.ClickFocus
            one.setFocusPolicy(here)
        self._page_group.setExclusive(True)

    def _heading(self, field: SettingField) -> str:
        box = next(one for page in self._pages for one in page.sections if one.key == field.section)
        return settings_words.section_title(box).casefold()

    def _show_section(self, about: SettingSection, hits: list[SettingField]) -> None:
        box = self._sections.get(about.key)
        if not hits:
            if box is not None:
                box.setVisible(False)
            return
        if box is None:
            box = self._sections[about.key] = _SectionBox(about)
            self._place_section(box)
        for field in hits:
            if field.name not in self.rows:
                self._make_row(field, box)
        box.show_only({field.name for field in hits})
        for field in hits:
            self.rows[field.name].mark(self._words)
        box.setVisible(True)

    def _place_section(self, box: _SectionBox) -> None:
        """Keep the sections in the order of the pages, whichever is made first."""
        order = [one.key for page in self._pages for one in page.sections]
        before = [key for key in order[: order.index(box.key)] if key in self._sections]
        self._column.insertWidget(len(before), box)

    def _make_row(self, field: SettingField, box: _SectionBox) -> None:
        row = self.rows[field.name] = SettingRow(field, self.desk)
        box.place(row)
        row.show_draft(self.draft, self._decided_by(field.name))
        row.edited.connect(self._edit)
        row.reset_wanted.connect(lambda name: self.reset([name]))

    def _page_of(self, name: str) -> str:
        wanted = fields()[name].section
        return next(page.key for page in self._pages if any(one.key == wanted for one in page.sections))

    def _focus_row(self, row: SettingRow) -> None:
        self.area.ensureWidgetVisible(row, 0, MARGIN)
        row.control.entry().setFocus(Qt.FocusReason.OtherFocusReason)

    # -- editing

    def _decided_by(self, name: str) -> str:
        file = self.desk.host.settings_file
        if name in file.outside:
            return file.outside[name]
        if self.desk.host.demo and name.startswith("grok_web.") and name.endswith("_url"):
            field = fields()[name]
            own = getattr(file.current.grok_web, field.key)
            if self.draft.saved_value(name) != own:
                return self.tr("the demo")
        return ""

    def _edit(self, name: str, value: object) -> None:
        self._refusal = ""
        self.draft.put({name: value})
        self._show_draft()

    def reset(self, names: Iterable[str]) -> None:
        """Put settings back to their defaults; to be saved like any other change."""
        before = self.draft.edits
        changed = self.draft.put_back(name for name in names if not self._decided_by(name))
        self._show_draft()
        if changed:
            text = self.tr("%n setting(s) put back. Save to keep it.", "", len(changed))
            self._offer_edits(text, before)
        else:
            self.desk.say(self.tr("All of them are as they come."))

    def put_page_back(self) -> None:
        """Put every setting in sight back."""
        if self.made_page is None:
            self.reset(self.shown())
        else:
            self.reset(
                field.name
                for page in self._pages
                if page.key == self._page
                for one in page.sections
                for field in one.fields
            )

    def put_all_back(self) -> None:
        """Put every setting back."""
        self.reset(fields())

    def discard(self) -> None:
        """Forget what is not saved, with a way back."""
        before = self.draft.edits
        if not before:
            return
        self._refusal = ""
        self.draft.replace({})
        self._show_draft()
        self._offer_edits(self.tr("%n change(s) discarded.", "", len(before)), before)
        # Not into a field, which would take Ctrl+Z for its own.
        self._pages_by_key[self._page].setFocus()

    def _offer_edits(self, text: str, edits: Mapping[str, object]) -> None:
        async def back() -> None:
            self.draft.replace(edits)
            self._show_draft()

        self.desk.did(text, back)

    def _show_draft(self) -> None:
        for name, row in self.rows.items():
            row.show_draft(self.draft, self._decided_by(name))
        self._show_bar()

    # -- saving

    def save(self) -> None:
        """Save the changes, unless one of them cannot be: then show it."""
        if self._saving or not self.draft.edits:
            return
        wrong = next((name for name in fields() if name in self.draft.wrong), None)
        if wrong is not None:
            self.show_setting(wrong)
            return
        self.desk.work.start(self._save(self.draft.edits))

    async def _save(self, changes: dict[str, object]) -> None:
        live = self.desk.host.live
        before = {name: self.draft.saved_value(name) for name in changes}
        self._saving = True
        self._show_bar()
        try:
            if not await self._may_open(changes):
                return
            await self.desk.host.change(changes)
            self._refusal = ""
            self.draft.were_saved(changes, live.now)
        except Broken as error:
            self._refusal = settings_words.named(told(error.message, error.hint))
            return
        finally:
            self._saving = False
            self._show_draft()
        self._show_file()

        async def back() -> None:
            await self.desk.host.change(before)
            self.desk.say(self.tr("%n setting(s) as before.", "", len(before)))

        self.desk.did(self.tr("%n setting(s) saved.", "", len(changes)), back)

    async def _may_open(self, changes: Mapping[str, object]) -> bool:
        """Ask before the gateway is opened to the network."""
        host = str(changes.get("gateway.host", ""))
        if not host or is_loopback(host) or not is_loopback(self.desk.host.live.now.gateway.host):
            return True
        name = gethostname() if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
        port = self.draft.value("gateway.port")
        said = await dialogs.ask(
            self,
            dialogs.Question(
                self.tr("Let other devices connect?"),
                self.tr(
                    "Anyone on this network who has a key can use your accounts. They connect to http://%1:%2/v1."
                )
                .replace("%1", f"[{name}]" if ":" in name else name)
                .replace("%2", str(port)),
                self.tr("Let them connect"),
                self.tr("Cancel"),
                risky=True,
            ),
        )
        return said is dialogs.Answer.YES

    # -- files

    def open_file(self) -> None:
        """Open the settings file in the editor of the system."""
        self.desk.work.start(self._open_file(), exclusive="settings file")

    async def _open_file(self) -> None:
        path = self.desk.host.paths.config_file
        await offload(_make_sure, path)
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self.desk.copy(str(path), self.tr("No program opens it. Its place is in the clipboard now."))

    def export(self) -> None:
        """Write the settings that differ from their defaults into a file."""
        self.desk.work.start(self._export(), exclusive="export settings")

    async def _export(self) -> None:
        said, with_secrets = await dialogs.ask_remembering(
            self,
            dialogs.Question(
                self.tr("Export the settings?"),
                self.tr("What you changed is written into a TOML file that GrokDesk can import elsewhere."),
                self.tr("Choose a place…"),
                self.tr("Cancel"),
                remember=self.tr("With proxies, cookies and passwords, readable for whoever has the file"),
            ),
        )
        if said is not dialogs.Answer.YES:
            return
        path = await dialogs.save_file(
            self, self.tr("Export settings"), "grokdesk-settings.toml", self.tr("Settings (*.toml)")
        )
        if path is None:
            return
        values = {
            name: value
            for name, field in fields().items()
            if (value := self.draft.saved_value(name)) != field.default
            and (with_secrets or not field.is_secret)
            and self._decided_by(name) != self.tr("the demo")
        }
        await offload(_write, path, values)
        self.desk.say(self.tr("%n setting(s) written to %1.", "", len(values)).replace("%1", path.name), "ok")

    def bring_in(self) -> None:
        """Take settings from a file, to be looked at and saved."""
        self.desk.work.start(self._bring_in(), exclusive="import settings")

    async def _bring_in(self) -> None:
        path = await dialogs.open_file(
            self, self.tr("Import settings"), self.tr("Settings (*.toml);;All files (*)")
        )
        if path is None:
            return
        values, notes = await offload(_read, path)
        fixed = [name for name in values if self._decided_by(name)]
        before = self.draft.edits
        self.draft.put({name: value for name, value in values.items() if name not in fixed})
        self._imported = notes
        self._refusal = ""
        self._show_draft()
        self._show_file()
        if self.draft.edits != before:
            text = self.tr("%n setting(s) of the file differ. Save to keep them.", "", len(self._new(before)))
            self._offer_edits(text, before)
            self._go_to_first(self._new(before))
        else:
            self.desk.say(self.tr("The file has nothing that is not set already."))

    def _new(self, before: Mapping[str, object]) -> list[str]:
        edits = self.draft.edits
        return [name for name in fields() if name in edits and edits[name] != before.get(name)]

    def _go_to_first(self, names: list[str]) -> None:
        if names:
            self.show_page(self._page_of(names[0]))

    # -- restarting the gateway

    def restart_gateway(self) -> None:
        """Stop the gateway and start it as it is set now; asks first while requests run."""
        self.desk.work.start(self._restart_gateway(), exclusive="restart gateway")

    async def _restart_gateway(self) -> None:
        running = self.desk.host.runs.in_flight
        if running:
            said = await dialogs.ask(
                self,
                dialogs.Question(
                    self.tr("Restart the gateway with %n request(s) running?", "", running),
                    self.tr("The apps that wait for them will see a broken answer."),
                    self.tr("Restart"),
                    self.tr("Not now"),
                    risky=True,
                ),
            )
            if said is not dialogs.Answer.YES:
                return
        self.desk.restart_gateway()

    # -- following

    def _heard_settings(self, _: object) -> None:
        if self.isVisible():
            self._follow()
        else:
            self._missed = True

    def _follow(self) -> None:
        self.draft.follow(self.desk.host.live.now)
        self._show_draft()
        self._show_waiting()

    def _heard_troubles(self, _: object) -> None:
        if self.isVisible():
            self._show_file()

    def _heard_gateway(self, _: object) -> None:
        if self.isVisible():
            self._show_waiting()

    def _show_file(self) -> None:
        """Say what is wrong with the settings file, or what in it was not understood."""
        file = self.desk.host.settings_file
        refused = file.refused
        if refused is not None:
            text = f"{told(refused.message)}\n{told(refused.hint)}".strip()
            tone, icon, token = "error", "warning", "error"
        else:
            notes = (*file.notes, *self._imported)
            more = len(notes) - _MOST_NOTES
            lines = [told(note) for note in notes[:_MOST_NOTES]]
            if more > 0:
                lines.append(self.tr("…and %n more.", "", more))
            text = "\n".join(lines)
            tone, icon, token = "warn", "warning", "warn"
        set_tone(self.file_note, tone)
        dress_label(self._file_icon, icon, self.desk.look, token, 16)
        self._file_text.setText(text)
        self.file_note.setAccessibleName(text)
        self.file_note.setVisible(bool(text))
        self._show_waiting()

    def file_words(self) -> str:
        """What is said of the settings file."""
        return self._file_text.text() if not self.file_note.isHidden() else ""

    def _show_waiting(self) -> None:
        waiting = self.desk.in_force.waiting()
        names = self.tr(", ").join(settings_words.of_model(field.title) for field in waiting)
        gateway = bool(waiting) and all(field.section == "gateway" for field in waiting)
        if gateway:
            text = self.tr("Saved, and used as soon as the gateway starts again: %1.")
        else:
            text = self.tr("Saved, and used as soon as GrokDesk starts again: %1.")
        self._waiting_text.setText(text.replace("%1", names))
        self.restart.setVisible(gateway)
        self.waiting.setVisible(bool(waiting))

    def waiting_words(self) -> str:
        """What is said of settings that are not in force yet."""
        return self._waiting_text.text() if not self.waiting.isHidden() else ""

    def _mark_unsaved(self) -> None:
        """Mark the pages that have something unsaved, and say so to a screen reader."""
        edits, wrong = self.draft.edits, self.draft.wrong
        for page in self._pages:
            names = [field.name for one in page.sections for field in one.fields if field.name in edits]
            one = self._pages_by_key[page.key]
            said = self.tr("%1, %n unsaved change(s)", "", len(names)).replace("%1", page.title)
            one.setAccessibleName(said if names else page.title)
            one.setToolTip(said if names else "")
            if any(name in wrong for name in names):
                one.setText(self.tr("%1 !").replace("%1", page.title))
            else:
                one.setText(self.tr("%1 •").replace("%1", page.title) if names else page.title)

    def _show_bar(self) -> None:
        self._mark_unsaved()
        edits, wrong = self.draft.edits, self.draft.wrong
        count = self.tr("%n unsaved change(s)", "", len(edits))
        first = next((name for name in fields() if name in wrong), None)
        if self._saving:
            text, tone = self.tr("Saving…"), ""
        elif self._refusal:
            text, tone = f"{self.tr('Not saved.')} {self._refusal}", "error"
        elif first is not None:
            field = fields()[first]
            reason = settings_words.problem(field, wrong[first])
            said = self.tr("%1, and one cannot be saved. %2: %3")
            if len(wrong) > 1:
                said = self.tr("%1, and %n cannot be saved. %2: %3", "", len(wrong))
            text = said.replace("%1", count).replace("%2", settings_words.of_model(field.title))
            text, tone = text.replace("%3", reason), "error"
        else:
            text, tone = count, ""
        set_tone(self._bar_text, tone)
        self._bar_text.setText(text)
        self.show_first.setVisible(first is not None)
        self.save_button.setEnabled(not self._saving)
        self.discard_button.setEnabled(not self._saving)
        if not edits and any(one.hasFocus() for one in self.bar.findChildren(QPushButton)):
            self.search.setFocus()
        self.bar.setVisible(bool(edits))

    def bar_words(self) -> str:
        """What the bar says."""
        return self._bar_text.text() if not self.bar.isHidden() else ""

    # -- building

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN)
        column.setSpacing(GAP)
        column.addLayout(self._build_head())
        column.addWidget(self.search)
        column.addWidget(self._build_file_note())
        column.addWidget(self._build_waiting())
        body = QHBoxLayout()
        body.setSpacing(GAP)
        body.addWidget(self._build_pages())
        body.addWidget(self._build_rows(), 1)
        column.addLayout(body, 1)
        column.addWidget(self._build_bar())

    def _build_head(self) -> QHBoxLayout:
        look = self.desk.look
        self.counts = quiet()
        self.counts.setWordWrap(False)
        self.open_button = button(self.tr("Open the file"), look=look, icon="file")
        self.more = button("", look=look, icon="more", name=self.tr("More"))
        self.menu = QMenu(self)
        for text, act in (
            (self.tr("Import…"), self.bring_in),
            (self.tr("Export…"), self.export),
            (self.tr("Keys…"), lambda: self.desk.pane_wanted.emit("keys")),
            ("", None),
            (self.tr("Put these back to how they come"), self.put_page_back),
            (self.tr("Put everything back to how it comes"), self.put_all_back),
        ):
            if act is None:
                self.menu.addSeparator()
            else:
                self.menu.addAction(text).triggered.connect(lambda _=False, act=act: act())
        self.search = QLineEdit()
        hint(self.search, self.tr("Find a setting by name, help or place in the file"))
        self.search.setAccessibleName(self.tr("Find a setting"))
        self.search.setClearButtonEnabled(True)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(title(self.tr("Settings")))
        head.addWidget(self.counts, 1, Qt.AlignmentFlag.AlignBottom)
        head.addWidget(self.open_button)
        head.addWidget(self.more)
        return head

    def _build_file_note(self) -> QFrame:
        self._file_icon, self._file_text = QLabel(), Prose()
        self.file_open = button(self.tr("Open the file"))
        self.file_note = _strip("warn", self._file_icon, self._file_text, self.file_open)
        return self.file_note

    def _build_waiting(self) -> QFrame:
        picture = QLabel()
        dress_label(picture, "info", self.desk.look, "accent", 16)
        self._waiting_text = Prose()
        self.restart = button(self.tr("Restart the gateway"))
        self.waiting = _strip("info", picture, self._waiting_text, self.restart)
        return self.waiting

    def _build_pages(self) -> QWidget:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        group = self._page_group = QButtonGroup(self)
        self._pages_by_key: dict[str, QPushButton] = {}
        for page in self._pages:
            one = button(page.title)
            one.setProperty("kind", "place")
            one.setCheckable(True)
            one.setProperty("slim", "true")
            one.clicked.connect(lambda _=False, key=page.key: self.show_page(key))
            group.addButton(one)
            column.addWidget(one)
            self._pages_by_key[page.key] = one
        column.addStretch(1)
        area = self._pages_area = _scroll(inside)
        wanted = inside.sizeHint().width() + 12
        area.setFixedWidth(max(_PAGES_WIDTH, wanted))
        return area

    def page_button(self, key: str) -> QPushButton:
        """The button of a page."""
        return self._pages_by_key[key]

    def _build_rows(self) -> QStackedWidget:
        inside = QWidget()
        outer = QVBoxLayout(inside)
        outer.setContentsMargins(0, 0, 4, 0)
        outer.setSpacing(GAP)
        self._column = QVBoxLayout()
        self._column.setSpacing(MARGIN)
        outer.addLayout(self._column)
        outer.addStretch(1)
        self.area = _scroll(inside)
        self.empty = StateView(self.desk.look)
        self._lists = QStackedWidget()
        self._lists.addWidget(self.area)
        self._lists.addWidget(self.empty)
        return self._lists

    def foot(self) -> int:
        return 0 if self.bar.isHidden() else self.bar.height() + GAP

    def _build_bar(self) -> QFrame:
        self._bar_text = Prose()
        self.show_first = button(self.tr("Show"), name=self.tr("Show what cannot be saved"))
        self.discard_button = button(self.tr("Discard"))
        self.save_button = button(self.tr("Save"), kind="primary")
        self.save_button.setToolTip("Ctrl+S")
        self.bar = QFrame()
        self.bar.setProperty("kind", "card")
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(16, 8, 12, 8)
        row.setSpacing(8)
        row.addWidget(self._bar_text, 1)
        for one in (self.show_first, self.discard_button, self.save_button):
            row.addWidget(one)
        self.bar.setVisible(False)
        return self.bar

    def _connect(self) -> None:
        bridge = self.desk.bridge
        self.search.textChanged.connect(lambda _: self._typing.start())
        self._typing.timeout.connect(self.apply_search)
        self.empty.button.clicked.connect(self._clear_search)
        self.open_button.clicked.connect(self.open_file)
        self.file_open.clicked.connect(self.open_file)
        self.restart.clicked.connect(self.restart_gateway)
        self.more.clicked.connect(self._pop_up)
        self.show_first.clicked.connect(self.save)
        self.discard_button.clicked.connect(self.discard)
        self.save_button.clicked.connect(self.save)
        bridge.settings.connect(self._heard_settings)
        bridge.troubles.connect(self._heard_troubles)
        bridge.gateway.connect(self._heard_gateway)
        save = QAction(self.tr("Save"), self)
        save.setShortcut(QKeySequence(QKeySequence.StandardKey.Save))
        save.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        save.triggered.connect(self.save)
        self.addAction(save)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.search.text():
            self._clear_search()
        else:
            super().keyPressEvent(event)

    def _clear_search(self) -> None:
        self.search.clear()
        self.apply_search()
        self.search.setFocus()

    def _pop_up(self) -> None:
        # `popup` and not a menu of the button, which would run a loop of its own.
        self.menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height())))


class _SectionBox(QWidget):
    """A heading and the card with the rows below it."""

    def __init__(self, about: SettingSection) -> None:
        super().__init__()
        self.key = about.key
        self._order = [field.name for field in about.fields]
        self._rows: dict[str, tuple[SettingRow, QFrame]] = {}
        frame, self._inside = card()
        self._inside.setContentsMargins(0, 4, 0, 4)
        self._inside.setSpacing(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(section(settings_words.section_title(about)))
        if about.about.rstrip(".") != settings_words.section_title(about):
            column.addWidget(quiet(settings_words.of_model(about.about)))
        column.addSpacing(4)
        column.addWidget(frame)

    def place(self, row: SettingRow) -> None:
        """Take a row in, at its place."""
        before = [name for name in self._order[: self._order.index(row.field.name)] if name in self._rows]
        rule = line()
        self._rows[row.field.name] = (row, rule)
        self._inside.insertWidget(2 * len(before), rule)
        self._inside.insertWidget(2 * len(before) + 1, row)

    def show_only(self, names: set[str]) -> None:
        """Show these rows, with a rule between two."""
        first = True
        for name in self._order:
            if name in self._rows:
                row, rule = self._rows[name]
                row.setVisible(name in names)
                rule.setVisible(name in names and not first)
                first = first and name not in names


def _strip(tone: str, picture: QLabel, words: Prose, act: QPushButton) -> QFrame:
    made = QFrame()
    made.setProperty("kind", "banner")
    made.setProperty("tone", tone)
    row = QHBoxLayout(made)
    row.setContentsMargins(16, 8, 12, 8)
    row.setSpacing(10)
    row.addWidget(picture)
    row.addWidget(words, 1)
    row.addWidget(act)
    made.setVisible(False)
    return made


def _scroll(inside: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    area.viewport().setAutoFillBackground(False)
    inside.setAutoFillBackground(False)
    return area


# --- files


def _make_sure(path: Path) -> None:
    """Let there be a settings file. Raises `Broken`."""
    try:
        if not path.exists():
            write_private(path, _EMPTY_FILE)
    except OSError as error:
        raise _unwritable(error) from error


def _write(path: Path, values: Mapping[str, object]) -> None:
    try:
        write_private(path, settings_toml(values).encode())
    except OSError as error:
        raise _unwritable(error) from error


def _read(path: Path) -> tuple[dict[str, object], tuple[str, ...]]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise Broken(
            "The file cannot be read.", hint="Check that it is still there.", detail=str(error)
        ) from error
    if len(data) > _LARGEST_FILE:
        raise Broken("The file is too large for settings.", hint="Choose the TOML file of an export.")
    return read_settings_toml(data)


def _unwritable(error: OSError) -> Broken:
    return Broken(
        "The file cannot be written.",
        hint="Check the rights of the folder and the room on the disk.",
        detail=str(error),
    )
