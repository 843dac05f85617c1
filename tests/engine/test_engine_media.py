"""Pictures and films through the engine: kept by the account that made them, counted on its quota."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from grokdesk.core.accounts import Account, AccountId, MediaQuota, Product, Status, Tier
from grokdesk.core.conversation import ChatRequest, ImageWishes, Limits, Message, Role, Text, VideoWishes
from grokdesk.core.egress import Egress
from grokdesk.core.errors import (
    Incomplete,
    InvalidRequest,
    MayBeMade,
    NoAccount,
    NothingMade,
    RateLimited,
    Undelivered,
    Unreachable,
    UpstreamError,
    Withdrawn,
)
from grokdesk.core.events import (
    Event,
    Finished,
    Made,
    Progressed,
    Started,
    Stop,
    Submitted,
    TextPiece,
    ThoughtPiece,
    Withheld,
)
from grokdesk.core.media import Artifact, Film, ImageRequest, Kept, Kind, Origin, Request, Trace, VideoRequest
from grokdesk.core.ports import Download, OpenDownload
from tests import make
from tests.engine.stage import Stage
from tests.engine.stage import stage as opened_stage

DRAW = "grok-imagine-image"
PICTURE = Made(Artifact(Kind.IMAGE, "https://assets/1.jpg"))


class Shelf:
    """A library that fetches, and remembers what it was given and by whom it was fetched."""

    def __init__(self) -> None:
        self.kept: list[tuple[Artifact, Origin]] = []
        self.fetched: list[tuple[str, str]] = []
        self.failure: UpstreamError | None = None

    async def keep(self, artifact: Artifact, origin: Origin, download: OpenDownload) -> Kept:
        async with download(artifact.url) as file:
            content = b"".join([part async for part in file.chunks])
        if self.failure is not None:
            raise self.failure
        self.kept.append((artifact, origin))
        return Kept(f"{len(self.kept):032x}", artifact.kind, "d" * 64, "image/jpeg", len(content), 0.0)

    async def read(self, kept: Kept) -> bytes:
        return b"content of " + kept.id.lstrip("0").encode()

    def download(self, url: str, account: Account, egress: Egress) -> AbstractAsyncContextManager[Download]:
        return self._file(url, account)

    @asynccontextmanager
    async def _file(self, url: str, account: Account) -> AsyncIterator[Download]:
        self.fetched.append((url, account.name))

        async def chunks() -> AsyncIterator[bytes]:
            yield b"jpeg"

        yield Download("image/jpeg", 4, chunks())


@asynccontextmanager
async def stage(*accounts: Account, library: Shelf, **settings: Any) -> AsyncIterator[Stage]:  # noqa: ANN401 - sections of the settings
    """An engine with these accounts and a library; in the end nothing of it is held any more."""
    made = await opened_stage(*accounts, library=library, **settings)
    yield made
    assert made.nothing_held()


async def told(made: Stage, request: Request, heard: list[Event] | None = None) -> list[Event]:
    """Everything that a request is told, also when it fails, if there is a list for it."""
    heard = [] if heard is None else heard
    async with made.engine.run(request, client="test") as run:
        async for batch in run:
            heard.extend(batch)
    return heard


def pictures(count: int) -> list[list[Event]]:
    """Upstream makes `count`."""
    return [[Made(Artifact(Kind.IMAGE, f"https://assets/{number}.jpg"), number) for number in range(count)]]


async def test_what_is_made_is_kept_by_the_account_that_made_it() -> None:
    """
    Before it is handed on, with the prompt and the request it came from.
    """
    shelf = Shelf()
    async with stage(make.account("a"), library=shelf) as made:
        made.provider.play("a", [Progressed(0.5)], *pictures(2), [Finished()])
        events = await told(made, ImageRequest(DRAW, "a boat", 2))

    files = [event.kept for event in events if isinstance(event, Made)]
    assert [file.id for file in files if file is not None] == [f"{1:032x}", f"{2:032x}"]
    assert shelf.fetched == [("https://assets/0.jpg", "a"), ("https://assets/1.jpg", "a")]
    origin = shelf.kept[0][1]
    assert (origin.prompt, origin.model, origin.account_name, origin.client) == ("a boat", DRAW, "a", "test")
    assert isinstance(events[-1], Finished)


async def test_a_picture_counts_on_the_quota_of_its_product() -> None:
    """
    Not on that of questions; it is asked again what is left.
    """
    quota = {Product.IMAGE_PRO: MediaQuota(available=True, remaining=3, window_s=86_400)}
    async with stage(replace(make.account("a"), media=quota), library=Shelf()) as made:
        made.provider.play("a", *pictures(1), [Finished()])
        before = made.account("a").windows
        await told(made, ImageRequest(DRAW, "a boat"))

        assert made.account("a").media[Product.IMAGE_PRO].remaining == 2
        assert made.account("a").windows == before


async def test_an_account_without_pictures_left_is_passed_over() -> None:
    """
    Another one makes them, whatever its own questions.
    """
    none = {Product.IMAGE_PRO: MediaQuota(available=False, remaining=0, window_s=60, reset_at=make.NOW + 60)}
    empty = replace(make.account("a", tier=Tier.SUPER), media=none)
    async with stage(empty, make.account("b"), library=Shelf()) as made:
        made.provider.play("b", *pictures(1), [Finished()])
        await told(made, ImageRequest(DRAW, "a boat"))

        assert [name for name, *_ in made.provider.asked] == ["b"]


async def test_a_limit_of_pictures_rests_pictures_only() -> None:
    """
    The next account is asked; the one that was refused still answers questions.
    """
    async with stage(make.account("a", tier=Tier.SUPER), make.account("b"), library=Shelf()) as made:
        made.provider.play("a", opening=[RateLimited("No more pictures.", retry_after=600)])
        made.provider.play("b", *pictures(1), [Finished()])
        await told(made, ImageRequest(DRAW, "a boat"))

        limited = made.account("a")
        assert [name for name, *_ in made.provider.asked] == ["a", "b"]
        assert limited.free_at(Product.IMAGE_PRO) == make.NOW + 600
        assert limited.free_at(next(iter(limited.windows))) == 0


async def test_what_came_before_something_was_missing_is_handed_on() -> None:
    """
    Even when upstream told both at once.
    """
    shelf = Shelf()
    heard: list[Event] = []
    async with stage(make.account("a"), library=shelf) as made:
        made.provider.play("a", [PICTURE, Withheld(1), Finished()])
        with pytest.raises(Incomplete, match="1 of 2"):
            await told(made, ImageRequest(DRAW, "a boat", 2), heard)

        assert [type(event) for event in heard[1:]] == [Made, Withheld]
        assert made.account("a").uses == 1


async def test_a_picture_that_is_withheld_is_nobodys_fault() -> None:
    """
    It is its own failure, and the account stays as it is.
    """
    async with stage(make.account("a"), library=Shelf()) as made:
        made.provider.play("a", [Withheld(0), Finished()])
        with pytest.raises(Withdrawn):
            await told(made, ImageRequest(DRAW, "a boat"))

        assert made.account("a").faults == 0


async def test_a_job_that_ends_with_nothing_is_not_given_to_others() -> None:
    """
    It ran to its end, and may have been counted; the account is not to blame.
    """
    async with stage(make.account("a"), make.account("b"), library=Shelf()) as made:
        for name in ("a", "b"):
            made.provider.play(name, [Finished()])
        with pytest.raises(NothingMade):
            await told(made, ImageRequest(DRAW, "a boat"))

        assert len(made.provider.asked) == 1
        assert [made.account(name).faults for name in ("a", "b")] == [0, 0]


async def test_a_refusal_behind_the_name_of_a_job_leads_to_another_account() -> None:
    """
    A limit that is told in the stream says that nothing was made; of the other account all names are told.
    """
    trace = Trace(conversation_id="c-2")
    film = Made(Artifact(Kind.VIDEO, "https://assets/f.mp4"))
    async with stage(make.account("a", tier=Tier.SUPER), make.account("b"), library=Shelf()) as made:
        made.provider.play("a", [Submitted(Trace(conversation_id="c-1"))], RateLimited("No more films."))
        made.provider.play("b", [Submitted(trace)], [film, Finished()])
        events = await told(made, VideoRequest("grok-imagine-video", "waves"))

        assert made.names == ["a", "b"]
        assert [event for event in events if isinstance(event, Submitted)] == [Submitted(trace)]
        assert [type(event) for event in events] == [Started, Submitted, Made, Finished]


async def test_the_name_of_a_job_is_told_while_nothing_else_is_known() -> None:
    """
    As soon as upstream has been silent for longer than it takes to refuse.
    """
    gate = asyncio.Event()
    async with stage(make.account("a"), library=Shelf()) as made:
        made.provider.play("a", [Submitted(Trace(conversation_id="c-1"))], gate, [PICTURE, Finished()])
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: made.deadlines.after(0, lambda: made.clock.advance(8)))
        async with made.engine.run(VideoRequest("grok-imagine-video", "waves")) as run:
            batches = aiter(run)
            assert [type(event) for event in await anext(batches)] == [Started, Submitted]
            gate.set()
            assert [type(event) for batch in [await anext(batches)] for event in batch] == [Made]
            async for _ in batches:
                pass


@pytest.mark.parametrize(
    ("failure", "rests"),
    [
        (RateLimited("No more pictures.", retry_after=600), True),
        (Unreachable("The connection broke."), False),
    ],
)
async def test_a_failure_in_between_says_how_many_there_are(failure: UpstreamError, *, rests: bool) -> None:
    """
    And why there are no more; what that means for the account stands.
    """
    heard: list[Event] = []
    async with stage(make.account("a"), library=Shelf()) as made:
        made.provider.play("a", *pictures(2), failure)
        with pytest.raises(Incomplete, match=f"2 of 4 pictures were made: {failure.message}"):
            await told(made, ImageRequest(DRAW, "a boat", 4), heard)

        assert [type(event) for event in heard] == [Started, Made, Made]
        assert (made.account("a").free_at(Product.IMAGE_PRO) > make.NOW) is rests


async def test_one_file_that_cannot_be_had_does_not_take_the_others_with_it() -> None:
    """
    They are handed on and kept; the end says how many there are, and why not all.
    """

    class Torn(Shelf):
        async def keep(self, artifact: Artifact, origin: Origin, download: OpenDownload) -> Kept:
            if artifact.url.endswith("/1.jpg"):
                raise Undelivered("The file is gone.")
            return await super().keep(artifact, origin, download)

    shelf, heard = Torn(), list[Event]()
    async with stage(make.account("a"), library=shelf) as made:
        made.provider.play("a", *pictures(4), [Finished()])
        with pytest.raises(Incomplete, match="3 of 4 pictures were made: The file is gone"):
            await told(made, ImageRequest(DRAW, "a boat", 4), heard)

        assert [event.slot for event in heard if isinstance(event, Made)] == [0, 2, 3]
        assert made.account("a").uses == 1


async def test_what_may_have_been_made_is_not_asked_for_again() -> None:
    """
    Neither of the same account nor of another one.
    """
    async with stage(make.account("a"), make.account("b"), library=Shelf()) as made:
        for name in ("a", "b"):
            made.provider.play(name, opening=[MayBeMade(Unreachable("The connection broke."))])
        with pytest.raises(MayBeMade, match="not repeated"):
            await told(made, VideoRequest("grok-imagine-video", "waves"))

        assert len(made.provider.asked) == 1


async def test_a_film_is_continued_by_its_own_account_or_not_at_all() -> None:
    """
    Another one does not have it.
    """
    film = Film(Trace(account=AccountId("b")), 6, "waves")
    request = VideoRequest("grok-imagine-video", "more", continues=film)
    async with stage(make.account("a"), make.account("b"), library=Shelf()) as made:
        for name in ("a", "b"):
            made.provider.play(name, [Made(Artifact(Kind.VIDEO, "https://assets/f.mp4")), Finished()])
        await told(made, request)
        await made.pool.remove([AccountId("b")])

        assert [name for name, *_ in made.provider.asked] == ["b"]
        with pytest.raises(NoAccount, match="not here any more"):
            await told(made, request)


async def test_a_conversation_gets_pictures_as_text() -> None:
    """
    With what they are told of progress as thinking, and an address that opens here.
    """
    request = ChatRequest(DRAW, (Message(Role.USER, (Text("a boat"),)),))
    async with stage(make.account("a"), library=Shelf()) as made:
        made.provider.play("a", [Progressed(0.5)], *pictures(1), [Finished()])
        async with made.engine.run(request, link=lambda kept: f"http://desk{kept.path}") as run:
            events = [event async for batch in run for event in batch]

    assert [event.text for event in events if isinstance(event, TextPiece)] == [
        f"![image](http://desk/v1/files/image/{1:032x}.jpg)"
    ]
    assert any(isinstance(event, ThoughtPiece) for event in events)


async def test_a_client_may_want_the_picture_itself() -> None:
    """
    Whatever the settings say.
    """
    request = ChatRequest(DRAW, (Message(Role.USER, (Text("a boat"),)),), image=ImageWishes(form="b64_json"))
    async with stage(make.account("a"), library=Shelf()) as made:
        made.provider.play("a", *pictures(1), [Finished()])
        events = await told(made, request)

    assert [event.text for event in events if isinstance(event, TextPiece)] == [
        "![image](data:image/jpeg;base64,Y29udGVudCBvZiAx)"
    ]


async def test_a_picture_that_cannot_be_had_leaves_the_answer_of_a_conversation() -> None:
    """
    It is shown where upstream has it; a request for pictures fails instead.
    """
    shelf = Shelf()
    shelf.failure = Undelivered("The file is gone.")
    chat = ChatRequest("grok-4.20-fast", (Message(Role.USER, (Text("hi"),)),))
    async with stage(make.account("a"), library=shelf) as made:
        made.provider.play("a", [TextPiece("Look:")], [PICTURE], [Finished()])
        events = await told(made, chat)
        assert events[-2] == TextPiece("\n\n![image](https://assets/1.jpg)")

        made.provider.scripts.clear()
        made.provider.play("a", [PICTURE, Finished()])
        with pytest.raises(Undelivered):
            await told(made, ImageRequest(DRAW, "a boat"))


async def test_pictures_at_upstreams_address_are_not_fetched() -> None:
    """
    The owner wants Grok's own address in conversations: then there is nothing to keep.
    """
    shelf = Shelf()
    chat = ChatRequest("grok-4.20-fast", (Message(Role.USER, (Text("hi"),)),))
    async with stage(make.account("a"), library=shelf, media={"image_format": "grok_url"}) as made:
        made.provider.play("a", [PICTURE, Finished()])
        events = await told(made, chat)

    assert TextPiece("https://assets/1.jpg") in events
    assert shelf.fetched == []


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (VideoRequest("grok-imagine-video", "waves", 10), "super or heavy"),
        (ImageRequest("grok-imagine-image-edit", "x"), "none came"),
    ],
)
async def test_what_is_bound_to_fail_is_known_before_it_is_tried(request_: Request, says: str) -> None:
    """
    No account is asked for it.
    """
    async with stage(make.account("a"), library=Shelf()) as made:
        with pytest.raises(Exception, match=says):
            made.engine.check(request_)
        made.engine.check(VideoRequest("grok-imagine-video", "waves", 6))

        assert made.provider.asked == []


async def test_a_film_that_is_too_long_for_all_is_the_fault_of_its_length() -> None:
    """
    Also in a conversation, where the length stands elsewhere. It is no shortage that passes.
    """
    film = VideoRequest("grok-imagine-video", "waves", 10)
    words = (Message(Role.USER, (Text("waves"),)),)
    talk = ChatRequest("grok-imagine-video", words, video=VideoWishes(seconds=10))
    async with stage(make.account("a"), library=Shelf()) as made:
        for request, param in ((film, "seconds"), (talk, "video_config.seconds")):
            with pytest.raises(InvalidRequest, match="super or heavy") as caught:
                await told(made, request)
            assert caught.value.param == param

        assert made.provider.asked == []


async def test_a_paid_account_that_is_out_is_a_shortage() -> None:
    """
    There is one that may make such a film: it is not the film's fault that it cannot be asked now.
    """
    film = VideoRequest("grok-imagine-video", "waves", 10)
    paid = make.account("b", tier=Tier.SUPER, status=Status.EXPIRED, reason="out")
    async with stage(make.account("a"), paid, library=Shelf()) as made:
        with pytest.raises(NoAccount, match="signed out"):
            await told(made, film)


@pytest.mark.parametrize("limits", [Limits(max_tokens=3), Limits(stop=("image", "\n\n"))])
async def test_a_picture_in_an_answer_is_not_cut(limits: Limits) -> None:
    """
    Limits are for what is said: half a link, or half a picture in base64, is of no use to anybody.
    """
    chat = ChatRequest("grok-4.20-fast", (Message(Role.USER, (Text("draw"),)),), limits=limits)
    async with stage(make.account("a"), library=Shelf(), media={"image_format": "base64"}) as made:
        made.provider.play("a", [TextPiece("Here"), PICTURE, Finished()])
        events = await told(made, chat)

    text = "".join(event.text for event in events if isinstance(event, TextPiece))
    assert text.startswith("Here\n\n![image](data:image/")
    assert text.endswith(")")
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.stop is Stop.DONE
