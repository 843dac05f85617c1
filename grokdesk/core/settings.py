"""The one settings model: every setting with its default, range, title, help, and whether it needs a restart.

From it come `config.defaults.toml`, the form in the window and the documentation; the default of a value is
written here and nowhere else. Sections are frozen; `Live.now` is the current value, read once by a run at its
start.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Any, Final, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from grokdesk.core.egress import DEFAULT_USER_AGENT, listed, normal_way
from grokdesk.core.pool import Strategy


class ChatForm(StrEnum):
    """Which form of Grok's web chat is spoken (decision 12)."""

    AUTO = "auto"
    GATEWAY = "gateway"
    REST = "rest"


class StatsigMode(StrEnum):
    """Where the x-statsig-id header comes from (decision 13)."""

    IMITATION = "imitation"
    SIGNER = "signer"
    MANUAL = "manual"
    OFF = "off"


class ClearanceMode(StrEnum):
    """How Cloudflare is passed."""

    NONE = "none"
    MANUAL = "manual"
    FLARESOLVERR = "flaresolverr"


class EgressMode(StrEnum):
    """Which way requests leave this machine."""

    DIRECT = "direct"
    SYSTEM = "system"
    PROXIES = "proxies"


class CleanUp(StrEnum):
    """What becomes of accounts that have been dead for long."""

    OFF = "off"
    DISABLE = "disable"
    REMOVE = "remove"


class LogLevel(StrEnum):
    """How much is written to the log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Language(StrEnum):
    """The language of the windows: what the system says, or one of those there are."""

    SYSTEM = "system"
    ENGLISH = "en"
    CHINESE = "zh_CN"


class Theme(StrEnum):
    """Light, dark, or what the system says."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class TrayIcon(StrEnum):
    """In which colours the icon in the tray is drawn."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"
    COLOUR = "colour"


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _has_port(parts):
        raise ValueError("must be an address such as https://grok.com")
    if parts.query or parts.fragment:
        raise ValueError("must not have a query or a fragment")
    return value.rstrip("/")


def _has_port(parts: SplitResult) -> bool:
    """Whether the port is one, or none is said."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _optional_address(value: str) -> str:
    return _web_address(value) if value else ""


def _proxies(values: tuple[str, ...]) -> tuple[str, ...]:
    ways = (normal_way(part) for value in values for part in listed(value))
    return tuple(dict.fromkeys(way for way in ways if way))


def _lines(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _time_of_day(value: str) -> str:
    if value and not re.fullmatch(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError("must be a time such as 22:30, or empty")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]
TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]
OptionalAddress = Annotated[str, AfterValidator(_optional_address)]
Proxies = Annotated[tuple[str, ...], BeforeValidator(_lines), AfterValidator(_proxies)]

RESTART: Final[dict[str, Any]] = {"restart": True}
SENSITIVE: Final[dict[str, Any]] = {"secret": True}


class Section(BaseModel):
    """A group of settings. Unknown keys are an error, so that a slip of the pen is noticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GatewaySettings(Section):
    """Where editors and programs connect."""

    host: str = Field(
        "127.0.0.1",
        title="Address",
        description=(
            "Listen on this address. "
            "Anything but a loopback address lets other devices connect and needs a key."
        ),
        json_schema_extra=RESTART,
    )
    port: int = Field(
        4765,
        ge=0,
        le=65535,
        title="Port",
        description="Editors are configured with it, so it is never changed silently. 0 picks a free one.",
        json_schema_extra=RESTART,
    )
    require_key: bool = Field(
        True,
        title="Ask for a key",
        description=(
            "Every web page can reach this computer's own addresses; the key keeps them out. "
            "Can only be switched off on a loopback address."
        ),
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        title="Further host names",
        description="Host names besides localhost under which clients reach the gateway.",
    )
    allowed_origins: tuple[str, ...] = Field(
        (),
        title="Allowed web origins",
        description="Web pages that may call the gateway, such as http://localhost:3000.",
    )
    heartbeat_s: float = Field(
        10.0,
        ge=1,
        le=120,
        title="Heartbeat",
        description="Seconds of silence after which a stream gets a sign of life.",
    )
    max_body_mb: int = Field(
        64, ge=1, le=1024, title="Largest request", description="Larger bodies are refused, in MB."
    )


class ChatSettings(Section):
    """How conversations are held."""

    show_thinking: bool = Field(
        True,
        title="Show thinking",
        description=(
            "Pass on Grok's thinking when a request does not say. "
            "In Anthropic's format it has to be asked for, as at Anthropic."
        ),
    )
    mode_fallback: bool = Field(
        True,
        title="Answer in another mode",
        description="When auto is used up, answer with fast, then expert.",
    )
    temporary: bool = Field(
        True, title="Temporary conversations", description="Leave no conversation in the account's history."
    )
    memory: bool = Field(
        False, title="Use Grok's memory", description="Let Grok use what it remembers of the account's owner."
    )
    custom_instruction: str = Field(
        "", max_length=12_000, title="Instruction", description="Sent with every conversation."
    )
    continue_conversations: bool = Field(
        True,
        title="Continue conversations",
        description=(
            "Go on in the same conversation of the same account when a client sends a history that was "
            "answered here within the hour; otherwise Grok is told the whole history every time."
        ),
    )
    fetch_private_addresses: bool = Field(
        False,
        title="Fetch attachments from private networks",
        description="Let clients name attachments on this computer or in the local network by address.",
    )


class GrokWebSettings(Section):
    """The Grok web service. Addresses are settings so that a mirror or a simulator is one line."""

    api_url: WebAddress = Field("https://grok.com", title="Grok address")
    assets_url: WebAddress = Field("https://assets.grok.com", title="Files address")
    public_images_url: WebAddress = Field("https://imagine-public.x.ai", title="Public images address")
    accounts_url: WebAddress = Field("https://accounts.x.ai", title="Accounts address")
    livekit_url: str = Field("wss://livekit.grok.com", title="Voice address")
    chat_form: ChatForm = Field(
        ChatForm.AUTO,
        title="Form of chat",
        description="auto starts with the message gateway and falls back to rest when Grok does not know it.",
    )
    statsig: StatsigMode = Field(
        StatsigMode.IMITATION,
        title="Request fingerprint",
        description="Where the x-statsig-id header comes from. There is no signer by default.",
    )
    signer_url: OptionalAddress = Field(
        "",
        title="Signer address",
        description="Asked for fingerprints in signer mode. It never receives cookies.",
    )
    statsig_value: str = Field(
        "",
        title="Fixed fingerprint",
        description="Used in manual mode: 70 bytes in base64.",
        json_schema_extra=SENSITIVE,
    )


class ModelsSettings(Section):
    """What clients are offered."""

    off: tuple[str, ...] = Field(
        (),
        title="Models switched off",
        description="They are not listed, and asking for one is an error that says so.",
    )
    aliases: tuple[str, ...] = Field(
        (),
        title="Other names",
        description="For programs that insist on a name of theirs, such as gpt-4o = grok-4.20-auto.",
    )
    order: tuple[str, ...] = Field(
        (), title="Listed first", description="Names in the order in which they are listed; the rest follows."
    )

    @field_validator("aliases")
    @classmethod
    def _pairs(cls, aliases: tuple[str, ...]) -> tuple[str, ...]:
        for one in aliases:
            alias, sign, name = (part.strip() for part in one.partition("="))
            if not (alias and sign and name):
                raise ValueError(f"'{one}' is no pair of names such as gpt-4o = grok-4.20-auto")
        return aliases

    def renamed(self) -> dict[str, str]:
        """The name of the model by the other name."""
        pairs = (one.partition("=") for one in self.aliases)
        return {alias.strip(): name.strip() for alias, _, name in pairs}


class ImageForm(StrEnum):
    """How a picture stands in an answer of a conversation (spec/public-api.md §3.5)."""

    GROK_URL = "grok_url"
    LOCAL_URL = "local_url"
    GROK_MD = "grok_md"
    LOCAL_MD = "local_md"
    BASE64 = "base64"


class VideoForm(StrEnum):
    """How a film stands in an answer of a conversation."""

    GROK_URL = "grok_url"
    LOCAL_URL = "local_url"
    GROK_HTML = "grok_html"
    LOCAL_HTML = "local_html"


class MediaForm(StrEnum):
    """Which form of Grok's requests for pictures and films is used (grok-web-media.md §15)."""

    AUTO = "auto"
    CURRENT = "current"
    OLDER = "older"


class MediaSettings(Section):
    """Pictures and films."""

    allow_nsfw: bool = Field(
        False,
        title="Adult content",
        description="Ask Grok not to hold back adult pictures. What it withholds stays withheld.",
    )
    image_format: ImageForm = Field(
        ImageForm.LOCAL_MD,
        title="Pictures in answers",
        description=(
            "local_md and local_url link to the file kept here, grok_md and grok_url to Grok's own address, "
            "which opens only for the account that made it; base64 puts the picture into the text."
        ),
    )
    video_format: VideoForm = Field(
        VideoForm.LOCAL_URL,
        title="Films in answers",
        description="As a link, or as an HTML player, to the file kept here or to Grok's own address.",
    )
    images_max_mb: int = Field(
        4_096,
        ge=0,
        le=10_000_000,
        title="Pictures kept",
        description=(
            "In MB. Above this the oldest are deleted until 60 % remain, but no favourites. 0 keeps all."
        ),
    )
    videos_max_mb: int = Field(
        16_384, ge=0, le=10_000_000, title="Films kept", description="The same for films, in MB."
    )
    keep_removed_days: float = Field(
        3,
        ge=0,
        le=365,
        title="Undo of deletions",
        description="Days for which a deleted file can be brought back.",
    )
    form: MediaForm = Field(
        MediaForm.AUTO,
        title="Form of requests",
        description=(
            "auto uses what is best known to work, and the other form when Grok does not know that one."
        ),
    )


class AccountsSettings(Section):
    """How accounts are chosen and kept."""

    strategy: Strategy = Field(
        Strategy.BY_QUOTA,
        title="Choose by",
        description="quota prefers the account with most left; random spreads evenly.",
    )
    max_in_flight: int = Field(
        8,
        ge=1,
        le=100,
        title="Requests per account",
        description="How many requests one account serves at once.",
    )
    wait_s: float = Field(
        10,
        ge=0,
        le=300,
        title="Wait for a free account",
        description="Seconds a request waits when every account that could answer is busy.",
    )
    check_on_import: bool = Field(
        True,
        title="Check new accounts",
        description="Ask Grok for tier and quota of accounts as they are added.",
    )
    checks_at_once: int = Field(
        5, ge=1, le=50, title="Checks at once", description="How many accounts are checked at the same time."
    )
    check_regularly: bool = Field(
        True,
        title="Check accounts regularly",
        description="Ask Grok now and then what accounts have left: by tier, after use, and after a refusal.",
    )
    basic_interval_s: int = Field(
        86_400,
        ge=600,
        le=30 * 86_400,
        title="Check basic accounts every",
        description="Seconds between two checks of a basic account that is not used.",
    )
    super_interval_s: int = Field(
        7_200,
        ge=600,
        le=30 * 86_400,
        title="Check super accounts every",
        description="Seconds between two checks of a super account that is not used.",
    )
    heavy_interval_s: int = Field(
        7_200,
        ge=600,
        le=30 * 86_400,
        title="Check heavy accounts every",
        description="Seconds between two checks of a heavy account that is not used.",
    )
    check_pause_s: int = Field(
        300,
        ge=10,
        le=86_400,
        title="Pause between checks",
        description="No account is checked again by itself sooner than these seconds after the last time.",
    )
    checks_per_minute: int = Field(
        120,
        ge=1,
        le=6_000,
        title="Checks a minute",
        description="How many accounts are checked by themselves in a minute, so that it is never a herd.",
    )
    clean_up: CleanUp = Field(
        CleanUp.OFF,
        title="Clean up",
        description="Switch off, or remove, accounts that have been signed out or blocked for long.",
    )
    clean_up_days: int = Field(
        7, ge=1, le=365, title="Clean up after", description="Days an account has to be dead for that."
    )


class EgressSettings(Section):
    """The way from this machine to Grok."""

    mode: EgressMode = Field(EgressMode.DIRECT, title="Connect")
    proxies: Proxies = Field(
        (),
        title="Proxies",
        description=(
            "http, https, socks4 or socks5 addresses, or direct. One is used until it fails, then the next. "
            "{account} in a user name stands for a name of each account's own."
        ),
        json_schema_extra=SENSITIVE,
    )
    media_proxies: Proxies = Field(
        (),
        title="Proxies for files",
        description="Used for pictures, videos and uploads instead of the others. None: as for chat.",
        json_schema_extra=SENSITIVE,
    )
    skip_proxy_verify: bool = Field(
        False, title="Trust any proxy certificate", description="Only for a proxy of your own."
    )
    clearance: ClearanceMode = Field(
        ClearanceMode.NONE,
        title="Cloudflare",
        description="none, cookies pasted by hand, or a solver you run.",
    )
    cookies: str = Field(
        "",
        title="Cloudflare cookies",
        description="As copied from the browser that passed the check; only Cloudflare's own are sent.",
        json_schema_extra=SENSITIVE,
    )
    user_agent: str = Field(
        DEFAULT_USER_AGENT,
        min_length=10,
        title="User agent",
        description="Must be that of the browser the cookies came from.",
    )
    solver_url: OptionalAddress = Field(
        "", title="Solver address", description="A FlareSolverr you run, such as http://127.0.0.1:8191."
    )
    solver_timeout_s: float = Field(
        60, ge=10, le=300, title="Solver time limit", description="Seconds the solver may take."
    )
    solver_sessions: bool = Field(
        False,
        title="Keep the solver's browser open",
        description="One browser for each proxy: faster when it is asked often, and takes its memory.",
    )
    clearance_wait_s: float = Field(
        60,
        ge=1,
        le=330,
        title="Wait for the solver",
        description="Seconds a request waits for a new clearance before it fails, saying why.",
    )
    clearance_refresh_s: int = Field(
        3_600,
        ge=0,
        le=86_400,
        title="Renew the clearance every",
        description="Seconds after which a clearance in use is renewed before it ends. 0: only when refused.",
    )


class RetrySettings(Section):
    """What happens when an account or a way out fails."""

    more_tries: int = Field(
        4,
        ge=0,
        le=20,
        title="Further tries",
        description="How many more accounts may be asked before the client hears of a failure.",
    )


class TimeoutSettings(Section):
    """How long to wait, in seconds."""

    connect_s: float = Field(20, ge=1, le=120, title="Connect")
    first_s: float = Field(120, ge=5, le=900, title="First sign of an answer")
    idle_s: float = Field(120, ge=5, le=900, title="Silence in an answer")
    total_s: float = Field(1800, ge=30, le=7200, title="Whole answer")
    commit_s: float = Field(
        8,
        ge=0.5,
        le=60,
        title="Answer the client after",
        description=(
            "When Grok has accepted but is still silent, "
            "the client gets headers and heartbeats after this time."
        ),
    )
    probe_s: float = Field(25, ge=5, le=120, title="Account check")
    image_s: float = Field(180, ge=10, le=1800, title="Pictures of one request")
    video_s: float = Field(900, ge=30, le=7200, title="One film")
    download_s: float = Field(300, ge=10, le=3600, title="Download of one file")


class PrivacySettings(Section):
    """What is kept."""

    keep_requests: int = Field(
        2000,
        ge=0,
        le=100_000,
        title="Requests listed",
        description="How many past requests the list keeps. Never prompts or answers.",
    )
    keep_responses: int = Field(
        1000,
        ge=0,
        le=100_000,
        title="Responses kept",
        description=(
            "How many answers of the Responses API, and of chat completions that ask for it, are kept, "
            "sealed, so that clients can continue from them. 0 keeps none."
        ),
    )
    keep_responses_days: int = Field(
        30,
        ge=1,
        le=365,
        title="Responses kept for",
        description="Days after its last use when a kept answer is forgotten.",
    )
    keep_prompts: bool = Field(
        default=False,
        title="Keep prompts and answers",
        description=(
            "Keep what apps send and what they are answered, sealed, so that Requests can show it. "
            "Off: not a word of it is written down there."
        ),
    )
    keep_prompts_days: int = Field(
        7,
        ge=1,
        le=365,
        title="Prompts and answers kept for",
        description="Days after which a kept prompt and its answer are forgotten.",
    )


class StorageSettings(Section):
    """Where accounts, keys and kept answers are."""

    url: str = Field(
        "",
        title="Shared store",
        description=(
            "Empty: a file in the data folder. For several gateways: the address of a PostgreSQL, MySQL, "
            "MariaDB or Redis server, such as postgresql://name:password@host/grokdesk."
        ),
        json_schema_extra=SENSITIVE | RESTART,
    )
    team_key: str = Field(
        "",
        title="Team key",
        description="The passphrase that seals what is in a shared store; the same on every gateway.",
        json_schema_extra=SENSITIVE | RESTART,
    )
    daily_backups: int = Field(
        7,
        ge=0,
        le=365,
        title="Daily backups",
        description="How many daily copies of the store are kept in the folder `backups`. 0 makes none.",
    )


class AppearanceSettings(Section):
    """How it looks."""

    language: Language = Field(
        Language.SYSTEM,
        title="Language",
        description="Of the windows and of the tray. What apps are told stays English.",
    )
    theme: Theme = Field(Theme.SYSTEM, title="Theme")
    tray_icon: TrayIcon = Field(
        TrayIcon.AUTO,
        title="Tray icon",
        description="auto guesses whether the panel is dark; light, dark and colour are drawn as they say.",
    )
    high_contrast: bool = Field(
        False,
        title="High contrast",
        description="Stronger edges and text. On by itself while the system asks for it.",
    )
    text_scale: int = Field(
        100, ge=80, le=200, title="Text size in percent", description="Of the size that the system uses."
    )


_COMBINATION: Final = re.compile(r"(?:(?:Ctrl|Shift|Alt|Meta)\+)*(?:[^\s+]|\+|[A-Za-z][A-Za-z0-9 ]{1,19})")


class KeysSettings(Section):
    """Which keys do what, where that differs from how it comes."""

    changed: tuple[str, ...] = Field(
        (),
        title="Changed keys",
        description="What is done, and the keys for it, such as palette = Ctrl+P. Nothing behind the sign: "
        "no keys. F1 shows all keys and changes them.",
    )

    @field_validator("changed")
    @classmethod
    def _understood(cls, changed: tuple[str, ...]) -> tuple[str, ...]:
        seen: set[str] = set()
        for one in changed:
            name, sign, keys = (part.strip() for part in one.partition("="))
            if not (name and sign) or (keys and not _COMBINATION.fullmatch(keys)):
                raise ValueError(f"'{one}' is no name and keys such as palette = Ctrl+P")
            if name in seen:
                raise ValueError(f"'{name}' stands here twice")
            seen.add(name)
        return changed

    def by_name(self) -> dict[str, str]:
        """The keys by the name of what they do; empty for none."""
        pairs = (one.partition("=") for one in self.changed)
        return {name.strip(): keys.strip() for name, _, keys in pairs}


class NotificationSettings(Section):
    """What the desktop is told of while nobody looks at the window."""

    gateway: bool = Field(
        True, title="The gateway failed", description="Apps cannot connect until it is solved."
    )
    accounts: bool = Field(True, title="Accounts need you", description="Signed out, or blocked by Grok.")
    cooling: bool = Field(
        True, title="All accounts are resting", description="With the time when the first one is back."
    )
    jobs: bool = Field(
        True, title="Long work has ended", description="While the window was hidden; half a minute or more."
    )
    updates: bool = Field(True, title="There is a new version")
    quiet_from: TimeOfDay = Field(
        "",
        title="Quiet from",
        description="A time such as 22:30. Hours are quiet when both times are given.",
    )
    quiet_to: TimeOfDay = Field("", title="Quiet until", description="A time such as 07:00.")


class UpdatesSettings(Section):
    """Looking for a new version of GrokDesk."""

    check: bool = Field(
        False,
        title="Look for new versions",
        description=(
            "Once a day, at the address below. Nothing is told to it, and nothing is installed by itself."
        ),
    )
    address: OptionalAddress = Field(
        "",
        title="Address of the notice",
        description=(
            'Of a small JSON file with "version", "url" and "notes". Asked through the proxy of the system.'
        ),
    )


class StartupSettings(Section):
    """What happens at start."""

    start_gateway: bool = Field(True, title="Start the gateway")
    hidden: bool = Field(False, title="Start hidden", description="Only the tray icon, if there is a tray.")
    links: bool = Field(
        False,
        title="Open grokdesk links",
        description="Links such as grokdesk://open/requests in other programs show a place here.",
    )


class LoggingSettings(Section):
    """What is written to the log."""

    level: LogLevel = Field(LogLevel.INFO, title="Level")
    days: int = Field(7, ge=1, le=90, title="Days kept")


class Settings(BaseModel):
    """Everything an owner can set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gateway: GatewaySettings = GatewaySettings()
    chat: ChatSettings = ChatSettings()
    grok_web: GrokWebSettings = GrokWebSettings()
    models: ModelsSettings = ModelsSettings()
    media: MediaSettings = MediaSettings()
    accounts: AccountsSettings = AccountsSettings()
    egress: EgressSettings = EgressSettings()
    retry: RetrySettings = RetrySettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    privacy: PrivacySettings = PrivacySettings()
    storage: StorageSettings = StorageSettings()
    appearance: AppearanceSettings = AppearanceSettings()
    notifications: NotificationSettings = NotificationSettings()
    keys: KeysSettings = KeysSettings()
    startup: StartupSettings = StartupSettings()
    updates: UpdatesSettings = UpdatesSettings()
    logging: LoggingSettings = LoggingSettings()

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if not self.gateway.require_key and not is_loopback(self.gateway.host):
            raise ValueError("gateway.require_key can only be off while gateway.host is a loopback address")
        return self


def is_loopback(host: str) -> bool:
    """Whether listening on `host` keeps other devices out."""
    name = host.strip("[]")
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


class Live:
    """The current settings. Whoever changes them calls `set`; listeners hear old and new."""

    def __init__(self, settings: Settings) -> None:
        self._now = settings
        self._listeners: list[Callable[[Settings, Settings], None]] = []

    @property
    def now(self) -> Settings:
        """The settings as they are."""
        return self._now

    def set(self, settings: Settings) -> None:
        """Make `settings` current and tell listeners when something changed."""
        old, self._now = self._now, settings
        if old != settings:
            for listener in tuple(self._listeners):
                listener(old, settings)

    def subscribe(self, listener: Callable[[Settings, Settings], None]) -> None:
        """Call `listener(old, new)` after each change."""
        self._listeners.append(listener)
