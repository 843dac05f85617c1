"""What is drawn and filmed here: files, posts, works in progress, and how often each account may still.

A work is one order of an edit or a film. It goes on whether or not somebody listens: it is ready at a
moment fixed when it was accepted, and what it made can be fetched from then on. Files hold no bytes but
what they are drawn from; `File.content` draws them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Protocol, get_args

from grokdesk.sim import films, pictures
from grokdesk.sim.script import Json

Product = Literal["image", "imagePro", "imageEdit", "video", "video720p"]
PRODUCTS: tuple[Product, ...] = get_args(Product)
MediaType = Literal["MEDIA_POST_TYPE_IMAGE", "MEDIA_POST_TYPE_VIDEO"]
Kind = Literal["edit", "video"]

_WINDOW_S = 86400
_COUNTS: dict[str, dict[Product, int | None]] = {
    "basic": {"image": 20, "imagePro": 8, "imageEdit": 4, "video": None, "video720p": 2},
    "super": {"image": 100, "imagePro": 20, "imageEdit": 50, "video": 25, "video720p": 10},
    "heavy": {"image": 400, "imagePro": 80, "imageEdit": 200, "video": 100, "video720p": 40},
}
"""Uses a day by tier; `None`: the tier lacks it (media §11.1)."""


class Owner(Protocol):
    """What a gallery knows of an account."""

    token: str
    user_id: str
    imagine: dict[str, Json | None]

    @property
    def tier(self) -> str: ...


class Sent(Protocol):
    """What a gallery knows of an upload."""

    id: str
    data: bytes
    at: float

    @property
    def account(self) -> Owner: ...
    @property
    def type(self) -> str: ...


class Call(Protocol):
    """What a gallery knows of a request."""

    method: str
    path: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    peer: str
    status: int | None

    @property
    def account(self) -> Owner | None: ...


class Place(Protocol):
    """What a gallery knows of its world."""

    now: Callable[[], float]
    monotonic: Callable[[], float]

    @property
    def uploads(self) -> Mapping[str, Sent]: ...
    @property
    def received(self) -> Sequence[Call]: ...
    def new_id(self) -> str: ...


def imagine_quotas(tier: str) -> dict[str, Json | None]:
    """The full quotas of a tier, as `quota_info` tells them (media §11.2)."""
    return {product: None if count is None else _available(count) for product, count in _COUNTS[tier].items()}


@dataclass(slots=True, eq=False)
class File:
    """Something on the assets host at `path` (relative, as the service names it).

    `there_from` is monotonic: the moment its work is done. `seconds` is 0 for pictures. With `data` these are
    its bytes, else they are drawn from `seed`.
    """

    id: str
    account: Owner
    path: str
    mime: str
    width: int
    height: int
    at: float
    seed: str
    seconds: float = 0.0
    data: bytes | None = None
    there_from: float = 0.0
    is_listed: bool = True
    """Previews, thumbnails and the like are not listed."""
    preview: str = ""
    """Path of its thumbnail."""
    conversation_id: str = ""
    response_id: str = ""
    made_from: Json = field(default_factory=dict)
    """The `mediaGenInput` of the list."""
    references: tuple[str, ...] = ()
    is_extension: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def content(self) -> bytes:
        """The bytes. Drawing them takes milliseconds."""
        if self.data is not None:
            return self.data
        if self.mime == "video/mp4":
            return films.filmed(self.seed, self.width, self.height, self.seconds)
        return pictures.drawn(
            self.seed, self.width, self.height, "png" if self.mime == "image/png" else "jpeg"
        )


@dataclass(slots=True, eq=False)
class MediaPost:
    """A media post (media §5.1). A film has one too."""

    id: str
    account: Owner
    media_type: MediaType
    prompt: str
    media_path: str
    at: float
    film: "Film | None" = None
    is_shared: bool = False


@dataclass(slots=True, eq=False)
class Film:
    """A finished or coming film. `seconds` is its whole length, earlier segments included."""

    id: str
    post: MediaPost
    parent: MediaPost | None
    file: File
    seconds: float
    is_moderated: bool = False


@dataclass(slots=True, eq=False)
class Work:
    """One order of an edit or a film, and what came of it."""

    kind: Kind
    account: Owner
    prompt: str
    product: Product
    conversation_id: str
    request_id: str
    response_id: str
    request: Json
    ready_at: float
    """Monotonic."""
    files: list[File] = field(default_factory=list)
    film: Film | None = None
    moderated: frozenset[int] = frozenset()
    has_failed: bool = False
    """Its stream told an error."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One prompt of the imagine socket."""

    account: Owner
    prompt: str
    ratio: str
    pro: bool
    nsfw: bool
    wanted: int | None
    """`num_generations`; the older form names no number."""
    ids: tuple[str, ...]
    moderated: frozenset[int]


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a job: what it was for, by whom, on which way and with what result.

    `peer` is the near end of its connection, `clearance` the cookie that goes with the way out.
    """

    kind: str
    token: str
    user_agent: str
    clearance: str
    peer: str
    status: int | None
    path: str


class Gallery:
    """The media side of a world: `world.media`."""

    def __init__(self, world: Place, *, picture_scale: float = 1.0) -> None:
        self._world = world
        self.picture_scale = picture_scale
        """Sizes of pictures and films are multiplied by it; what is told is always the real size."""
        self.pace_s = 0.0
        """Seconds before each frame of a batch, an edit or a film, unless its script says otherwise."""
        self.work_s: float | None = None
        """How long an edit or a film takes; `None`: as long as its frames."""
        self.slow_s = 1.0
        """Seconds before each frame of a prompt that says `[[slow]]`."""
        self.upscale_s = 0.0
        """How long an upscale blocks."""
        self.assets_url = ""
        """Where the service says its files are; empty: at this simulator."""
        self.public_url = ""
        """The same for public pictures."""
        self.files: dict[str, File] = {}
        """By path on the assets host."""
        self.public: dict[str, File] = {}
        """By path on the public host, without a slash in front."""
        self.posts: dict[str, MediaPost] = {}
        self.works: dict[str, Work] = {}
        """By conversation."""
        self.batches: list[Batch] = []
        self.deleted: list[str] = []

    # --------------------------------------------------------------------------------------- quotas

    def quotas(self, account: Owner) -> dict[str, Json | None]:
        """What the account may still make, as of now."""
        full = imagine_quotas(account.tier)
        for product, state in account.imagine.items():
            again = _again_at(state)
            if again is not None and self._world.now() >= again:
                account.imagine[product] = full.get(product)
        return account.imagine

    def leave(self, account: Owner, product: Product, count: int | None) -> None:
        """Let the account have so many uses left; `None`: as if its tier had no such product."""
        account.imagine[product] = None if count is None else self._left(count)

    def lacks(self, account: Owner, product: Product) -> bool:
        """Whether this account has no such product at all."""
        return self.quotas(account).get(product) is None

    def has_left(self, account: Owner, product: Product) -> bool:
        """Whether the account may use the product now. A quota that tells no number has no end."""
        state = self.quotas(account).get(product)
        if state is None or state.get("available") is not True:
            return False
        remaining = state.get("remainingQueries", 1)
        return isinstance(remaining, int) and remaining > 0

    def left(self, account: Owner, product: Product) -> int | None:
        """How many uses are left, if there is such a product and it tells a number."""
        state = self.quotas(account).get(product)
        remaining = state.get("remainingQueries") if state else None
        return remaining if isinstance(remaining, int) else None

    def spend(self, account: Owner, product: Product, uses: int = 1) -> None:
        """Take uses off, or with a negative number give them back."""
        remaining = self.left(account, product)
        if remaining is not None:
            account.imagine[product] = self._left(max(remaining - uses, 0))

    def _left(self, count: int) -> Json:
        if count > 0:
            return _available(count)
        again = datetime.fromtimestamp(self._world.now() + _WINDOW_S, UTC)
        return {
            "available": False,
            "remainingQueries": 0,
            "windowSizeSeconds": _WINDOW_S,
            "nextAvailableAt": f"{again:%Y-%m-%dT%H:%M:%S.%f}789Z",
        }

    # ------------------------------------------------------------------------------------ files

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size something of these pixels really gets here."""
        return (
            (width, height)
            if self.picture_scale == 1
            else pictures.scaled((width, height), self.picture_scale)
        )

    def picture(
        self, account: Owner, picture_id: str, size: tuple[int, int], there_from: float = 0.0
    ) -> File:
        """A finished picture of the account, at `users/<uid>/generated/<id>/image.jpg`. `size` is real."""
        return self.place(account, picture_id, _path(account, picture_id, "image.jpg"), size, there_from)

    def film(
        self,
        account: Owner,
        film_id: str,
        size: tuple[int, int],
        seconds: float,
        there_from: float = 0.0,
    ) -> File:
        """A finished film of the account, with its thumbnail. `size` is real."""
        path = _path(account, film_id, "generated_video.mp4")
        file = self.place(account, film_id, path, size, there_from)
        file.seconds = seconds
        return file

    def place(
        self,
        account: Owner,
        file_id: str,
        path: str,
        size: tuple[int, int],
        there_from: float = 0.0,
    ) -> File:
        """A generated file at any path, with its thumbnail beside it."""
        mime = "video/mp4" if path.endswith(".mp4") else "image/jpeg"
        file = File(file_id, account, path, mime, *size, self._world.now(), file_id, there_from=there_from)
        small = pictures.scaled(size, 0.5)
        file.preview = f"{path.rpartition('/')[0]}/preview_image.jpg"
        thumbnail = File(file_id, account, file.preview, "image/jpeg", *small, file.at, file_id)
        thumbnail.is_listed, thumbnail.there_from = False, there_from
        self.hang(thumbnail)
        return self.hang(file)

    def preview(self, account: Owner, picture_id: str, number: int, size: tuple[int, int]) -> File:
        """An unfinished picture: `-part-<N>` in its path is the mark (media §6.6)."""
        path = _path(account, f"{picture_id}-part-{number}", "image.jpg")
        file = File(picture_id, account, path, "image/jpeg", *size, self._world.now(), picture_id)
        file.is_listed = False
        return self.hang(file)

    def sharpened(self, film: File, size: tuple[int, int]) -> File:
        """The upscaled copy of a film."""
        path = f"{film.path.rpartition('/')[0]}/generated_video_hd.mp4"
        file = File(film.id, film.account, path, "video/mp4", *size, self._world.now(), film.seed)
        file.seconds, file.is_listed = film.seconds, False
        return self.hang(file)

    def hang(self, file: File) -> File:
        """Put a file where its path says."""
        self.files[file.path] = file
        return file

    def publish(self, file: File, path: str) -> None:
        """Let everybody fetch the file at `path` of the public host."""
        self.public[path] = file

    def find(self, path: str) -> File | None:
        """What is at `path` of the assets host now; `users/<uid>/<id>/content` names any file (§6.6)."""
        file = self.files.get(path) or self._by_content(path)
        return file if file and file.there_from <= self._world.monotonic() else None

    def find_public(self, path: str) -> File | None:
        """What everybody finds at `path` now."""
        file = self.public.get(path)
        return file if file and file.there_from <= self._world.monotonic() else None

    def by_id(self, account: Owner, asset_id: str) -> File | None:
        """The account's file with this id."""
        return next((file for file in self.of(account) if file.id == asset_id), None)

    def of(self, account: Owner) -> Iterator[File]:
        """What the account has made and not deleted, oldest first."""
        now = self._world.monotonic()
        for file in self.files.values():
            if file.account is account and file.is_listed and file.there_from <= now:
                yield file

    def delete(self, account: Owner, asset_id: str) -> bool:
        """Take the account's file away with all that belongs to it; whether there was one."""
        mine = [path for path, file in self.files.items() if file.account is account and file.id == asset_id]
        for path in mine:
            del self.files[path]
        if mine:
            self.deleted.append(asset_id)
        return bool(mine)

    def _by_content(self, path: str) -> File | None:
        parts = path.split("/")
        if (
            len(parts) != len(("users", "uid", "id", "content"))
            or parts[0] != "users"
            or parts[3] != "content"
        ):
            return None
        upload = self._world.uploads.get(parts[2])
        if upload and upload.account.user_id == parts[1]:
            return File(upload.id, upload.account, path, upload.type, 0, 0, upload.at, "", data=upload.data)
        found = (file for file in self.files.values() if file.is_listed and file.id == parts[2])
        return next((file for file in found if file.account.user_id == parts[1]), None)

    # ------------------------------------------------------------------------- posts and works

    def post(
        self, account: Owner, media_type: MediaType, prompt: str = "", media_path: str = ""
    ) -> MediaPost:
        """A new media post."""
        made = MediaPost(self._world.new_id(), account, media_type, prompt, media_path, self._world.now())
        self.posts[made.id] = made
        return made

    def post_of(self, account: Owner, post_id: str) -> MediaPost | None:
        """The account's post with this id."""
        found = self.posts.get(post_id)
        return found if found and found.account is account else None

    def film_of(self, account: Owner, film_id: str) -> Film | None:
        """The account's film with this id, of itself or of its post; of a parent post its newest one."""
        mine = [post.film for post in self.posts.values() if post.film and post.account is account]
        direct = [film for film in mine if film_id in {film.id, film.post.id}]
        children = [film for film in mine if film.parent and film.parent.id == film_id]
        found = direct or children
        return found[-1] if found else None

    def begin(self, work: Work) -> None:
        """Take an order on."""
        self.works[work.conversation_id] = work

    def is_ready(self, work: Work) -> bool:
        return work.ready_at <= self._world.monotonic()

    # --------------------------------------------------------------------------------- records

    def trail(self, *kinds: str) -> list[Step]:
        """The calls of pictures and films so far, in order; of the named kinds, if any are named.

        Kinds: handshake, upload, post, chat, poll, upscale, share, quota, list, delete, download, public.
        """
        steps = []
        for seen in self._world.received:
            kind = _kind(seen.method, seen.path)
            if not kind or (kinds and kind not in kinds):
                continue
            headers, cookies = seen.headers, seen.cookies
            token = seen.account.token if seen.account else ""
            agent, clearance = headers.get("User-Agent", ""), cookies.get("cf_clearance", "")
            steps.append(Step(kind, token, agent, clearance, seen.peer, seen.status, seen.path))
        return steps


def _path(account: Owner, file_id: str, name: str) -> str:
    return f"users/{account.user_id}/generated/{file_id}/{name}"


_KINDS = (
    ("/ws/imagine/listen", "handshake"),
    ("/ws/mgw/", "handshake"),
    ("/rest/app-chat/upload-file", "upload"),
    ("/http/upload-file-v2/direct", "upload"),
    ("/rest/media/post/create-link", "share"),
    ("/rest/media/post/create", "post"),
    ("/rest/media/video/upscale", "upscale"),
    ("/rest/media/imagine/quota_info", "quota"),
    ("/rest/app-chat/conversations/new", "chat"),
    ("/rest/app-chat/conversations/", "poll"),
    ("/rest/assets-metadata/", "delete"),
    ("/rest/assets", "list"),
    ("/users/", "download"),
    ("/imagine-public/", "public"),
)


def _kind(method: str, path: str) -> str:
    kind = next((kind for beginning, kind in _KINDS if path.startswith(beginning)), "")
    return "" if kind == "poll" and method != "GET" else kind


def _available(count: int) -> Json:
    return {"available": True, "remainingQueries": count, "windowSizeSeconds": _WINDOW_S}


def _again_at(state: Json | None) -> float | None:
    told = state.get("nextAvailableAt") if state else None
    return datetime.fromisoformat(told).timestamp() if isinstance(told, str) else None
