"""Everything around chat: quotas, identity, credits, terms, uploads, page, signer, solver."""

import base64
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from grokdesk.sim import Account, Credits, Simulator, World, text
from grokdesk.sim.grpc_web import credits_message
from tests.sim.caller import GRPC, HINTS, Caller, body, current, older, page, session_headers, tokens
from tests.sim.conftest import Clock

JSON_HEADERS = {"Content-Type": "application/json"}
OK = bytes.fromhex("0000000000800000000f677270632d7374617475733a300d0a")


async def test_quota_goes_down_refuses_and_comes_back(caller: Caller, world: World, clock: Clock) -> None:
    """
    A turn costs one; at nothing left the answer is 429 code 8; after the window all is there again.
    """
    bob = world.add("tok-bob")
    bob.quota["fast"].remaining = 1
    bob.next(text("one"), text("two"))

    answers = [await caller.chat(bob.token) for _ in range(2)]
    _, limits = await caller.post("/rest/rate-limits", current(bob.token), {"modelName": "fast"})
    clock.now += 86400
    later = await caller.chat(bob.token)

    assert [status for status, _ in answers] == [200, 429]
    assert answers[1][1] == b'{"code":8,"message":"Too many requests","details":[]}'
    assert limits == {
        "windowSizeSeconds": 86400,
        "remainingQueries": 0,
        "totalQueries": 30,
        "lowEffortRateLimits": None,
        "highEffortRateLimits": None,
    }
    assert tokens(later[1]) == "two"
    assert bob.quota["fast"].remaining == 29


@pytest.mark.parametrize(
    ("tier", "totals"),
    [
        ("basic", {"auto": 20, "fast": 30, "expert": 0, "heavy": 0}),
        ("super", {"auto": 50, "fast": 140, "expert": 50, "heavy": 0}),
        ("heavy", {"auto": 150, "fast": 400, "expert": 150, "heavy": 20}),
    ],
)
async def test_totals_tell_the_tier(caller: Caller, world: World, tier: str, totals: dict[str, int]) -> None:
    """
    The totals of §16.2 and §16.3; a mode the tier lacks has none.
    """
    account = world.add("tok-x", tier)  # type: ignore[arg-type]  # parametrised over the literal

    told = {
        mode: (await caller.post("/rest/rate-limits", older(account.token), {"modelName": mode}))[1][
            "totalQueries"
        ]
        for mode in totals
    }

    assert told == totals
    assert world.violations == []


async def test_a_mode_above_the_tier_is_refused(caller: Caller, world: World) -> None:
    """
    A basic account is told its quota of auto and may not use it.
    """
    bob = world.add("tok-bob")

    rest, _ = await caller.chat(bob.token, mode="auto")
    async with caller.gateway(bob) as turn:
        await turn.open("heavy")
        await turn.say()
        events = await turn.rest()

    assert rest == 403
    assert events[-1]["error"]["code"] == 7


@pytest.mark.parametrize("shape", ["session", "user", "flat"])
async def test_identity(caller: Caller, ada: Account, world: World, shape: str) -> None:
    """
    The session tells user id and address in one of its shapes.
    """
    ada.session_shape = shape  # type: ignore[assignment]  # parametrised over the literal

    status, told = await caller.get("/api/auth/session", session_headers(ada.token))

    assert status == 200
    assert ada.user_id in str(told)
    assert ada.email in str(told)
    assert world.violations == []


@pytest.mark.parametrize(("state", "other_calls"), [("blocked", 403), ("unauthenticated", 401)])
async def test_accounts_that_are_gone(caller: Caller, ada: Account, state: str, other_calls: int) -> None:
    """
    The session names the state, every other call refuses.
    """
    ada.status = state  # type: ignore[assignment]  # parametrised over the literal

    session, told = await caller.get("/api/auth/session", session_headers(ada.token))
    chat, _ = await caller.chat(ada.token)
    limits, _ = await caller.post("/rest/rate-limits", older(ada.token), {"modelName": "fast"})

    assert (session, told["status"]) == (200, state)
    assert (chat, limits) == (other_calls, other_calls)


async def test_an_unknown_token_is_401(caller: Caller, world: World) -> None:
    """
    Nobody's token is nobody's session, and no violation.
    """
    status, told = await caller.post("/rest/rate-limits", older("tok-nobody"), {"modelName": "fast"})

    assert (status, told["error"]["code"]) == (401, "bad-credentials")
    assert world.violations == []


@pytest.mark.parametrize(
    ("used", "products", "paid", "hexed"),
    [
        (
            37.5,
            {4: 30.0, 5: 7.5, 2: 0.0},
            True,
            (
                "00000000370a350d00001642220b08808fe9d7061080e59a772a0b0880848ed8061080e59a773a070804150000f041"
                "3a070805150000f0403a020802800000000f677270632d7374617475733a300d0a"
            ),
        ),
        (
            0.0,
            {},
            True,
            (
                "000000001c0a1a220b08808fe9d7061080e59a772a0b0880848ed8061080e59a77"
                "800000000f677270632d7374617475733a300d0a"
            ),
        ),
        (
            0.0,
            {},
            False,
            "00000000120a10220608808fe9d7062a060880848ed806800000000f677270632d7374617475733a300d0a",
        ),
    ],
)
def test_credits_on_the_wire(used: float, products: dict[int, float], hexed: str, *, paid: bool) -> None:
    """
    The three examples of §16.5, byte for byte.
    """
    start, end = datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)

    encoded = credits_message(used_percent=used, start=start, end=end, products=products, paid=paid)

    assert encoded.hex() == hexed


async def test_credits(caller: Caller, ada: Account, world: World) -> None:
    """
    The pool of the account, as gRPC-web, and a gRPC status when there is none.
    """
    path = "/grok_api_v2.GrokBuildBilling/GetGrokCreditsConfig"
    headers = current(ada.token, statsig=False, request_id=False, more=GRPC)
    ada.credits = Credits(datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))

    _, pool = await caller.post(path, headers, bytes(5))
    ada.credits = None
    status, none = await caller.post(path, headers, bytes(5))

    assert pool.startswith(bytes.fromhex("000000001c0a1a22"))
    assert status == 200
    assert b"grpc-status:5" in none
    assert world.violations == []


async def test_grpc_errors_may_come_as_trailers(caller: Caller, ada: Account, world: World) -> None:
    """
    A dead session is a 401, or a 200 with status 16.
    """
    ada.status = "unauthenticated"
    path = "/grok_api_v2.GrokBuildBilling/GetGrokCreditsConfig"
    headers = current(ada.token, statsig=False, request_id=False, more=GRPC)

    plain, _ = await caller.post(path, headers, bytes(5))
    world.grpc_errors = "trailers"
    status, told = await caller.post(path, headers, bytes(5))

    assert (plain, status) == (401, 200)
    assert b"grpc-status:16" in told


async def test_imagine_quota(caller: Caller, ada: Account, world: World) -> None:
    """
    All five members are there.
    """
    _, told = await caller.post("/rest/media/imagine/quota_info", current(ada.token, referer="/imagine"), {})

    assert told.keys() == {"image", "imageEdit", "imagePro", "video", "video720p"}
    assert world.violations == []


async def test_terms_birth_date_and_switch(caller: Caller, ada: Account, world: World) -> None:
    """
    What §18 sets is set; a birth date only once.
    """
    accounts = current(
        ada.token,
        GRPC | {"Origin": "https://accounts.x.ai", "Referer": "https://accounts.x.ai/accept-tos"},
        statsig=False,
    )
    terms = "/auth_mgmt.AuthManagement/SetTosAcceptedVersion"
    switch = "/auth_mgmt.AuthManagement/UpdateUserFeatureControls"
    on = bytes.fromhex("00000000200a021001121a0a18") + b"always_show_nsfw_content"
    grpc = {name: value for name, value in GRPC.items() if name != "x-user-agent"}
    born = {"birthDate": "1998-03-14T16:00:00.000Z"}
    birth = "/rest/auth/set-birth-date"

    told = [
        await caller.post(terms, accounts, bytes.fromhex("00000000021001")),
        await caller.post("/rest/auth/set-tos-accepted", current(ada.token, HINTS), {"tosVersion": 5}),
        await caller.post(birth, older(ada.token, referer="/?_s=data"), born),
        await caller.post(birth, current(ada.token), born),
        await caller.post(switch, current(ada.token, grpc), on),
        await caller.post(
            switch, older(ada.token, referer="/?_s=data", more=GRPC), on.replace(b"\x10\x01", b"\x10\x00")
        ),
    ]

    assert [status for status, _ in told] == [200, 200, 200, 429, 200, 200]
    assert told[0][1] == OK
    assert "birth-date-change-limit-reached" in told[3][1]["message"]
    assert (ada.accounts_terms, ada.tos_version, ada.birth_date, ada.nsfw) == (
        True,
        5,
        born["birthDate"],
        False,
    )
    assert world.violations == []


async def test_uploads_are_kept(caller: Caller, ada: Account, world: World) -> None:
    """
    Both upload calls hand out ids that chat accepts, and the bytes are there to look at.
    """
    data = b"\x89PNG\r\n\x1a\n\r\r\n\x00"
    sent = {"fileName": "a.png", "fileMimeType": "image/png", "content": base64.b64encode(data).decode()}
    _, first = await caller.post("/rest/app-chat/upload-file", older(ada.token), sent)
    form = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="b.png"\r\n'
        b"Content-Type: image/png\r\n\r\n"
    )
    headers = current(
        ada.token, statsig=False, request_id=False, more={"Content-Type": "multipart/form-data; boundary=x"}
    )
    _, second = await caller.post("/http/upload-file-v2/direct", headers, form + data + b"\r\n--x--\r\n")
    ids = (first["fileMetadataId"], second["fileMetadata"]["fileMetadataId"])

    status, _ = await caller.chat(ada.token, fileAttachments=list(ids))
    async with caller.gateway(ada) as turn:
        await turn.open()
        await turn.say(files=ids)
        events = await turn.rest()

    assert status == 200
    assert events[-1]["response"]["status"] == "completed"
    assert [(upload.name, upload.mime, upload.data, upload.form) for upload in world.uploads.values()] == [
        ("a.png", "image/png", data, "json"),
        ("b.png", "image/png", data, "multipart"),
    ]
    assert [turn.attachments for turn in world.turns] == [ids, ids]
    assert world.violations == []


async def test_assets_and_conversations_can_be_deleted(caller: Caller, ada: Account, world: World) -> None:
    """
    Once; the second time they are gone.
    """
    await caller.chat(ada.token)
    upload = world.keep(ada, "a.txt", "text/plain", b"a", "json")
    [conversation] = world.conversations
    _, listed = await caller.get("/rest/assets?limit=10", older(ada.token, referer="/files"))
    statuses = [
        (await caller.get(path, older(ada.token, referer=referer), "DELETE"))[0]
        for path, referer in (
            (f"/rest/assets-metadata/{upload.id}", "/files"),
            (f"/rest/app-chat/conversations/soft/{conversation}", "/"),
        )
        for _ in range(2)
    ]

    assert [asset["assetId"] for asset in listed["assets"]] == [upload.id]
    assert statuses == [200, 404, 200, 404]
    assert world.violations == []


@pytest.mark.parametrize(
    ("path", "sizes", "names"),
    [
        ("/rest/assets", [50, 50, 20], ("assets", "assetId")),
        ("/rest/app-chat/conversations", [60, 60], ("conversations", "conversationId")),
    ],
)
async def test_listings_come_in_pages(
    caller: Caller, ada: Account, world: World, path: str, sizes: list[int], names: tuple[str, str]
) -> None:
    """
    Each names the next one until the last; nobody sees what others keep.
    """
    bob = world.add("tok-bob")
    members, name = names
    for _ in range(120):
        world.keep(ada, "a.txt", "text/plain", b"a", "json")
        world.converse(ada, temporary=False)
    world.keep(bob, "b.txt", "text/plain", b"b", "json")
    world.converse(bob, temporary=False)
    world.converse(ada, temporary=True)

    pages: list[list[str]] = []
    token = ""
    while not pages or token:
        query = f"?pageToken={quote(token)}" if token else ""
        headers = older(ada.token, referer="/files" if "assets" in path else "/")
        _, told = await caller.get(f"{path}{query}", headers)
        pages.append([one[name] for one in told[members]])
        token = told["nextPageToken"]

    assert [len(one) for one in pages] == sizes
    assert len({one for page_ in pages for one in page_}) == 120
    assert world.violations == []


async def test_files_may_be_told_under_other_names(caller: Caller, ada: Account, world: World) -> None:
    """
    Both forms of media §6.3.
    """
    ada.assets_shape = "items"
    upload = world.keep(ada, "a.txt", "text/plain", b"abc", "json")

    _, listed = await caller.get("/rest/assets", older(ada.token, referer="/files"))

    assert [(one["id"], one["fileName"], one["size"]) for one in listed["items"]] == [(upload.id, "a.txt", 3)]


async def test_an_unknown_query_of_a_listing_is_a_violation(
    caller: Caller, ada: Account, world: World
) -> None:
    """
    Also a value that cannot be.
    """
    headers = [older(ada.token, referer="/files") for _ in range(2)]

    unknown, _ = await caller.get("/rest/assets?page=2", headers[0])
    impossible, _ = await caller.get("/rest/assets?pageSize=0", headers[1])

    assert (unknown, impossible) == (400, 400)
    assert len(world.violations) == 2


async def test_a_grpc_refusal_may_come_in_headers(caller: Caller, ada: Account, world: World) -> None:
    """
    A 200 whose status is told there, without a body (§18.4).
    """
    ada.status = "unauthenticated"
    world.grpc_errors = "headers"
    path = "/grok_api_v2.GrokBuildBilling/GetGrokCreditsConfig"

    status, told = await caller.post(
        path, current(ada.token, statsig=False, request_id=False, more=GRPC), bytes(5)
    )

    assert (status, told) == (200, b"")


async def test_page_signer_and_signature(caller: Caller, ada: Account, world: World) -> None:
    """
    The page has the meta content, the signer wants exactly it, and the value works for its path only.
    """
    _, html = await caller.get("/index", page(ada.token))
    content = html.split(b'content="')[1].split(b'"')[0].decode()
    question = {"method": "POST", "path": "/rest/rate-limits", "environment": {"metaContent": content}}

    _, signed = await caller.post("/sign", JSON_HEADERS, question)
    value = signed["x-statsig-id"]
    headers = current(ada.token, {"x-statsig-id": value})
    good, _ = await caller.post("/rest/rate-limits", headers, {"modelName": "fast"})
    bad, _ = await caller.post(
        "/rest/app-chat/conversations/new", older(ada.token, {"x-statsig-id": value}), body()
    )
    wrong, _ = await caller.post("/sign", JSON_HEADERS, {**question, "path": "/x?y=1"})

    assert len(base64.b64decode(value + "==")) == 70
    assert (good, bad, wrong) == (200, 400, 400)
    assert "was signed for POST /rest/rate-limits" in world.violations[0]


async def test_the_index_may_be_gone(caller: Caller, ada: Account, world: World) -> None:
    """
    Then only the front page has the tag.
    """
    world.index_gone = True

    gone, _ = await caller.get("/index", page(ada.token))
    status, html = await caller.get("/", page(ada.token))

    assert (gone, status) == (404, 200)
    assert b"grok-site-verification" in html


async def test_a_signer_sees_no_cookies(caller: Caller, world: World) -> None:
    """
    Sending them is a violation.
    """
    question = {"method": "POST", "path": "/a", "environment": {"metaContent": world.meta_content}}

    status, _ = await caller.post("/sign", JSON_HEADERS | {"Cookie": "sso=x"}, question)

    assert status == 400
    assert "cookies" in world.violations[0]


async def test_the_solver_may_fail(caller: Caller, world: World) -> None:
    """
    A question it does not understand, and a challenge it cannot solve.
    """
    question = {"cmd": "request.get", "url": "https://grok.com", "maxTimeout": 60000}
    world.solver.status = "error"

    _, failed = await caller.post("/v1", JSON_HEADERS, question)
    _, strange = await caller.post("/v1", JSON_HEADERS, {"cmd": "request.post"})

    assert failed["status"] == strange["status"] == "error"
    assert world.violations


async def test_unknown_paths(caller: Caller, ada: Account, world: World) -> None:
    """
    404 in JSON, and a note.
    """
    status, told = await caller.post("/rest/nowhere", older(ada.token), {})

    assert (status, told["code"]) == (404, 5)
    assert world.violations == ["POST /rest/nowhere: nobody knows this call"]


async def test_what_was_received_is_written_down(caller: Caller, ada: Account, sim: Simulator) -> None:
    """
    Path, account, body and the status it was answered with, in order.
    """
    await caller.post("/rest/rate-limits", older(ada.token), {"modelName": "fast"})
    await caller.chat("tok-nobody")

    first, second = sim.received
    assert (first.path, first.account, first.json, first.status) == (
        "/rest/rate-limits",
        ada,
        {"modelName": "fast"},
        200,
    )
    assert (second.account, second.status) == (None, 401)


async def test_the_older_form_may_be_gone(caller: Caller, ada: Account, world: World) -> None:
    """
    Then its path is nobody's.
    """
    world.rest = False

    status, _ = await caller.chat(ada.token)

    assert status == 404
    assert world.turns == []
