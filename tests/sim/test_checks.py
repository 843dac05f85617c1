"""What the simulator finds fault with, and what it lets pass."""

import base64

import pytest

from grokdesk.sim import Account, World
from grokdesk.sim.checks import hints, statsig
from tests.sim.caller import AGENT, HINTS, IMITATION, Caller, body, current, older, session_headers

LIMITS = {"modelName": "fast"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"Cookie": "sso=tok-ada; sso-rw=other"}, "sso-rw differs"),
        ({"Cookie": "sso=tok-ada; sso-rw=tok-ada; grok_device_id=1"}, "cookie grok_device_id"),
        ({"Origin": "https://evil.example"}, "Origin is"),
        ({"Referer": "https://grok.com/imagine"}, "Referer is"),
        ({"x-statsig-id": ""}, "neither an imitation nor 70 bytes"),
        ({"x-statsig-id": "abcd"}, "neither an imitation nor 70 bytes"),
        ({"x-xai-request-id": "1"}, "no v4 UUID"),
        ({"traceparent": "00-1"}, "traceparent does not belong"),
        ({"Authorization": "Bearer x"}, "authorization does not belong"),
        ({"Sec-Fetch-Mode": "navigate"}, "sec-fetch-mode"),
        ({"Content-Type": "text/plain"}, "Content-Type"),
        ({"Sec-Ch-Ua": HINTS["Sec-Ch-Ua"].replace("136", "120")}, "Sec-Ch-Ua names versions"),
        ({"Sec-Ch-Ua-Platform": '"Windows"'}, "sec-ch-ua-platform"),
    ],
)
async def test_wrong_headers(
    caller: Caller, ada: Account, world: World, change: dict[str, str], complaint: str
) -> None:
    """
    A header that contradicts the document is named and, in a strict world, refused.
    """
    status, told = await caller.post("/rest/rate-limits", older(ada.token, change), LIMITS)

    assert status == 400
    assert complaint in told["message"]
    assert any(complaint in violation for violation in world.violations)


@pytest.mark.parametrize("name", ["x-statsig-id", "x-xai-request-id", "Accept-Language", "Sec-Ch-Ua"])
async def test_missing_headers(caller: Caller, ada: Account, world: World, name: str) -> None:
    """
    So is one that is missing from the older form.
    """
    headers = {key: value for key, value in older(ada.token).items() if key != name}
    headers.setdefault("Accept", "*/*")

    status, _ = await caller.post("/rest/rate-limits", headers, LIMITS)

    assert status == 400
    assert len(world.violations) == 1


async def test_both_forms_are_legal(caller: Caller, ada: Account, world: World) -> None:
    """
    The same call with the headers of either form.
    """
    statuses = [
        (await caller.post("/rest/rate-limits", headers(ada.token), LIMITS))[0]
        for headers in (older, current)
    ]

    assert statuses == [200, 200]
    assert world.violations == []


async def test_the_current_form_sends_hints_only_where_listed(
    caller: Caller, ada: Account, world: World
) -> None:
    """
    Hints on a quota call, and none on the session call, are both wrong.
    """
    surplus, _ = await caller.post("/rest/rate-limits", current(ada.token, HINTS), LIMITS)
    bare = {name: value for name, value in session_headers(ada.token).items() if name not in HINTS}
    missing, _ = await caller.get("/api/auth/session", bare)

    assert (surplus, missing) == (400, 400)
    assert ["hints" in violation for violation in world.violations] == [True, True]


async def test_request_ids_never_repeat(caller: Caller, ada: Account) -> None:
    """
    The second call with the same id is refused.
    """
    headers = older(ada.token)

    statuses = [(await caller.post("/rest/rate-limits", headers, LIMITS))[0] for _ in range(2)]

    assert statuses == [200, 400]


async def test_statsig_may_be_optional(caller: Caller, ada: Account, world: World) -> None:
    """
    A world that does not insist lets an unsigned call pass.
    """
    world.statsig = "optional"

    status, _ = await caller.post("/rest/rate-limits", current(ada.token, statsig=False), LIMITS)

    assert status == 200


async def test_a_lenient_world_only_takes_notes(caller: Caller, ada: Account, world: World) -> None:
    """
    The call succeeds and the violation is recorded with its request.
    """
    world.strict = False

    status, _ = await caller.post("/rest/rate-limits", older(ada.token, {"Priority": "u=4"}), LIMITS)

    assert status == 200
    assert caller.sim.received[0].violations == ["header priority is 'u=4', not 'u=1, i'"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"temporary": 1}, "body.temporary is int, not bool"),
        ({"imageGenerationCount": True}, "body.imageGenerationCount is bool, not int"),
        ({"mode": "turbo"}, "body.modeId"),
        ({"message": " "}, "body.message"),
        ({"isReasoning": False}, "body.isReasoning is not known"),
        ({"fileAttachments": ["f-1"]}, "was not uploaded"),
        ({"customPersonality": ""}, "body.customPersonality"),
    ],
)
async def test_wrong_bodies(
    caller: Caller, ada: Account, world: World, change: dict[str, object], complaint: str
) -> None:
    """
    The body of §7.1 has exactly these members with exactly these types.
    """
    status, _ = await caller.chat(ada.token, **change)

    assert status == 400
    assert complaint in world.violations[0]


async def test_a_missing_member_is_named(caller: Caller, ada: Account, world: World) -> None:
    """
    So is each member that is not there.
    """
    sent = body()
    del sent["sendFinalMetadata"]

    await caller.post("/rest/app-chat/conversations/new", older(ada.token), sent)

    assert world.violations == [
        "POST /rest/app-chat/conversations/new: body.sendFinalMetadata is missing",
    ]


def test_statsig_values() -> None:
    """
    The three imitations of §5.1 and anything of 70 bytes are fine, with or without padding.
    """
    dynamic = [
        b"e:TypeError: Cannot read properties of null (reading 'children['a1b2c']')",
        b"e:TypeError: Cannot read properties of undefined (reading 'abcdefghij')",
    ]
    signed = "WpT1D3qBIy6BLCFUk80gW4qasqvb/EvyQBNYUSuVEFVXxFRIMhLdZoAaX5H6dEtZQMpE7lyGfAbdxMDiKvKEhzrn3+J2WQ"

    good = [IMITATION, signed, signed + "==", *(base64.b64encode(value).decode() for value in dynamic)]
    bad = [IMITATION.rstrip("="), "!!", base64.b64encode(bytes(69)).decode()]

    assert [statsig(value) for value in good] == [None] * len(good)
    assert None not in [statsig(value) for value in bad]


@pytest.mark.parametrize(
    ("agent", "sent", "is_fine"),
    [
        (AGENT, HINTS, True),
        (AGENT, {}, True),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", HINTS, False),
        (AGENT.replace("136", "140"), HINTS, False),
        (AGENT + " Edg/138.0.0.0", {"Sec-Ch-Ua": '"Microsoft Edge";v="138", "Chromium";v="138"'}, True),
    ],
)
def test_hints_follow_the_user_agent(agent: str, sent: dict[str, str], *, is_fine: bool) -> None:
    """
    Hints are a function of the user agent (§6.2).
    """
    headers = {name.lower(): value for name, value in sent.items()} | {"user-agent": agent}

    assert (hints(headers) == []) == is_fine
