"""Cards, render tags, addresses and citation markers (protocol/grok-web-chat.md §10).

Answer text refers to *cards* that came before it by render tags; a tag is replaced by what its card shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from grokdesk.core.events import Source, SourceKind
from grokdesk.providers.grok_web.protocol import loose
from grokdesk.providers.grok_web.protocol.loose import Json

MAX_CITED: Final = 256
MAX_ANNOTATIONS: Final = 2048
MAX_SOURCES: Final = 256

_MAX_URL_BYTES: Final = 8 * 1024
_MAX_TITLE: Final = 512
_FINISHED: Final = 100

_URL: Final = re.compile(r"(https?)://([^/?#@\s]+)([/?#].*)?", re.IGNORECASE | re.DOTALL)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_TAG: Final = re.compile(
    r'<grok:render\s+card_id="([^"<>]*)"\s+card_type="[^"<>]*"\s+type="([^"<>]*)"[^<>]*>.*?</grok:render>',
    re.DOTALL,
)
_TAG_END: Final = "</grok:render>"
_CALL: Final = re.compile(r"<xai:tool_usage_card>.*?</xai:tool_usage_card>", re.DOTALL)
_CALL_END: Final = "</xai:tool_usage_card>"


def normal_url(url: str) -> str:
    """`url` as it may stand in an answer, or an empty text when it may not.

    Only http and https, without user info or control characters, at most 8 KiB; scheme and host are
    lower-cased and blanks escaped, as Go's parser does it (§10.3).
    """
    url = url.strip(" ")
    match = _URL.fullmatch(url)
    if match is None or _CONTROL.search(url) or len(url.encode()) > _MAX_URL_BYTES:
        return ""
    scheme, host, rest = match.groups(default="")
    return f"{scheme.lower()}://{host.lower()}{rest.replace(' ', '%20')}"


def title_of(text: str) -> str:
    """`text` as a title: one line of at most 512 characters."""
    return " ".join(text[: 4 * _MAX_TITLE].split())[:_MAX_TITLE]


# --- tags ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tag:
    """A render tag: which card, and how it is to be shown."""

    card_id: str
    kind: str


def split_tags(text: str) -> Iterator[str | Tag]:
    """Yield the stretches of `text` and the tags between them; Grok's own call markup is left out.

    A tag counts only when it is whole in `text`, which upstream sees to (§10.2).
    """
    # Nothing is searched behind the last end tag, so that many beginnings without an end cost no more than
    # few.
    calls_end = text.rfind(_CALL_END) + len(_CALL_END)
    if calls_end >= len(_CALL_END):
        text = _CALL.sub("", text[:calls_end]) + text[calls_end:]
    tags_end = max(0, text.rfind(_TAG_END) + len(_TAG_END))
    at = 0
    for match in _TAG.finditer(text, 0, tags_end):
        yield text[at : match.start()]
        yield Tag(match[1], match[2])
        at = match.end()
    yield text[at:]


def has_markup(text: str) -> bool:
    """Whether `text` may hold a tag or a call; cheap, because it is asked of every token."""
    return "<" in text and (_TAG_END in text or _CALL_END in text)


def searched_image(card: Json) -> str:
    """Markdown of an image that was found: `[![title](thumbnail)](link)`; empty without a picture (§10.2)."""
    image = loose.member(card, "image")
    picture = normal_url(loose.text(image, "thumbnail", "original"))
    if not picture:
        return ""
    title = re.sub(r"[\[\]\\]", "", title_of(loose.text(image, "title"))) or "image"
    link = normal_url(loose.text(image, "link"))
    return f"[![{title}]({picture})]({link})" if link else f"![{title}]({picture})"


# --- cards and images ---------------------------------------------------------------------------------------


def card_in(attachment: object) -> Json:
    """The card of a `cardAttachment`: JSON in a string, an object, or a bare card (§10.1); else empty."""
    if isinstance(attachment, str):
        return loose.parsed(attachment) or {}
    if not isinstance(attachment, dict):
        return {}
    for name in ("jsonData", "json_data"):
        data = attachment.get(name)
        if isinstance(data, str):
            return loose.parsed(data) or {}
        if isinstance(data, dict):
            return data
    return attachment if image_in(attachment) else {}


def image_in(card: Json) -> Json:
    """The generated image of a card, or nothing."""
    return loose.member(card, "image_chunk", "imageChunk")


class Images:
    """The finished images of one answer, each once, without those that moderation kept back.

    `base` is where relative addresses begin, https://assets.grok.com.
    """

    __slots__ = ("_base", "_found", "_withheld")

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")
        self._found: dict[str, None] = {}
        self._withheld: set[str] = set()

    @property
    def withheld(self) -> bool:
        """Whether moderation kept back any."""
        return bool(self._withheld)

    def add(self, image: Json) -> None:
        """Take the state of an image: `imageUrl` or `url`, `progress`, `moderated`, `isFinal`, and an id."""
        url = loose.text(image, "imageUrl", "image_url", "url")
        if image.get("moderated") is True:
            ids = [loose.text(image, name) for name in ("imageUuid", "imageId", "image_uuid", "assetId")]
            names = [*ids, self._absolute(url)]
            # An image without any name is still one that was kept back.
            self._withheld.update([name for name in names if name] or [""])
        elif image.get("isFinal") is True or (loose.number(image, "progress") or 0) >= _FINISHED:
            self.found(url)

    def found(self, url: str) -> None:
        """Take the address of a finished image."""
        absolute = self._absolute(url)
        if absolute:
            self._found[absolute] = None

    def urls(self) -> list[str]:
        """The absolute addresses, in order."""
        return [url for url in self._found if not self.is_withheld(url)]

    def is_withheld(self, url: str) -> bool:
        """Whether `url` is of an image that moderation kept back."""
        return url in self._withheld or not self._withheld.isdisjoint(part for part in url.split("/") if part)

    def _absolute(self, url: str) -> str:
        if not url or _CONTROL.search(url):
            return ""
        if _SCHEME.match(url) is None:
            url = f"{self._base}/{url.lstrip('/')}"
        # Parentheses and blanks would end the Markdown that carries the address.
        return quote(normal_url(url), safe="/:?#[]@!$&'*+,;=%~")


# --- sources ------------------------------------------------------------------------------------------------


def web_sources(results: list[object]) -> Iterator[Source]:
    """The sources among web results, `{url, title}` each."""
    for result in loose.objects(results):
        url = normal_url(loose.text(result, "url"))
        if url:
            yield Source(url, title_of(loose.text(result, "title")))


def post_sources(posts: list[object]) -> Iterator[Source]:
    """The sources among posts on X; one without handle or id has no address (§9.5, §10.4)."""
    for post in loose.objects(posts):
        handle = loose.text(post, "userhandle", "username")
        post_id = loose.text(post, "post_id", "postId")
        url = normal_url(f"https://x.com/{handle}/status/{post_id}") if handle and post_id else ""
        if url:
            name = loose.text(post, "name") or f"@{handle}"
            said = loose.text(post, "text")
            yield Source(url, title_of(f"{name}: {said}" if said else name), SourceKind.X_POST)


def results_in(found: object) -> list[object]:
    """The results in `webSearchResults` or `xSearchResults`: an array, bare or in an object (§8.3)."""
    if isinstance(found, dict):
        return loose.items(found, "results")
    return found if isinstance(found, list) else []
