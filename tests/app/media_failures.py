"""Everything that goes wrong with pictures and films: what is asked, what Grok does, what comes of it.

Played by `test_media_failures.py`; `docs/failures.md` is written from it.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any

from grokdesk.core.accounts import Status
from grokdesk.sim import (
    DOWNLOADS,
    PUBLIC,
    Script,
    blocked,
    challenge,
    content_moderated,
    cut_after,
    expired,
    garbage,
    hang_up,
    image_limit,
    limited,
    media,
    page_instead,
    refused,
    server_error,
    stall,
    stream_error,
)

DRAW, EDIT, FILM, LITE = (
    "grok-imagine-image",
    "grok-imagine-image-edit",
    "grok-imagine-video",
    "grok-imagine-image-lite",
)
PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
OLDER_UPLOAD = "/rest/app-chat/upload-file"
UPLOAD = "/http/upload-file-v2/direct"
POST = "/rest/media/post/create"


@dataclass(frozen=True, slots=True)
class Heard:
    """What the client got: how many files, or a status and code with a sentence."""

    made: int = 0
    status: int = 200
    code: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for."""

    model: str
    prompt: str = "a paper boat on a green river"
    more: dict[str, Any] = field(default_factory=dict)


def pictures(count: int = 1, **more: object) -> Asked:
    return Asked(DRAW, more={"n": count, **more})


def edit(prompt: str = "turn it into a watercolour", count: int = 1, **more: object) -> Asked:
    return Asked(EDIT, prompt, {"image": ("boat.png", PNG, "image/png"), "n": count, **more})


def film(seconds: int = 6, prompt: str = "waves at dawn", **more: object) -> Asked:
    return Asked(FILM, prompt, {"seconds": str(seconds), "size": "1280x720", **more})


FINE = Status.ACTIVE
LIMIT = Heard(0, 429, "rate_limit_exceeded")
AMBIGUOUS = Heard(0, 502, "upstream_interrupted", "not repeated")
LOST = Heard(0, 502, "upstream_undelivered")
LOOKED_FOR = Heard(0, 200, "interrupted", "could not be fetched")
BLOCKED = Heard(0, 400, "moderation_blocked")
THREE = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One failure: where it happens (empty: at the generation itself), and what comes of it.

    `spent` says whether the account's quota counts it, `rests` whether the product is left alone for a while.
    """

    name: str
    asked: Asked
    scripts: tuple[Script, ...]
    told: Heard
    status: Status = FINE
    rests: bool = False
    at: str = ""


ROWS = [
    # the socket of pictures
    Row("pictures: limited at the door", pictures(), (limited(retry_after=60),), LIMIT, rests=True),
    Row("pictures: limited in between", pictures(2), (image_limit(),), LIMIT, rests=True),
    Row(
        "pictures: signed out",
        pictures(),
        (expired(),),
        Heard(0, 502, "upstream_account_rejected"),
        Status.EXPIRED,
    ),
    Row(
        "pictures: blocked",
        pictures(),
        (blocked(),),
        Heard(0, 502, "upstream_account_rejected"),
        Status.BLOCKED,
    ),
    Row("pictures: stopped on the way", pictures(), (challenge(),), Heard(0, 503, "upstream_challenge")),
    Row("pictures: policy at the door", pictures(), (content_moderated(),), BLOCKED),
    Row("pictures: fault at the door", pictures(), (server_error(503),) * 9, Heard(0, 503, "overloaded")),
    Row("pictures: silence at the door", pictures(), (stall(at="open"),), Heard(0, 504, "timeout")),
    Row("pictures: silence after the prompt", pictures(), (stall(at="first_byte"),), AMBIGUOUS),
    Row("pictures: silence among the frames", pictures(4), (stall(after=3),), AMBIGUOUS),
    Row("pictures: cut among the frames", pictures(4), (cut_after(3),), AMBIGUOUS),
    Row("pictures: all withheld", pictures(2), (media(moderated="all"),), BLOCKED),
    Row(
        "pictures: some withheld",
        pictures(4),
        (media(moderated=(1, 2)),),
        Heard(0, 502, "image_generation_incomplete", "2 of 4 pictures were made"),
    ),
    Row("pictures: garbage between frames", pictures(), (garbage() + media(),), Heard(1)),
    Row("pictures: only by address", pictures(), (media(blob="missing"),), Heard(1)),
    Row("pictures: unreadable, but the address is good", pictures(), (media(blob="garbage"),), Heard(1)),
    Row(
        "pictures: the address fails twice",
        pictures(),
        (media(blob="missing"), server_error(503), server_error(503)),
        Heard(1),
        at=PUBLIC,
    ),
    Row(
        "pictures: the address gives a page",
        pictures(),
        (media(blob="missing"), *(page_instead(),) * THREE),
        LOST,
        at=PUBLIC,
    ),
    Row(
        "pictures: the address is silent",
        pictures(),
        (media(blob="missing"), *(stall(at="open"),) * THREE),
        LOST,
        at=PUBLIC,
    ),
    Row(
        "pictures: the address breaks off",
        pictures(),
        (media(blob="missing"), *(cut_after(size_bytes=500),) * THREE),
        LOST,
        at=PUBLIC,
    ),
    # edits
    Row("edit: upload refused", edit(), (Script(), content_moderated()), BLOCKED, at=UPLOAD),
    Row(
        "edit: upload fails in words",
        edit(),
        (Script(), media(upload="terminal_error")),
        Heard(0, 400, "invalid_value", "does not accept this picture"),
        at=UPLOAD,
    ),
    Row("edit: limited", edit(), (limited(retry_after=60),), LIMIT, rests=True),
    Row("edit: withheld", edit(), (media(moderated="all"),), BLOCKED),
    Row("edit: silence", edit(), (stall(after=2),), AMBIGUOUS),
    Row("edit: cut", edit(), (cut_after(2),), AMBIGUOUS),
    Row("edit: limited in the stream", edit(), (stream_error(8, "Too many requests"),), LIMIT, rests=True),
    Row("edit: the file is gone", edit(), (media(lost=True),), LOST),
    # films
    Row(
        "film: post refused",
        film(),
        (Script(), limited(retry_after=60)),
        Heard(0, 200, LIMIT.code),
        rests=True,
        at=POST,
    ),
    Row("film: limited", film(), (limited(retry_after=60),), Heard(0, 200, LIMIT.code), rests=True),
    Row("film: withheld", film(), (media(moderated="all"),), Heard(0, 200, BLOCKED.code)),
    Row("film: policy", film(), (content_moderated(),), Heard(0, 200, BLOCKED.code)),
    Row(
        "film: a fault in the stream",
        film(),
        (stream_error(13, "generation failed"),),
        Heard(0, 200, AMBIGUOUS.code),
    ),
    Row("film: the file is gone", film(), (media(lost=True),), LOOKED_FOR),
    Row(
        "film: the file is a page",
        film(),
        (Script(), *(page_instead(),) * THREE),
        LOOKED_FOR,
        at=DOWNLOADS,
    ),
    Row(
        "film: the file fails twice",
        film(),
        (Script(), server_error(503), server_error(503)),
        Heard(1),
        at=DOWNLOADS,
    ),
    Row("film: lost before it was taken", film(), (hang_up(),), Heard(0, 200, AMBIGUOUS.code)),
    Row("film: lost, and made all the same", film(), (cut_after(2),), Heard(1)),
    Row(
        "film: refused for good",
        film(),
        (refused(400, {"error": {"message": "no"}}),),
        Heard(0, 200, "upstream_error"),
    ),
]
