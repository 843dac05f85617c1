"""What the owner does to accounts, one or ten thousand: with a way back, or asked before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from grokdesk.core.accounts import Account, AccountId, Status, Tier
from grokdesk.core.errors import Broken
from grokdesk.core.secret import Secret
from grokdesk.engine.import_export import Fate, Format, How, Plan, exported
from grokdesk.engine.jobs import Job, Result
from grokdesk.platform.paths import write_private
from grokdesk.platform.tasks import offload
from grokdesk.ui import dialogs, words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress
from grokdesk.ui.windows.accounts_dialogs import (
    AllowAdult,
    BindAccounts,
    ExportAccounts,
    ReplaceToken,
    TagAccounts,
)

_SWITCHED = ("status", "reason", "since", "faults", "resting_until", "rest_reason")
_FIELDS = {
    Format.TXT: "txt",
    Format.CSV: "csv",
    Format.GROKDESK: "json",
    Format.GROK2API_2: "json",
    Format.GROK2API_3: "json",
}

Ids = Sequence[AccountId]


class AccountActs(QObject):
    """Acts of the pane. `window` is above what they ask."""

    def __init__(self, desk: Desk, window: Callable[[], QWidget], parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._window = window

    def _accounts(self, ids: Iterable[AccountId]) -> list[Account]:
        pool = self._desk.host.pool
        return [account for one in ids if (account := pool.get(one)) is not None]

    # -- jobs

    def check(self, ids: Ids) -> Job | None:
        """Ask Grok what accounts are and have left."""
        return self._desk.host.acts.refresh(ids) if ids else None

    def hide_adult(self, ids: Ids) -> None:
        """Show adult content no more."""
        if ids:
            self._desk.host.acts.adult_off(ids)

    def show_adult(self, ids: Ids) -> None:
        """Show adult content, once the owner has said how old they are."""
        if ids:
            self._desk.work.start(self._show_adult(ids), exclusive="adult content")

    async def _show_adult(self, ids: Ids) -> None:
        dialog = AllowAdult(self._window(), self._desk, len(ids))
        said = await dialogs.answer(dialog)
        if said is dialogs.Answer.YES and dialog.adult is not None:
            self._desk.host.acts.adult_on(ids, dialog.adult)

    def fetch_files(self, ids: Ids) -> None:
        """Bring what accounts keep at Grok into the library."""
        if ids:
            self._desk.host.asset_fetch.start(ids)

    def delete_files(self, ids: Ids) -> None:
        """Delete what accounts keep at Grok; asks first, because that cannot be undone."""
        if ids:
            self._desk.work.start(self._delete_files(ids), exclusive="delete at Grok")

    async def _delete_files(self, ids: Ids) -> None:
        question = dialogs.Question(
            self.tr("Delete all files of %n account(s) at Grok?", "", len(ids)),
            self.tr("They are gone at Grok for good. What is in the library here stays."),
            self.tr("Delete files of %n account(s)", "", len(ids)),
            self.tr("Keep"),
            risky=True,
        )
        if await dialogs.ask(self._window(), question) is dialogs.Answer.YES:
            self._desk.host.acts.clear_assets(ids)

    # -- at once, with a way back

    def switch(self, ids: Ids, *, on: bool) -> None:
        """Let accounts serve, or keep them out."""
        if ids:
            self._desk.work.start(self._switch(ids, on=on))

    async def _switch(self, ids: Ids, *, on: bool) -> None:
        acts, before = self._desk.host.acts, self._accounts(ids)
        done = _ok(await acts.enable(ids, on=on))
        now = Status.ACTIVE if on else Status.DISABLED

        async def back() -> None:
            await acts.put_back(before, *_SWITCHED, only=lambda account: account.status is now)

        on_text = self.tr("%n account(s) switched on.", "", done)
        self._desk.did(on_text if on else self.tr("%n account(s) switched off.", "", done), back)

    def remove(self, ids: Ids) -> None:
        """Take accounts out."""
        if ids:
            self._desk.remove_accounts(ids)

    def tag(self, ids: Ids) -> None:
        """Give accounts tags; asks which."""
        if ids:
            self._desk.work.start(self._tag(ids, away=False), exclusive="tag accounts")

    def untag(self, ids: Ids) -> None:
        """Take a tag from accounts; asks which."""
        if ids:
            self._desk.work.start(self._tag(ids, away=True), exclusive="tag accounts")

    async def _tag(self, ids: Ids, *, away: bool) -> None:
        some = self._accounts(ids) if away else self._desk.host.pool.accounts()
        known = [tag for tag, _ in Counter(tag for one in some for tag in one.tags).most_common()]
        dialog = TagAccounts(self._window(), self._desk, len(ids), known, away=away)
        if await dialogs.answer(dialog) is not dialogs.Answer.YES:
            return
        acts, tags = self._desk.host.acts, dialog.tags
        before = self._accounts(ids)
        done = _ok(await (acts.untag if away else acts.tag)(ids, tags))
        if away:
            text = self.tr("Tag taken from %n account(s): %1", "", done)
        else:
            text = self.tr("%n account(s) tagged: %1", "", done)
        self._did(text.replace("%1", ", ".join(tags)), before, "tags")

    def set_tier(self, ids: Ids, tier: Tier | None) -> None:
        """Fix the tier of accounts; None leaves it to Grok."""
        if ids:
            self._desk.work.start(self._set_tier(ids, tier))

    async def _set_tier(self, ids: Ids, tier: Tier | None) -> None:
        before = self._accounts(ids)
        done = _ok(await self._desk.host.acts.set_tier(ids, tier))
        if tier is None:
            text = self.tr("The tier of %n account(s) is what Grok says.", "", done)
        else:
            text = self.tr("%n account(s) are now: %1.", "", done).replace("%1", words.tier(tier))
        self._did(text, before, "tier", "tier_source")

    def bind(self, ids: Ids) -> None:
        """Let accounts always leave by one way; asks which."""
        if ids:
            self._desk.work.start(self._bind(ids), exclusive="bind accounts")

    async def _bind(self, ids: Ids) -> None:
        found = {account.proxy for account in self._accounts(ids)}
        now = found.pop() if len(found) == 1 else Secret("")
        dialog = BindAccounts(self._window(), self._desk, len(ids), now)
        if await dialogs.answer(dialog) is dialogs.Answer.YES:
            await self._bound(ids, dialog.way)

    def bind_to(self, ids: Ids, way: Secret) -> None:
        """Let accounts always leave by this way; empty for any."""
        if ids:
            self._desk.work.start(self._bound(ids, way))

    async def _bound(self, ids: Ids, way: Secret) -> None:
        before = self._accounts(ids)
        done = _ok(await self._desk.host.acts.edit(ids, proxy=way))
        free = self.tr("%n account(s) leave by any way out.", "", done)
        self._did(
            free if not way else self.tr("%n account(s) bound to a way out.", "", done), before, "proxy"
        )

    def edit(self, account_id: AccountId, **values: object) -> None:
        """Change label, note or tags of one account."""
        self._desk.work.start(self._edit(account_id, values))

    async def _edit(self, account_id: AccountId, values: dict[str, object]) -> None:
        before = self._accounts([account_id])
        if not before or all(getattr(before[0], name) == value for name, value in values.items()):
            return
        await self._desk.host.acts.edit([account_id], **values)
        self._did(self.tr("%1 changed.").replace("%1", before[0].name), before, *values)

    def _did(self, text: str, before: list[Account], *names: str) -> None:
        acts, pool = self._desk.host.acts, self._desk.host.pool
        if all(
            now is not None and all(getattr(now, name) == getattr(was, name) for name in names)
            for was in before
            for now in (pool.get(was.id),)
        ):
            self._desk.say(text)  # it was so before: there is nothing to take back
            return

        async def back() -> None:
            await acts.put_back(before, *names)

        self._desk.did(text, back)

    # -- tokens

    def copy_token(self, account_id: AccountId) -> None:
        """Put the token into the clipboard for a minute."""
        account = self._desk.host.pool.get(account_id)
        if account is not None:
            told = self.tr("Token copied. The clipboard is cleared in 60 s.")
            self._desk.copy_secret(account.token.reveal(), told)

    def replace_token(self, account_id: AccountId) -> None:
        """Take a new token for an account, which keeps all else."""
        self._desk.work.start(self._replace_token(account_id), exclusive="replace token")

    async def _replace_token(self, account_id: AccountId) -> None:
        account = self._desk.host.pool.get(account_id)
        if account is None:
            return
        dialog = ReplaceToken(self._window(), self._desk, account)
        if await dialogs.answer(dialog) is not dialogs.Answer.YES or dialog.found is None:
            return
        changes = ((account_id, dialog.found),)
        plan = Plan(How.UPDATE, changes=changes, counts=Counter({Fate.UPDATED: 1}))
        brought = await self._desk.host.import_accounts(plan)
        if not brought.renewed:
            raise Broken("The token was not replaced.", hint="Another account has it by now.")
        self._did(
            self.tr("%1 has its new token.").replace("%1", account.name),
            [account],
            "token",
            "status",
            "reason",
            "since",
        )

    def export(self, ids: Ids) -> None:
        """Write accounts to a file; asks in which format, and where."""
        if ids:
            self._desk.work.start(self._export(ids), exclusive="export accounts")

    async def _export(self, ids: Ids) -> None:
        dialog = ExportAccounts(self._window(), self._desk, len(ids))
        if await dialogs.answer(dialog) is not dialogs.Answer.YES:
            return
        form = dialog.form
        ending = _FIELDS[form]
        day = datetime.fromtimestamp(self._desk.host.clock.now()).strftime("%Y-%m-%d")  # noqa: DTZ006 - the owner's day
        path = await dialogs.save_file(
            self._window(),
            self.tr("Export accounts"),
            f"grokdesk-accounts-{day}.{ending}",
            self.tr("Accounts (*.%1);;All files (*)").replace("%1", ending),
        )
        if path is None:
            return
        accounts = self._accounts(ids)
        try:
            await offload(lambda: write_private(path, exported(accounts, form).encode()))
        except OSError as error:
            raise Broken(
                "The file cannot be written.",
                hint="Choose a folder you may write to.",
                detail=str(error),
            ) from error
        text = self.tr("%n account(s) exported to %1.", "", len(accounts)).replace("%1", path.name)
        self._desk.say(text, "ok")

    # -- the menu

    def menu(self, ids: Ids, parent: QWidget) -> QMenu:
        """All that can be done to these accounts. Each line says to how many, and does it to no others."""
        menu = QMenu(parent)
        count, chosen = len(ids), list(ids)
        accounts = self._accounts(ids)
        off = sum(account.status is Status.DISABLED for account in accounts)
        shown = sum(account.adult_at is not None for account in accounts)

        def add(
            text: str, icon: str, act: Callable[[Ids], object], on: Ids = chosen, *, to: QMenu = menu
        ) -> None:
            action = QAction(text, to)
            if icon:
                dress(action, icon, self._desk.look)
            action.triggered.connect(lambda _=False: act(on))
            to.addAction(action)

        add(self.tr("Check %n account(s)", "", count), "refresh", self.check)
        menu.addSeparator()
        is_on = [one.id for one in accounts if one.status is not Status.DISABLED]
        is_off = [one.id for one in accounts if one.status is Status.DISABLED]
        if is_on:
            text = self.tr("Switch off %n account(s)", "", len(is_on))
            add(text, "state-off", lambda some: self.switch(some, on=False), is_on)
        if off:
            text = self.tr("Switch on %n account(s)", "", off)
            add(text, "state-ready", lambda some: self.switch(some, on=True), is_off)
        add(self.tr("Tag %n account(s)…", "", count), "tag", self.tag)
        if any(account.tags for account in accounts):
            add(self.tr("Take a tag from %n account(s)…", "", count), "", self.untag)
        tiers = menu.addMenu(self.tr("Tier of %n account(s)", "", count))
        for tier in (None, Tier.BASIC, Tier.SUPER, Tier.HEAVY):
            name = self.tr("As Grok says") if tier is None else words.tier(tier)
            add(name, "", lambda some, tier=tier: self.set_tier(some, tier), to=tiers)  # type: ignore[misc]
        add(self.tr("Way out of %n account(s)…", "", count), "network", self.bind)
        menu.addSeparator()
        hidden = [one.id for one in accounts if one.adult_at is None]
        showing = [one.id for one in accounts if one.adult_at is not None]
        if hidden:
            add(
                self.tr("Show adult content with %n account(s)…", "", len(hidden)),
                "eye",
                self.show_adult,
                hidden,
            )
        if shown:
            add(
                self.tr("Hide adult content with %n account(s)", "", shown),
                "eye-off",
                self.hide_adult,
                showing,
            )
        add(self.tr("Fetch the files of %n account(s)", "", count), "save", self.fetch_files)
        add(self.tr("Delete the files of %n account(s) at Grok…", "", count), "broom", self.delete_files)
        menu.addSeparator()
        if count == 1:
            add(self.tr("Copy token"), "copy", lambda some: self.copy_token(some[0]))
            add(self.tr("Replace token…"), "key", lambda some: self.replace_token(some[0]))
        add(self.tr("Export %n account(s)…", "", count), "file", self.export)
        add(self.tr("Remove %n account(s)", "", count), "remove", self.remove)
        return menu


def _ok(results: Iterable[Result]) -> int:
    return sum(one.ok for one in results)
