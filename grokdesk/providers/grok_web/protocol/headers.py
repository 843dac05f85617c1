"""What a call says about itself: headers, cookies, hints, fingerprint (protocol/grok-web-chat.md §3–§6)."""

from __future__ import annotations

import random
import re
import string
from base64 import b64encode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

Headers = list[tuple[str, str]]

_LANGUAGE: Final = "zh-CN,zh;q=0.9,en;q=0.8"
_ENCODING: Final = "gzip, deflate, br, zstd"
_JSON: Final = "application/json"
_MULTIPART: Final = "multipart/form-data"
_GRPC: Final = "application/grpc-web+proto"
_HTML: Final = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
)
_BAGGAGE: Final = (
    "sentry-environment=production,sentry-release=d6add6fb0460641fd482d767a335ef72b9b6abb8,"
    "sentry-public_key=b311e0f2690c81f25e2c4cf6d4f7ce1c"
)


class Call(Enum):
    """A call to Grok. CHAT is `conversations/new` of the older form and the gateway's handshake.

    IMAGINE is the handshake of the socket that makes pictures, GENERATE `conversations/new` for an edit or a
    film, MEDIA_POST what these begin with, RESPONSES where a lost one is looked for. ACCOUNT_TERMS goes to
    the accounts address, all others to grok.com.
    """

    CHAT = "chat"
    RATE_LIMITS = "rate-limits"
    SESSION = "session"
    CREDITS = "credits"
    IMAGINE_QUOTA = "imagine-quota"
    UPLOAD = "upload"
    UPLOAD_OLDER = "upload-older"
    ACCOUNT_TERMS = "account-terms"
    PRODUCT_TERMS = "product-terms"
    BIRTH_DATE = "birth-date"
    FEATURES = "features"
    ASSETS = "assets"
    DELETE_ASSET = "delete-asset"
    CONVERSATIONS = "conversations"
    DELETE_CONVERSATION = "delete-conversation"
    IMAGINE = "imagine"
    GENERATE = "generate"
    MEDIA_UPLOAD = "media-upload"
    MEDIA_POST = "media-post"
    RESPONSES = "responses"
    UPSCALE = "upscale"
    SHARE = "share"
    VOICE = "voice"


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a call differs from others (§4.1, §4.2).

    An empty `content_type` is a call without a body. `foreign` is another host than grok.com: none of its
    cookies, and only what every call has.
    """

    referer: str = "/"
    content_type: str = _JSON
    origin: bool = True
    statsig: bool = True
    hints: bool = False
    request_id: bool = True
    older: bool = False
    foreign: bool = False
    more: tuple[tuple[str, str], ...] = ()


_GRPC_WEB: Final = ("x-grpc-web", "1")
_GRPC_AGENT: Final = ("x-user-agent", "connect-es/2.1.1")


_SHAPES: Final[dict[Call, _Shape]] = {
    Call.CHAT: _Shape(hints=True, older=True),
    Call.RATE_LIMITS: _Shape(),
    Call.SESSION: _Shape(content_type="", origin=False, statsig=False, hints=True, request_id=False),
    Call.CREDITS: _Shape(content_type=_GRPC, statsig=False, request_id=False, more=(_GRPC_WEB, _GRPC_AGENT)),
    Call.IMAGINE_QUOTA: _Shape(referer="/imagine"),
    Call.UPLOAD: _Shape(content_type=_MULTIPART, statsig=False, request_id=False),
    Call.UPLOAD_OLDER: _Shape(hints=True, older=True),
    Call.ACCOUNT_TERMS: _Shape(
        referer="/accept-tos",
        content_type=_GRPC,
        statsig=False,
        foreign=True,
        more=(_GRPC_WEB, _GRPC_AGENT),
    ),
    Call.PRODUCT_TERMS: _Shape(hints=True),
    Call.BIRTH_DATE: _Shape(),
    Call.FEATURES: _Shape(content_type=_GRPC, more=(_GRPC_WEB,)),
    # Known of the older form only (§19.1).
    Call.ASSETS: _Shape(referer="/files", hints=True, older=True),
    Call.DELETE_ASSET: _Shape(referer="/files", hints=True, older=True),
    # Nobody has written down their headers (§19.3): those of a browser's GET and DELETE.
    Call.CONVERSATIONS: _Shape(content_type="", origin=False),
    Call.DELETE_CONVERSATION: _Shape(content_type=""),
    # grok-web-media.md §1.3, §4, §5 and §6.
    Call.IMAGINE: _Shape(content_type="", statsig=False),
    Call.GENERATE: _Shape(referer="/imagine"),
    Call.MEDIA_UPLOAD: _Shape(referer="/imagine", content_type=_MULTIPART, statsig=False, request_id=False),
    Call.MEDIA_POST: _Shape(referer="/imagine"),
    Call.RESPONSES: _Shape(referer="/imagine", content_type="", origin=False),
    Call.UPSCALE: _Shape(referer=""),
    Call.SHARE: _Shape(referer=""),
    # grok-web-media.md §8.1.
    Call.VOICE: _Shape(),
}


def is_signed(call: Call) -> bool:
    """Whether `call` carries an x-statsig-id."""
    return _SHAPES[call].statsig


def rest_headers(
    *,
    call: Call,
    token: str,
    user_agent: str,
    cf_cookies: str,
    request_id: str,
    statsig: str,
    origin: str,
    boundary: str = "",
    referer: str = "",
) -> Headers:
    """The headers of an HTTP call, in order. `boundary` parts the members of an upload.

    `referer` is the path of the page the call comes from, where it is not the usual one.

    `origin` is the base address the call goes to, https://grok.com. `statsig` and `request_id` are left out
    where the call has none; an empty `statsig` is left out everywhere.
    """
    shape = _SHAPES[call]
    headers: Headers = [("Accept", "*/*"), ("Accept-Encoding", _ENCODING), ("Accept-Language", _LANGUAGE)]
    if shape.older:
        headers.append(("Baggage", _BAGGAGE))
    elif not shape.foreign:
        headers += [("Cache-Control", "no-cache"), ("Pragma", "no-cache")]
    if shape.content_type:
        content_type = f"{shape.content_type}; boundary={boundary}" if boundary else shape.content_type
        headers.append(("Content-Type", content_type))
    if shape.origin:
        headers.append(("Origin", origin))
    if not shape.foreign:
        headers.append(("Priority", "u=1, i"))
    headers.append(("Referer", f"{origin}{referer or shape.referer}"))
    if not shape.foreign:
        headers += [
            ("Sec-Fetch-Dest", "empty"),
            ("Sec-Fetch-Mode", "cors"),
            ("Sec-Fetch-Site", "same-origin"),
        ]
    headers.append(("User-Agent", clean_value(user_agent)))
    if shape.hints:
        headers += client_hints(user_agent)
    if shape.statsig and statsig:
        headers.append(("x-statsig-id", statsig))
    if shape.request_id:
        headers.append(("x-xai-request-id", request_id))
    headers += shape.more
    headers.append(("Cookie", cookie_header(token, "" if shape.foreign else cf_cookies)))
    return headers


def handshake_headers(*, token: str, user_agent: str, cf_cookies: str, user_id: str, origin: str) -> Headers:
    """The headers of a WebSocket handshake besides those of WebSocket itself (§4.4).

    That of chat names the user, that of pictures does not (grok-web-media.md §2.1).
    """
    return [
        ("Origin", origin),
        ("User-Agent", clean_value(user_agent)),
        ("Accept-Language", _LANGUAGE),
        ("Cache-Control", "no-cache"),
        ("Pragma", "no-cache"),
        ("Cookie", cookie_header(token, cf_cookies, user_id)),
    ]


def download_headers(*, token: str, user_agent: str, cf_cookies: str, request_id: str) -> Headers:
    """The headers of fetching a file; without `token` no cookie goes along (grok-web-media.md §6.5)."""
    headers: Headers = [
        ("Accept", "*/*"),
        ("Accept-Encoding", _ENCODING),
        ("Accept-Language", _LANGUAGE),
        ("User-Agent", clean_value(user_agent)),
        ("x-xai-request-id", request_id),
    ]
    if token:
        headers.append(("Cookie", cookie_header(token, cf_cookies)))
    return headers


def page_headers(*, token: str, user_agent: str, cf_cookies: str) -> Headers:
    """The headers of opening a page of Grok like a browser does, for the signer's meta value (§5.2)."""
    return [
        ("Accept", _HTML),
        ("Accept-Encoding", _ENCODING),
        ("Accept-Language", _LANGUAGE),
        ("Sec-Fetch-Dest", "document"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Upgrade-Insecure-Requests", "1"),
        ("User-Agent", clean_value(user_agent)),
        ("Cookie", cookie_header(token, cf_cookies)),
    ]


# --- values -------------------------------------------------------------------------------------------------

# Typographic look-alikes that a copied value may have picked up (§4.3).
_LOOK_ALIKES: Final = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
    | dict.fromkeys("\u2018\u2019", "'")
    | dict.fromkeys("\u201c\u201d", '"')
    | dict.fromkeys("\u00a0\u2007\u202f", " ")
    | dict.fromkeys("\u200b\u200c\u200d\ufeff", "")
)
_NOT_IN_HEADER: Final = re.compile(r"[\x00-\x1f\x7f]|[^\x00-\xff]")


def clean_value(text: str) -> str:
    """`text` as a header value: look-alikes replaced, trimmed, no control characters, only Latin-1 (§4.3)."""
    return _NOT_IN_HEADER.sub("", text.translate(_LOOK_ALIKES)).strip()


# --- cookies ------------------------------------------------------------------------------------------------

_CF_COOKIES: Final = {"cf_clearance", "__cf_bm", "_cfuvid"}
_CF_PREFIX: Final = "cf_chl_"
_MAX_COOKIES: Final = 16 * 1024


def cookie_header(token: str, cf_cookies: str, user_id: str = "") -> str:
    """The Cookie header: the token twice, Cloudflare's cookies, and for the gateway the user id (§3.2)."""
    sso = _clean_token(token)
    user = f"x-userid={clean_value(user_id)}" if user_id else ""
    parts = [f"sso={sso}", f"sso-rw={sso}", clean_cloudflare_cookies(cf_cookies), user]
    return "; ".join(part for part in parts if part)


def clean_cloudflare_cookies(text: str) -> str:
    """What of a pasted cookie string is Cloudflare's, each name once, at most 16 KiB (§3.2 [cur]).

    Everything else is dropped, above all a token that was copied along.
    """
    kept: dict[str, str] = {}
    size = 0
    for name, value in _pairs(text):
        key = name.lower()
        cookie = f"{name}={value}"
        known = key in _CF_COOKIES or key.startswith(_CF_PREFIX)
        if known and key not in kept and size + len(cookie) <= _MAX_COOKIES:
            kept[key] = cookie
            size += len(cookie) + len("; ")
    return "; ".join(kept.values())


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    text = re.sub(r"^\s*cookie:", "", text, flags=re.IGNORECASE)
    for part in re.split(r"[;\r\n]", text):
        name, _, value = part.partition("=")
        value = clean_value(value)
        if value:
            yield clean_value(name), value


def _clean_token(token: str) -> str:
    token = re.sub(r"^\s*sso=", "", token, flags=re.IGNORECASE).partition(";")[0]
    return "".join(clean_value(token).split())


# --- x-statsig-id -------------------------------------------------------------------------------------------

_SIGNED: Final = re.compile(r"[A-Za-z0-9+/]{94}(?:==)?")


def imitation_statsig(rng: random.Random) -> str:
    """A value that looks like a script error a browser caught, different every time (§5.1)."""
    if rng.random() < 1 / 2:
        name = "".join(rng.choices(string.ascii_lowercase + string.digits, k=5))
        text = f"e:TypeError: Cannot read properties of null (reading 'children['{name}']')"
    else:
        name = "".join(rng.choices(string.ascii_lowercase, k=10))
        text = f"e:TypeError: Cannot read properties of undefined (reading '{name}')"
    return b64encode(text.encode()).decode()


def valid_signed(value: str) -> bool:
    """Whether `value` can be a signed one: exactly 70 bytes in standard base64, padding optional (§5.2)."""
    return _SIGNED.fullmatch(value) is not None


# --- who the browser is -------------------------------------------------------------------------------------

_EDGE: Final = re.compile(r"\bedg(?:a|ios)?/(\d{2,3})")
_CHROMIUM: Final = re.compile(r"\b(chrome|chromium|crios)/(\d{2,3})")
_FIREFOX: Final = re.compile(r"\b(?:firefox|fxios)/(\d{2,3})")
_SAFARI: Final = re.compile(r"\bversion/(\d{2,3})(?:\.(\d))?(?:\.(\d))?.*\bsafari/")
_PLATFORMS: Final = (
    ("windows", "Windows"),
    ("mac os x", "macOS"),
    ("macintosh", "macOS"),
    ("android", "Android"),
    ("iphone", "iOS"),
    ("ipad", "iOS"),
    ("linux", "Linux"),
)


def client_hints(user_agent: str) -> Headers:
    """The `Sec-Ch-Ua` headers that fit `user_agent`; none unless it is a Chromium browser (§6.2 [cur])."""
    agent = clean_value(user_agent).lower()
    brand, version = _brand(agent)
    if not brand:
        return []
    platform = next((name for marker, name in _PLATFORMS if marker in agent), "")
    mobile = "mobile" in agent or platform in {"Android", "iOS"}
    hints: Headers = [
        ("Sec-Ch-Ua", f'"{brand}";v="{version}", "Chromium";v="{version}", "Not(A:Brand";v="24"'),
        ("Sec-Ch-Ua-Mobile", "?1" if mobile else "?0"),
        ("Sec-Ch-Ua-Model", ""),
    ]
    if platform:
        hints.append(("Sec-Ch-Ua-Platform", f'"{platform}"'))
    if arch := _architecture(agent):
        hints += [("Sec-Ch-Ua-Arch", arch), ("Sec-Ch-Ua-Bitness", "64")]
    return hints


def _brand(agent: str) -> tuple[str, str]:
    edge = _EDGE.search(agent)
    if edge:
        return "Microsoft Edge", edge[1]
    chromium = _CHROMIUM.search(agent)
    if chromium is None:
        return "", ""
    return "Chromium" if chromium[1] == "chromium" else "Google Chrome", chromium[2]


def _architecture(agent: str) -> str:
    if any(marker in agent for marker in ("aarch64", "arm64", " arm")):
        return "arm"
    return "x86" if any(marker in agent for marker in ("x86_64", "x64", "win64", "intel")) else ""


# --- TLS profile --------------------------------------------------------------------------------------------

_PROFILE: Final = re.compile(r"(chrome|edge|firefox|safari)(\d+)[a-z]?(?:_(android|ios))?")
# The version to be near to when the user agent is of no known browser (§6.3).
_FALLBACK: Final = 146.0


def impersonation(user_agent: str, available: Collection[str]) -> str:
    """The TLS profile among `available` that fits `user_agent` (§6.3).

    Of the same family the nearest version, on a tie the newest.
    Edge is built on the Chromium of the same number, so a Chrome profile that is nearer than any of Edge's is
    taken.
    """
    family, version, platform = _browser(clean_value(user_agent).lower())
    families = ("edge", "chrome") if family == "edge" else (family,)
    profiles = [profile for name in available if (profile := _profile(name))]
    for candidates in (
        [profile for profile in profiles if profile.family in families and profile.platform == platform],
        [profile for profile in profiles if profile.family in families],
        [profile for profile in profiles if profile.family == "chrome" and not profile.platform],
    ):
        if candidates:
            best = min(
                candidates,
                key=lambda profile: (profile.distance(version), profile.family != family, -profile.version),
            )
            return best.name
    return "chrome"


@dataclass(frozen=True, slots=True)
class _Profile:
    name: str
    family: str
    version: float
    platform: str

    def distance(self, version: float) -> float:
        return abs(self.version - version)


def _profile(name: str) -> _Profile | None:
    """Read a name such as `chrome131_android`, `safari2601` (26.0.1) or `safari184_ios` (18.4)."""
    match = _PROFILE.fullmatch(name)
    if match is None:
        return None
    family, digits, platform = match[1], match[2], match[3] or ""
    version = float(f"{digits[:2]}.{digits[2:]}" if family == "safari" else digits)
    return _Profile(name, family, version, platform)


def _browser(agent: str) -> tuple[str, float, str]:
    platform = "android" if "android" in agent else "ios" if "iphone" in agent or "ipad" in agent else ""
    for family, pattern in (("edge", _EDGE), ("firefox", _FIREFOX)):
        if found := pattern.search(agent):
            return family, float(found[1]), platform
    if chromium := _CHROMIUM.search(agent):
        return "chrome", float(chromium[2]), platform
    if safari := _SAFARI.search(agent):
        return "safari", float(f"{safari[1]}.{safari[2] or 0}{safari[3] or ''}"), platform
    return "chrome", _FALLBACK, ""
