"""Between tray and program: what the tray shows is gathered here, and what is clicked there is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from PySide6.QtCore import QObject, QTimer

from grokdesk.core import client_setups
from grokdesk.core.accounts import Status
from grokdesk.core.catalog import MODELS, Does
from grokdesk.core.notices import GatewayPhase
from grokdesk.core.offer import offer_of
from grokdesk.core.settings import ModelsSettings, Settings, is_loopback
from grokdesk.platform.lan import lan_addresses
from grokdesk.platform.tasks import offload
from grokdesk.ui import dialogs
from grokdesk.ui.actions import Act, Group
from grokdesk.ui.desk import Desk
from grokdesk.ui.notifications import Notifier, pause_words
from grokdesk.ui.tray import ModelLine, Pause, PlaceLine, Tray
from grokdesk.ui.windows.adult import may_allow
from grokdesk.ui.windows.lan import EVERYWHERE, HERE, LetOthers
from grokdesk.ui.windows.main_window import MainWindow

# Counting ten thousand accounts takes milliseconds, and requests come and go all the time.
_AGAIN_MS: Final = 1_000
# So long what is said is the answer to a click in the tray.
_ANSWER_S: Final = 5.0
_FIXED: Final = {"models": "models.off", "adult": "media.allow_nsfw", "lan": "gateway.host"}


class TrayActs(QObject):
    """Keeps the tray up to date and does what is wanted there."""

    def __init__(self, desk: Desk, tray: Tray, window: MainWindow, notifier: Notifier) -> None:
        super().__init__()
        self._desk = desk
        self._host = desk.host
        self._tray = tray
        self._window = window
        self._notifier = notifier
        self._clicked_at = float("-inf")
        self._at_login: bool | None = None
        self.addresses: Callable[[], list[str]] = lan_addresses
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.timeout.connect(self._refresh_if_stale)
        self._stale = False
        self._switching, self._restarting = asyncio.Lock(), asyncio.Lock()
        self._links = desk.host.live.now.startup.links
        desk.actions.offer(
            [Act("about", Group.PROGRAM, self._about_words, self.show_about, icon="info", words="version")]
        )
        self._connect()

    # -- showing

    def refresh(self, *_: object) -> None:
        """Show in the tray how things are."""
        host, state, settings = self._host, self._host.gateway.state, self._host.live.now
        counts, release = host.pool.counts(), host.updates.state.release
        outside = host.settings_file.outside
        self._tray.update_state(
            awake=True,
            phase=state.phase.value,
            address=state.address,
            error=state.error,
            total=counts.total,
            ready=counts.ready,
            need_owner=counts.need_owner,
            requests=host.runs.in_flight,
            has_key=bool(host.keys.all()),
            models=_model_lines(settings.models),
            adult=settings.media.allow_nsfw,
            lan=not is_loopback(settings.gateway.host),
            fixed=frozenset(name for name, setting in _FIXED.items() if setting in outside),
            places=self._places(),
            paused_until=pause_words(self._notifier.paused_until, host.clock.now()),
            at_login=self._at_login,
            update=release.version if release is not None else "",
            icon=settings.appearance.tray_icon.value,
        )

    def is_answer(self) -> bool:
        """Whether what is said now answers a click in the tray."""
        return self._host.clock.monotonic() - self._clicked_at < _ANSWER_S

    def close(self) -> None:
        """Do nothing more."""
        self._again.stop()

    def _soon(self, *_: object) -> None:
        """Refresh now, and then at most once a second."""
        if self._again.isActive():
            self._stale = True
        else:
            self.refresh()
            self._again.start(_AGAIN_MS)

    def _refresh_if_stale(self) -> None:
        if self._stale:
            self._stale = False
            self._soon()

    def _places(self) -> tuple[PlaceLine, ...]:
        actions = self._desk.actions
        lines = []
        for entry in self._window.entries:
            known = actions.get(f"go {entry.key}") is not None
            keys = actions.action(f"go {entry.key}").shortcut().toString() if known else ""
            lines.append(PlaceLine(entry.key, entry.text, keys))
        return tuple(lines)

    # -- acts

    def _connect(self) -> None:
        desk, tray, bridge, window = self._desk, self._tray, self._desk.bridge, self._window
        tray.toggle_wanted.connect(self._answering(desk.toggle_gateway))
        tray.copy_address_wanted.connect(self._answering(desk.copy_address))
        tray.copy_key_wanted.connect(self._answering(desk.copy_key))
        tray.snippet_wanted.connect(self._answering(self.copy_snippet))
        tray.model_wanted.connect(self._answering(self.switch_model))
        tray.adult_wanted.connect(self._answering(self.switch_adult))
        tray.lan_wanted.connect(self._answering(self.switch_lan))
        tray.open_wanted.connect(window.bring_up)
        tray.place_wanted.connect(self.open_place)
        tray.needs_you_wanted.connect(lambda: self.open_place("accounts:owner"))
        tray.pause_wanted.connect(lambda pause: self._notifier.pause(Pause(pause)))
        tray.at_login_wanted.connect(self._answering(self.switch_at_login))
        tray.update_wanted.connect(self.show_about)
        tray.message_clicked.connect(self._notifier.clicked)
        tray.opened.connect(self.look_at_login)
        self._notifier.place_wanted.connect(self.open_place)
        self._notifier.changed.connect(self.refresh)
        bridge.gateway.connect(self.refresh)
        bridge.settings.connect(self.refresh)
        bridge.settings.connect(self._follow_links)
        bridge.keys.connect(self.refresh)
        bridge.updates.connect(self.refresh)
        bridge.accounts.connect(self._soon)
        bridge.runs.connect(self._soon)
        desk.actions.changed.connect(self._soon)

    def _answering(self, act: Callable[..., object]) -> Callable[..., None]:
        """Do `act`, and take what is said in the next seconds for its answer."""

        def clicked(*what: Any) -> None:  # noqa: ANN401 - what the signal carries
            self._clicked_at = self._host.clock.monotonic()
            act(*what)

        return clicked

    def open_place(self, where: str) -> None:
        """Show a place in the window."""
        self._window.bring_up()
        if where == "update":
            self.show_about()
        else:
            self._desk.pane_wanted.emit(where)

    def _about_words(self) -> str:
        return self.tr("About GrokDesk")

    def show_about(self) -> None:
        """Show which version this is, and which there is."""
        from grokdesk.ui.windows.about import About  # noqa: PLC0415 - only when it is wanted

        self._window.bring_up()
        self._desk.work.start(dialogs.answer(About(self._window, self._desk)), exclusive="about")

    def copy_snippet(self, client: str) -> None:
        """Put what sets up a program into the clipboard, with address and key."""
        desk, key = self._desk, self._desk.key()
        if key is None:
            desk.copy_key()
            return
        names = self._servable()
        model = client_setups.best_model(names)
        small, large = client_setups.beside(model, names)
        values = client_setups.Values(desk.gateway.base_url, key.reveal(), model, small, large)
        text = client_setups.snippet(client_setups.BY_ID[client], values)
        desk.copy_secret(text, self.tr("Copied with your key. The clipboard is cleared in 60 s."))

    def _servable(self) -> list[str]:
        """The models to talk to that are offered and that an account can serve, in the owner's order."""
        tiers = {one.tier for one in self._host.pool.accounts() if one.status is Status.ACTIVE}
        offered = offer_of(self._host.live.now.models).models
        return [one.name for one in offered if one.does is Does.CHAT and tiers.intersection(one.tiers)]

    def switch_model(self, name: str, on: bool) -> None:
        """Offer a model to clients, or no more."""
        self._desk.work.start(self._switch_model(name, on=on))

    async def _switch_model(self, name: str, *, on: bool) -> None:
        # One after the other: each begins with what the one before has left.
        async with self._switching:
            off = [one for one in self._host.live.now.models.off if one != name]
            await self._host.change({"models.off": tuple(off if on else [*off, name])})

    def switch_adult(self, on: bool) -> None:
        """Allow adult content; the first time that is asked."""
        if on:
            self._desk.work.start(self._allow_adult(), exclusive="adult")
        else:
            self._desk.work.start(self._host.change({"media.allow_nsfw": False}), exclusive="adult")

    async def _allow_adult(self) -> None:
        if not self._desk.memory.now.adult_asked:
            self._window.bring_up()
        if await may_allow(self._window, self._desk.memory):
            await self._host.change({"media.allow_nsfw": True})

    def switch_lan(self, on: bool) -> None:
        """Let other devices connect, after saying what that means; or keep them out at once."""
        if on:
            self._desk.work.start(self._let_others(), exclusive="lan")
        else:
            said = self.tr("Only this computer can connect now.")
            self._desk.work.start(self._listen_on(HERE, said))

    async def _let_others(self) -> None:
        desk, host = self._desk, self._host
        self._window.bring_up()
        if not host.live.now.gateway.require_key:
            desk.pane_wanted.emit("settings:gateway.require_key")
            desk.say(
                self.tr(
                    "Other devices cannot be let in while no key is asked for. "
                    "Switch on ‘Ask for a key’ first."
                ),
                "error",
            )
            return
        port = desk.gateway.port or host.live.now.gateway.port
        found = await offload(self.addresses)
        said = await dialogs.answer(LetOthers(self._window, found, port, host.runs.in_flight))
        if said is dialogs.Answer.YES:
            text = self.tr("Other devices can connect now.")
            if found:
                url = f"http://{found[0]}:{port}/v1"
                text = self.tr("Other devices can connect to %1.").replace("%1", url)
            # On its own: a next click must not cut it off between stopping and starting.
            desk.work.start(self._listen_on(EVERYWHERE, text))

    async def _listen_on(self, address: str, said: str) -> None:
        """Keep the address, and have the gateway use it if it is meant to run."""
        async with self._restarting:
            gateway = self._host.gateway
            await self._host.change({"gateway.host": address})
            if gateway.state.phase is not GatewayPhase.STOPPED:
                await gateway.stop()
                await gateway.start()
            self._desk.say(said, "ok")

    def switch_at_login(self, on: bool) -> None:
        """Start at login from now on, or no more."""
        self._desk.work.start(self._switch_at_login(on=on), exclusive="at login")

    async def _switch_at_login(self, *, on: bool) -> None:
        autostart = self._host.autostart
        if autostart is not None:
            await offload(autostart.switch, on=on)
            await self._look_at_login()

    def look_at_login(self) -> None:
        """See whether it starts at login: its owner may have changed that elsewhere."""
        if self._host.autostart is not None:
            self._desk.work.start(self._look_at_login(), exclusive="look at login")

    async def _look_at_login(self) -> None:
        autostart = self._host.autostart
        if autostart is not None:
            self._at_login = await offload(autostart.is_on)
            self.refresh()

    async def settle_in(self) -> None:
        """After the start: have the system call the program where it is now."""
        autostart, links = self._host.autostart, self._host.link_handler
        if autostart is not None:
            await offload(autostart.repair)
            await self._look_at_login()
        if links is not None and self._host.live.now.startup.links:
            await offload(links.switch, on=True)

    def _follow_links(self, settings: Settings) -> None:
        """Open links, or no more, as the settings say."""
        handler, wanted = self._host.link_handler, settings.startup.links
        if handler is not None and wanted != self._links:
            self._links = wanted
            self._desk.work.start(offload(handler.switch, on=wanted), exclusive="links")


def _model_lines(settings: ModelsSettings) -> tuple[ModelLine, ...]:
    """All models in the owner's order, also those that are switched off."""
    place = {name: number for number, name in enumerate(settings.order)}
    ordered = sorted(MODELS, key=lambda model: place.get(model.name, len(place)))
    off = frozenset(settings.off)
    return tuple(ModelLine(model.name, model.name not in off) for model in ordered)
