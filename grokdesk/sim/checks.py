"""What a request must look like: protocol chapters 3 to 7 and 9, as functions that name every deviation.

A request is read as the older form when it carries `Baggage`, else as the current form; mixing the two
shows up as missing or surplus headers. Nothing here answers or refuses: `server` does, from what is
returned.
"""

import base64
import binascii
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from grokdesk.sim.script import Form, Json
from grokdesk.sim.world import MODES, Account, Received, World

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

GROK = "https://grok.com"
ACCOUNTS = "https://accounts.x.ai"


# ---------------------------------------------------------------------------------------- the calls


@dataclass(frozen=True, slots=True)
class Call:
    """How one call must look in either form (§4.1, §4.2).

    A referer that ends in `*` may go on from there. `statsig`: *signed* is wanted, *none* is forbidden,
    *free* is nobody's business. `only` names the form that knows the call; what is forbidden to the current
    form there is forbidden to all.
    """

    name: str
    statsig: Literal["signed", "none", "free"] = "signed"
    referer: tuple[str, ...] = ("/",)
    referer_older: tuple[str, ...] = ("/",)
    content_type: str | None = "application/json"
    hints: bool = False
    request_id: bool = True
    origin: bool = True
    grpc: bool = False
    grpc_agent: bool = True
    accounts_host: bool = False
    only: Literal["older", "current", "both"] = "both"


_GRPC = "application/grpc-web+proto"

_CHAT_PAGES = ("/", "/imagine", "/imagine/post/*")
CHAT = Call("chat", referer=_CHAT_PAGES, referer_older=_CHAT_PAGES)
UPLOAD_JSON = Call("upload", statsig="none", only="older")
UPLOAD_MULTIPART = Call(
    "upload",
    statsig="none",
    referer=("/", "/imagine"),
    content_type="multipart/form-data",
    request_id=False,
    only="current",
)
MEDIA_POST = Call("media post", referer=("/imagine",), referer_older=("/imagine",))
SHARE = Call("share link", referer=("",), referer_older=("",))
UPSCALE = Call("upscale", referer=("",), referer_older=("",))
RESPONSES = Call(
    "responses",
    statsig="free",
    referer=("/imagine", "/"),
    referer_older=("/imagine", "/"),
    content_type=None,
)
VOICE = Call("voice token")
RATE_LIMITS = Call("rate-limits")
IMAGINE_QUOTA = Call("imagine quota", referer=("/imagine",), referer_older=("/", "/imagine"), only="current")
CREDITS = Call("credits", statsig="none", content_type=_GRPC, request_id=False, grpc=True, only="current")
SESSION = Call(
    "session", statsig="none", content_type=None, hints=True, request_id=False, origin=False, only="current"
)
ACCOUNT_TERMS = Call(
    "terms at accounts.x.ai",
    statsig="none",
    referer=("/accept-tos",),
    referer_older=("/accept-tos",),
    content_type=_GRPC,
    grpc=True,
    accounts_host=True,
)
PRODUCT_TERMS = Call("terms", hints=True, only="current")
BIRTH_DATE = Call("birth date", referer_older=("/?_s=data", "/"))
FEATURES = Call(
    "feature controls", referer_older=("/?_s=data", "/"), content_type=_GRPC, grpc=True, grpc_agent=False
)
ASSETS = Call(
    "assets", statsig="free", referer=("/files", "/"), referer_older=("/files", "/"), content_type=None
)
CONVERSATION = Call("conversation", statsig="free", content_type=None)
PAGE = Call("page", statsig="none", content_type=None, request_id=False, origin=False)


def http(call: Call, seen: Received, world: World) -> list[str]:
    """Deviations of the headers of an ordinary call."""
    older = "baggage" in seen.headers
    bases = {GROK, f"http://{seen.host}"}
    problems = cookies(seen, mgw=False, bare=call.accounts_host and not older)
    problems += absent(seen, "authorization")
    problems += fixed(seen, {"accept": "*/*"})
    # A browser sends Priority over HTTP/2 and 3 only, and this server speaks HTTP/1.1.
    if "priority" in seen.headers:
        problems += fixed(seen, {"priority": "u=1, i"})
    problems += present(seen, "user-agent", "accept-encoding", "accept-language")
    problems += _fetch_site(call, seen, older=older)
    problems += _origin(call, seen, bases)
    problems += referer_is(seen, bases | {ACCOUNTS}, call.referer_older if older else call.referer)
    problems += _content_type(call, seen)
    problems += _statsig(call, seen, world, older=older)
    problems += _request_id(call, seen, world)
    problems += hints(seen.headers)
    problems += _hints_wanted(call, seen, older=older)
    if call.grpc:
        problems += _grpc(call, seen, older=older)
    if older:
        problems += (
            [] if seen.headers["baggage"].startswith("sentry-environment=") else ["Baggage is not Sentry's"]
        )
    elif not call.accounts_host:
        problems += fixed(seen, {"cache-control": "no-cache", "pragma": "no-cache"})
    return problems


def page(seen: Received) -> list[str]:
    """Deviations of the page navigation that feeds the signer (§5.2)."""
    problems = cookies(seen, mgw=False, bare=False) + absent(seen, "authorization", "x-statsig-id", "origin")
    problems += present(seen, "user-agent")
    problems += fixed(
        seen,
        {
            "sec-fetch-dest": "document",
            "sec-fetch-mode": "navigate",
            "sec-fetch-site": "same-origin",
            "upgrade-insecure-requests": "1",
        },
    )
    if "text/html" not in seen.headers.get("accept", ""):
        problems.append("Accept of a page navigation names no text/html")
    return problems + hints(seen.headers)


def handshake(seen: Received) -> list[str]:
    """Deviations of the gateway handshake (§4.4, §9.1), apart from whose uid it is."""
    problems = cookies(seen, mgw=True, bare=False)
    problems += absent(
        seen,
        "authorization",
        "x-statsig-id",
        "x-xai-request-id",
        "baggage",
        *HINT_HEADERS,
        "content-type",
        "referer",
    )
    problems += present(seen, "user-agent", "accept-language")
    problems += fixed(seen, {"cache-control": "no-cache", "pragma": "no-cache"})
    if seen.headers.get("origin") not in {GROK, f"http://{seen.host}"}:
        problems.append(f"Origin is {seen.headers.get('origin')!r}")
    if seen.headers.get("sec-websocket-protocol", "json") != "json":
        problems.append("a subprotocol is offered")
    if seen.query.keys() - {"uid"}:
        problems.append(f"query has {sorted(seen.query)}")
    if not UUID.fullmatch(seen.query.get("uid", "")):
        problems.append(f"uid is no UUID: {seen.query.get('uid')!r}")
    if seen.cookies.get("x-userid") != seen.query.get("uid"):
        problems.append("cookie x-userid differs from uid")
    if seen.cookie_names and seen.cookie_names[-1] != "x-userid":
        problems.append("cookie x-userid is not the last one")
    return problems


def owner(seen: Received, account: Account) -> list[str]:
    """Deviations of the uid from the account the token belongs to."""
    return [] if seen.query.get("uid") == account.user_id else ["uid is not the account's user id"]


def is_cleared(seen: Received, world: World) -> bool:
    """Whether Cloudflare lets this request pass."""
    wanted = (seen.account.clearance_required if seen.account else None) or world.clearance_required
    return wanted is None or (
        seen.cookies.get("cf_clearance") == wanted["cookie"]
        and seen.headers.get("user-agent") == wanted["user_agent"]
    )


# ------------------------------------------------------------------------------------------ cookies

_CLOUDFLARE = re.compile(r"cf_clearance|__cf_bm|_cfuvid|cf_chl_.*")


def cookies(seen: Received, *, mgw: bool, bare: bool) -> list[str]:
    problems = []
    if not seen.cookies.get("sso"):
        problems.append("cookie sso is missing")
    if seen.cookies.get("sso") != seen.cookies.get("sso-rw"):
        problems.append("cookie sso-rw differs from sso")
    if len(set(seen.cookie_names)) < len(seen.cookie_names):
        problems.append("a cookie is sent twice")
    own = {"sso", "sso-rw"} | ({"x-userid"} if mgw else set())
    others = [name for name in seen.cookie_names if name not in own]
    foreign = others if bare else [name for name in others if not _CLOUDFLARE.fullmatch(name)]
    return problems + [f"cookie {name} does not belong here" for name in foreign]


# ------------------------------------------------------------------------------------------ headers

_NEVER = ("traceparent", "tracestate", "sentry-trace")


def absent(seen: Received, *names: str) -> list[str]:
    return [f"header {name} does not belong here" for name in (*names, *_NEVER) if name in seen.headers]


def present(seen: Received, *names: str) -> list[str]:
    return [f"header {name} is missing" for name in names if not seen.headers.get(name)]


def fixed(seen: Received, wanted: Mapping[str, str]) -> list[str]:
    return [
        f"header {name} is {seen.headers.get(name)!r}, not {value!r}"
        for name, value in wanted.items()
        if seen.headers.get(name) != value
    ]


def _fetch_site(call: Call, seen: Received, *, older: bool) -> list[str]:
    if call.accounts_host and not older:
        return []
    problems = fixed(seen, {"sec-fetch-dest": "empty", "sec-fetch-mode": "cors"})
    origin, referer = urlsplit(seen.headers.get("origin", "")), urlsplit(seen.headers.get("referer", ""))
    same = not origin.hostname or origin.hostname == referer.hostname
    return problems + fixed(seen, {"sec-fetch-site": "same-origin" if same else "same-site"})


def _origin(call: Call, seen: Received, bases: Collection[str]) -> list[str]:
    origin = seen.headers.get("origin")
    if not call.origin:
        return [] if origin is None else ["header origin does not belong here"]
    if origin is None and call.statsig == "free":
        return []
    allowed = {ACCOUNTS, *bases} - {GROK} if call.accounts_host else bases
    return [] if origin in allowed else [f"Origin is {origin!r}"]


def referer_is(seen: Received, bases: Collection[str], paths: Sequence[str]) -> list[str]:
    referer = seen.headers.get("referer", "")
    if any(referer == base + path for base in bases for path in paths):
        return []
    begun = [path.removesuffix("*") for path in paths if path.endswith("*")]
    if any(referer.startswith(base + path) for base in bases for path in begun):
        return []
    return [f"Referer is {referer!r}, not {' or '.join(paths)}"]


def _content_type(call: Call, seen: Received) -> list[str]:
    sent = seen.headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.content_type is None:
        return ["header content-type does not belong here"] if sent and call is SESSION else []
    return [] if sent == call.content_type else [f"Content-Type is {sent!r}, not {call.content_type!r}"]


def _grpc(call: Call, seen: Received, *, older: bool) -> list[str]:
    problems = fixed(seen, {"x-grpc-web": "1"})
    if older or call.grpc_agent:
        problems += fixed(seen, {"x-user-agent": "connect-es/2.1.1"})
    else:
        problems += absent(seen, "x-user-agent")
    return problems


def _request_id(call: Call, seen: Received, world: World) -> list[str]:
    value = seen.headers.get("x-xai-request-id")
    if not call.request_id:
        return [] if value is None else ["header x-xai-request-id does not belong here"]
    if value is None:
        return [] if call.statsig == "free" else ["header x-xai-request-id is missing"]
    if not UUID4.fullmatch(value):
        return [f"x-xai-request-id is no v4 UUID: {value!r}"]
    if value in world.request_ids:
        return ["x-xai-request-id was used before"]
    world.request_ids.add(value)
    return []


# ------------------------------------------------------------------------------------------ statsig

SIGNATURE_BYTES = 70
_IMITATION = re.compile(
    r"e:TypeError: Cannot read properties of (?:"
    r"undefined \(reading 'childNodes'\)"
    r"|null \(reading 'children\['[a-z0-9]{5}'\]'\)"
    r"|undefined \(reading '[a-z]{10}'\))"
)


def statsig(value: str) -> str | None:
    """What is wrong with a statsig value, if anything (§5): an imitated script error, or 70 signed bytes."""
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return "x-statsig-id is no base64"
    if len(decoded) == SIGNATURE_BYTES:
        return None
    if not _IMITATION.fullmatch(decoded.decode("ascii", "replace")):
        return f"x-statsig-id is neither an imitation nor 70 bytes but {len(decoded)} bytes"
    return None if len(value) % 4 == 0 else "x-statsig-id is an imitation without its padding"


def _statsig(call: Call, seen: Received, world: World, *, older: bool) -> list[str]:
    value = seen.headers.get("x-statsig-id")
    forbidden = call.statsig == "none" and not (older and call.only != "current")
    if forbidden:
        return [] if value is None else ["header x-statsig-id does not belong here"]
    if value is None:
        wanted = call.statsig == "signed" or (older and call.only != "current")
        return ["header x-statsig-id is missing"] if wanted and world.statsig == "required" else []
    problem = statsig(value)
    if problem:
        return [problem]
    signed = world.signed.get(value)
    if signed and signed != (seen.method, seen.path):
        return [f"x-statsig-id was signed for {signed[0]} {signed[1]}"]
    return []


# ------------------------------------------------------------------------------------- client hints

HINT_HEADERS = (
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-model",
    "sec-ch-ua-platform",
    "sec-ch-ua-arch",
    "sec-ch-ua-bitness",
)
_CHROMIUM = re.compile(r"(?:edg(?:a|ios)?|chrome|chromium|crios)/(\d{2,3})")
_BRANDS = re.compile(r'"(?P<brand>[^"]+)";v="(?P<version>\d+)"')
_PLATFORMS = (
    (("windows",), "Windows"),
    (("mac os x", "macintosh"), "macOS"),
    (("android",), "Android"),
    (("iphone", "ipad"), "iOS"),
    (("linux",), "Linux"),
)
_ARCHS = (
    (("aarch64", "arm64", " arm"), "arm"),
    (("x86_64", "x64", "win64", "intel"), "x86"),
)


def browser(user_agent: str) -> str | None:
    """The major version of a Chromium-family browser (Edge's own where there is one), else `None`."""
    agent = user_agent.lower()
    if "firefox" in agent:
        return None
    edge = re.search(r"edg(?:a|ios)?/(\d{2,3})", agent)
    found = edge or _CHROMIUM.search(agent)
    return found[1] if found else None


def hints(headers: Mapping[str, str]) -> list[str]:
    """Client hints that contradict the user agent (§6.2)."""
    sent = {name: headers[name].strip('"') for name in HINT_HEADERS if name in headers}
    if not sent:
        return []
    agent = headers.get("user-agent", "").lower()
    version = browser(agent)
    if version is None:
        return ["client hints of a browser that sends none"]
    problems = []
    versions = {found["version"] for found in _BRANDS.finditer(headers.get("sec-ch-ua", ""))}
    # 24 is the version of the invented brand, "Not(A:Brand".
    if "sec-ch-ua" in sent and versions - {"24"} != {version}:
        problems.append(f"Sec-Ch-Ua names versions {sorted(versions)}, the user agent {version}")
    platform = _first(_PLATFORMS, agent)
    mobile = "mobile" in agent or platform in {"Android", "iOS"}
    wanted = {
        "sec-ch-ua-mobile": "?1" if mobile else "?0",
        "sec-ch-ua-model": "",
        "sec-ch-ua-platform": platform,
        "sec-ch-ua-arch": _first(_ARCHS, agent),
        "sec-ch-ua-bitness": "64",
    }
    problems += [
        f"header {name} is {sent[name]!r}, the user agent says {value!r}"
        for name, value in wanted.items()
        if name in sent and sent[name] != value
    ]
    return problems


def _first(table: Sequence[tuple[Sequence[str], str]], agent: str) -> str | None:
    return next((name for needles, name in table if any(needle in agent for needle in needles)), None)


def _hints_wanted(call: Call, seen: Received, *, older: bool) -> list[str]:
    sends = "sec-ch-ua" in seen.headers
    chromium = browser(seen.headers.get("user-agent", "")) is not None
    wanted = older or call.hints
    if wanted and chromium and not sends:
        return ["client hints are missing"]
    if sends and not wanted:
        return ["client hints do not belong here"]
    return []


# --------------------------------------------------------------------------------- shapes of bodies

Want = (
    type | re.Pattern[str] | Callable[[object], bool] | tuple[object, ...] | list["Want"] | dict[str, "Want"]
)


def shape(value: object, want: Want, where: str) -> list[str]:
    """How `value` deviates from `want`.

    A type is exact; a pattern is a whole string; a tuple lists the allowed values; a list of one thing is a
    list of such things; a mapping is an object with exactly these members, those ending in `?` optional; a
    function decides.
    """
    match want:
        case dict():
            return _object_shape(value, want, where)
        case list():
            if not isinstance(value, list):
                return [f"{where} is no list"]
            return [
                problem for n, item in enumerate(value) for problem in shape(item, want[0], f"{where}[{n}]")
            ]
        case tuple():
            fits = any(value == one and type(value) is type(one) for one in want)
            return [] if fits else [f"{where} is {short(value)}, not one of {list(want)}"]
        case re.Pattern():
            fits = isinstance(value, str) and want.fullmatch(value) is not None
            return [] if fits else [f"{where} is {short(value)}"]
        case type():
            # bool is an int to Python and not to the protocol.
            fits = type(value) is want or (want is float and type(value) is int)
            return [] if fits else [f"{where} is {type(value).__name__}, not {want.__name__}"]
        case _:
            return [] if want(value) else [f"{where} is {short(value)}"]


def _object_shape(value: object, want: Mapping[str, Want], where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    problems = []
    known = set()
    for key, inner in want.items():
        name = key.removesuffix("?")
        known.add(name)
        if name in value:
            problems += shape(value[name], inner, f"{where}.{name}")
        elif not key.endswith("?"):
            problems.append(f"{where}.{name} is missing")
    return problems + [f"{where}.{name} is not known" for name in value if name not in known]


_SHOWN = 60


def short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


_CHAT_BODY: dict[str, Want] = {
    "collectionIds": [str],
    "connectors": [str],
    "deviceEnvInfo": {
        "darkModeEnabled": bool,
        "devicePixelRatio": float,
        "screenHeight": int,
        "screenWidth": int,
        "viewportHeight": int,
        "viewportWidth": int,
    },
    "disableMemory": bool,
    "disableSearch": bool,
    "disableSelfHarmShortCircuit": bool,
    "disableTextFollowUps": bool,
    "enableImageGeneration": bool,
    "enableImageStreaming": bool,
    "enableSideBySide": bool,
    "fileAttachments": [str],
    "forceConcise": bool,
    "forceSideBySide": bool,
    "imageAttachments": [str],
    "imageGenerationCount": int,
    "isAsyncChat": bool,
    "message": filled,
    "modeId": MODES,
    "responseMetadata": dict,
    "returnImageBytes": bool,
    "returnRawGrokInXaiRequest": bool,
    "searchAllConnectors": bool,
    "sendFinalMetadata": bool,
    "temporary": bool,
    "toolOverrides": dict,
    "customPersonality?": filled,
    "parentResponseId?": str,
}


def chat_body(body: object, account: Account, world: World) -> list[str]:
    """Deviations of an older-form chat request (§7.1).

    The media variants of the same endpoint (`modelName`, §7.3) have checks of their own (`media_checks`).
    """
    problems = shape(body, _CHAT_BODY, "body")
    if isinstance(body, dict):
        problems += known_files(body.get("fileAttachments"), account, world)
        if body.get("imageAttachments"):
            problems.append("body.imageAttachments is not empty")
    return problems


def known_files(ids: object, account: Account, world: World) -> list[str]:
    if not isinstance(ids, list):
        return []
    mine = {upload.id for upload in world.uploads.values() if upload.account is account}
    mine |= {file.id for file in world.media.of(account)}
    return [f"attachment {name!r} was not uploaded by this account" for name in ids if name not in mine]


ASSETS_QUERY = {
    "pageSize": re.compile(r"[1-9]\d*"),
    "pageToken": re.compile(r"[A-Za-z0-9+/=]*"),
    "orderBy": re.compile(r"ORDER_BY_(?:LAST_USE|CREATE)_TIME"),
    "source": re.compile(r"SOURCE_ANY"),
    "isLatest": re.compile(r"true"),
    "workspaceKind": re.compile(r"WORKSPACE_KIND_IMAGINE_ALL"),
    # What §19.1 calls them.
    "limit": re.compile(r"[1-9]\d*"),
    "cursor": re.compile(r"[A-Za-z0-9+/=]*"),
}
CONVERSATIONS_QUERY = {name: ASSETS_QUERY[name] for name in ("pageSize", "pageToken")}


def listing(seen: Received, known: Mapping[str, re.Pattern[str]]) -> list[str]:
    """Deviations of the query of a listing (§19.1, §19.3, media §6.3)."""
    return [
        f"query has {name}={short(value)}"
        for name, value in seen.query.items()
        if name not in known or not known[name].fullmatch(value)
    ]


def sign_body(body: object, world: World) -> list[str]:
    """Deviations of a question to the signer (§5.2)."""
    want: Want = {
        "method": re.compile(r"[A-Z]+"),
        "path": re.compile(r"/[^?#]*"),
        "environment": {"metaContent": (world.meta_content,)},
    }
    return shape(body, want, "body")


_SOLVER_PROXY: Want = {
    # A browser knows these schemes, wants the port, and takes name and password only beside the address.
    "url": re.compile(r"(?:https?|socks4|socks5)://(?:\[[0-9a-f:.]+\]|[^\s:@/\[\]]+):\d{1,5}"),
    "username?": str,
    "password?": str,
}
_SOLVER_BODIES: Mapping[object, Mapping[str, Want]] = {
    "request.get": {
        "cmd": str,
        "url": re.compile(r"https?://\S+"),
        "maxTimeout": int,
        "proxy?": _SOLVER_PROXY,
        "session?": str,
    },
    "sessions.create": {"cmd": str, "session?": str, "proxy?": _SOLVER_PROXY},
    "sessions.list": {"cmd": str},
    "sessions.destroy": {"cmd": str, "session": str},
}


def solver_body(body: object) -> list[str]:
    """Deviations of a question to FlareSolverr (§21.3)."""
    command = body.get("cmd") if isinstance(body, dict) else None
    want = _SOLVER_BODIES.get(command) if isinstance(command, str) else None
    if want is None:
        return [f"cmd is {short(command)}, not one of {list(_SOLVER_BODIES)}"]
    problems = shape(body, dict(want), "body")
    if isinstance(body, dict) and "session" in body and "proxy" in body and command == "request.get":
        problems.append("a session has its proxy since it was made")
    return problems


# ----------------------------------------------------------------------------------- gateway events

_UUID_TAIL = UUID.pattern
_MS = r"\d{13,}"
GATEWAY_MODES = ("auto", "fast", "expert", "heavy")
EXPECTED_CAPABILITIES = {"conversation_attached", "custom_methods_v1"}

_X_GROK: dict[str, Want] = {
    "protocol_capabilities": lambda value: isinstance(value, list) and set(value) >= EXPECTED_CAPABILITIES,
    "use_chunk": bool,
    "enable_side_by_side": bool,
    "force_side_by_side": bool,
    "enable_image_generation": bool,
    "image_generation_count": int,
    "disable_text_follow_ups": bool,
    "disable_artifact": bool,
    "force_concise": bool,
    # Seen in public clients (§9.3).
    "initial_load_id?": str,
    "connector_ids?": [str],
    "workspace_ids?": [str],
    "disable_web_search?": bool,
    "disable_x_search?": bool,
}
_X_GROK_NEW: dict[str, Want] = {"keep_context": bool, "is_temporary": bool, "disable_memory": bool}
_X_GROK_EXISTING: dict[str, Want] = {
    "conversation_id": filled,
    "load_existing": (True,),
    "needs_history": bool,
}


def session_create(frame: Json) -> list[str]:
    """Deviations of the first event; with a `session_id` it must continue that conversation."""
    continues = "session_id" in frame
    x_grok = _X_GROK | (_X_GROK_EXISTING if continues else _X_GROK_NEW)
    want: dict[str, Want] = {
        "event": {
            "type": ("session.create",),
            "event_id": re.compile(rf"evt_init_{_UUID_TAIL}"),
            "session": {"model": GATEWAY_MODES, "x_grok": x_grok},
        }
    }
    if continues:
        want["session_id"] = filled
    problems = shape(frame, want, "message")
    if continues and member(frame, "event", "session", "x_grok", "conversation_id") != frame["session_id"]:
        problems.append("conversation_id differs from session_id")
    return problems


def item_create(frame: Json, *, session_id: str, account: Account, world: World) -> list[str]:
    """Deviations of the user's message."""
    mention: Want = {"mention": {"target": {"file_mention": {"file_id": filled}}}}
    said: Want = {"text": {"text": str}}
    want: dict[str, Want] = {
        "session_id": (session_id,),
        "event": {
            "type": ("conversation.item.create",),
            "event_id": re.compile(rf"evt_msg_{_MS}"),
            "item": {
                "type": ("message",),
                "role": ("user",),
                "x_grok": {
                    "client_message_id": UUID,
                    "input_chunks": lambda chunks: isinstance(chunks, list) and bool(chunks),
                },
                "file_attachment_ids?": [filled],
            },
            "parent_response_id?": filled,
            "file_attachment_ids?": [filled],
        },
    }
    problems = shape(frame, want, "message")
    chunks = member(frame, "event", "item", "x_grok", "input_chunks")
    if not isinstance(chunks, list) or not chunks:
        return problems
    for number, chunk in enumerate(chunks[:-1]):
        problems += shape(chunk, mention, f"input_chunks[{number}]")
    problems += shape(chunks[-1], said, "the last of input_chunks")
    mentioned = [member(chunk, "mention", "target", "file_mention", "file_id") for chunk in chunks[:-1]]
    inner, outer = (
        member(frame, "event", "item", "file_attachment_ids"),
        member(frame, "event", "file_attachment_ids"),
    )
    if inner != outer or (inner if inner is not None else []) != mentioned or inner == []:
        problems.append("file_attachment_ids do not match the mentions")
    if not mentioned and not filled(member(chunks[-1], "text", "text")):
        problems.append("the message says nothing")
    return problems + known_files(mentioned, account, world)


def response_create(frame: Json, *, session_id: str, item_event_id: str) -> list[str]:
    """Deviations of the request to answer: it carries the same milliseconds as the message before it."""
    want: dict[str, Want] = {
        "session_id": (session_id,),
        "event": {
            "type": ("response.create",),
            "event_id": (item_event_id.replace("evt_msg_", "evt_resp_"),),
            "castle_request_token?": str,
        },
    }
    return shape(frame, want, "message")


def ping(frame: Json) -> list[str]:
    """Deviations of a heartbeat."""
    want: Want = {"event": {"type": ("ping",), "event_id": re.compile(rf"evt_hb_{_MS}")}}
    return shape(frame, want, "message")


def known_mode(form: Form, mode: str) -> bool:
    return mode in (MODES if form == "rest" else GATEWAY_MODES)


def member(value: object, *path: str) -> object:
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
