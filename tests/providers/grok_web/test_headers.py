"""What a call says about itself."""

from __future__ import annotations

from base64 import b64decode, b64encode
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.egress import DEFAULT_USER_AGENT
from grokdesk.providers.grok_web.protocol import headers
from grokdesk.providers.grok_web.protocol.headers import Call
from tests.providers.grok_web.transcripts import words

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:135.0) Gecko/20100101 Firefox/"
EDGE = f"{WINDOWS}Chrome/146.0.0.0 Safari/537.36 Edg/"
STATSIG = "WpT1D3qBIy6BLCFUk80gW4qasqvb/EvyQBNYUSuVEFVXxFRIMhLdZoAaX5H6dEtZQMpE7lyGfAbdxMDiKvKEhzrn3+J2WQ"
UUID = "7b0c1f8e-2f6a-4a39-9a51-5d0d3c9b1e77"
AVAILABLE = words(
    """
    chrome99 chrome120 chrome124 chrome131 chrome133a chrome136 chrome142 chrome146 chrome150
    chrome99_android chrome131_android edge99 edge101 safari153 safari155 safari170 safari172_ios
    safari180 safari180_ios safari184 safari184_ios safari260 safari260_ios safari2601 firefox133
    firefox135 firefox144 firefox147 tor145 safari15_3
    """
)


def test_the_boundary_of_an_upload_stands_in_its_content_type() -> None:
    """
    Without it the parts of the body cannot be told apart.
    """
    found = headers.rest_headers(
        call=Call.UPLOAD,
        token="t",
        user_agent=DEFAULT_USER_AGENT,
        cf_cookies="",
        request_id=UUID,
        statsig="",
        origin="https://grok.com",
        boundary="----b",
    )

    assert dict(found)["Content-Type"] == "multipart/form-data; boundary=----b"


def built(call: Call, statsig: str = STATSIG) -> dict[str, str]:
    found = headers.rest_headers(
        call=call,
        token="token-1",
        user_agent=DEFAULT_USER_AGENT,
        cf_cookies="cf_clearance=abc; other=1",
        request_id=UUID,
        statsig=statsig,
        origin="https://grok.com",
    )
    names = [name for name, _ in found]
    assert len(names) == len(set(names))
    return dict(found)


GRPC = "application/grpc-web+proto"
QUIET = {"Cache-Control", "Pragma"}
# call: referer, content type, statsig, hints, request id, origin, only there (§4.1, §4.2)
TABLE = {
    Call.CHAT: ("/", "application/json", True, True, True, True, {"Baggage"}),
    Call.RATE_LIMITS: ("/", "application/json", True, False, True, True, {"Cache-Control", "Pragma"}),
    Call.SESSION: ("/", "", False, True, False, False, {"Cache-Control", "Pragma"}),
    Call.CREDITS: (
        "/",
        "application/grpc-web+proto",
        False,
        False,
        False,
        True,
        {"Cache-Control", "Pragma", "x-grpc-web", "x-user-agent"},
    ),
    Call.UPLOAD: ("/", "multipart/form-data", False, False, False, True, {"Cache-Control", "Pragma"}),
    Call.UPLOAD_OLDER: ("/", "application/json", True, True, True, True, {"Baggage"}),
    Call.IMAGINE_QUOTA: (
        "/imagine",
        "application/json",
        True,
        False,
        True,
        True,
        {"Cache-Control", "Pragma"},
    ),
    Call.PRODUCT_TERMS: ("/", "application/json", True, True, True, True, QUIET),
    Call.BIRTH_DATE: ("/", "application/json", True, False, True, True, QUIET),
    Call.FEATURES: ("/", GRPC, True, False, True, True, QUIET | {"x-grpc-web"}),
    Call.ASSETS: ("/files", "application/json", True, True, True, True, {"Baggage"}),
    Call.DELETE_ASSET: ("/files", "application/json", True, True, True, True, {"Baggage"}),
    Call.CONVERSATIONS: ("/", "", True, False, True, False, QUIET),
    Call.DELETE_CONVERSATION: ("/", "", True, False, True, True, QUIET),
    # grok-web-media.md §1.3 and the chapters of the calls.
    Call.IMAGINE: ("/", "", False, False, True, True, QUIET),
    Call.GENERATE: ("/imagine", "application/json", True, False, True, True, QUIET),
    Call.MEDIA_UPLOAD: ("/imagine", "multipart/form-data", False, False, False, True, QUIET),
    Call.MEDIA_POST: ("/imagine", "application/json", True, False, True, True, QUIET),
    Call.RESPONSES: ("/imagine", "", True, False, True, False, QUIET),
    Call.UPSCALE: ("", "application/json", True, False, True, True, QUIET),
    Call.SHARE: ("", "application/json", True, False, True, True, QUIET),
    Call.VOICE: ("/", "application/json", True, False, True, True, QUIET),
}
EVERYWHERE = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8",
    "Priority": "u=1, i",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
    "User-Agent": DEFAULT_USER_AGENT,
    "Cookie": "sso=token-1; sso-rw=token-1; cf_clearance=abc",
}
HINTS = {
    "Sec-Ch-Ua": '"Google Chrome";v="146", "Chromium";v="146", "Not(A:Brand";v="24"',
    "Sec-Ch-Ua-Mobile": "?0",
    "Sec-Ch-Ua-Model": "",
    "Sec-Ch-Ua-Platform": '"macOS"',
    "Sec-Ch-Ua-Arch": "x86",
    "Sec-Ch-Ua-Bitness": "64",
}


@pytest.mark.parametrize("call", TABLE)
def test_each_call_has_exactly_its_headers(call: Call) -> None:
    """
    The tables of §4.1 and §4.2, member by member; nothing that traces is sent.
    """
    referer, content_type, statsig, hints, request_id, origin, more = TABLE[call]

    found = built(call)

    expected = EVERYWHERE | {"Referer": f"https://grok.com{referer}"} | (HINTS if hints else {})
    expected |= {"Content-Type": content_type} if content_type else {}
    expected |= {"x-statsig-id": STATSIG} if statsig else {}
    expected |= {"x-xai-request-id": UUID} if request_id else {}
    expected |= {"Origin": "https://grok.com"} if origin else {}
    assert {name: found[name] for name in expected} == expected
    assert set(found) - set(expected) == more


def test_a_file_is_fetched_with_cookies_only_where_it_has_an_owner() -> None:
    """
    The light headers of the newer form (§6.5); a public place learns nothing of the account.
    """

    def asked(token: str) -> dict[str, str]:
        return dict(
            headers.download_headers(
                token=token, user_agent=DEFAULT_USER_AGENT, cf_cookies="cf_clearance=abc", request_id=UUID
            )
        )

    assert asked("token-1")["Cookie"] == "sso=token-1; sso-rw=token-1; cf_clearance=abc"
    assert set(asked("")) == {
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "User-Agent",
        "x-xai-request-id",
    }


def test_the_terms_of_the_account_are_accepted_on_another_host() -> None:
    """
    Without a cookie of grok.com's Cloudflare, a fingerprint, or what belongs to fetches of grok.com (§4.2).
    """
    assert built(Call.ACCOUNT_TERMS) == {
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate, br, zstd",
        "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8",
        "Content-Type": GRPC,
        "Origin": "https://grok.com",
        "Referer": "https://grok.com/accept-tos",
        "User-Agent": DEFAULT_USER_AGENT,
        "x-xai-request-id": UUID,
        "x-grpc-web": "1",
        "x-user-agent": "connect-es/2.1.1",
        "Cookie": "sso=token-1; sso-rw=token-1",
    }


def test_no_call_is_without_its_row() -> None:
    """
    Every call has been looked up in the documents.
    """
    assert set(TABLE) | {Call.ACCOUNT_TERMS} == set(Call)


@pytest.mark.parametrize("call", Call)
def test_what_is_signed_carries_a_fingerprint(call: Call) -> None:
    """
    So that no signer is asked for one that is not sent.
    """
    assert headers.is_signed(call) is ("x-statsig-id" in built(call))


def test_a_fingerprint_that_could_not_be_made_is_left_out() -> None:
    """
    Never an invented one.
    """
    assert "x-statsig-id" not in built(Call.RATE_LIMITS, statsig="")


def test_the_handshake_says_who_the_user_is() -> None:
    """
    The gateway wants the user id in a cookie, at the end, and no fingerprint.
    """
    found = headers.handshake_headers(
        token="t", user_agent="UA", cf_cookies="__cf_bm=x", user_id=UUID, origin="https://grok.com"
    )

    assert found == [
        ("Origin", "https://grok.com"),
        ("User-Agent", "UA"),
        ("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8"),
        ("Cache-Control", "no-cache"),
        ("Pragma", "no-cache"),
        ("Cookie", f"sso=t; sso-rw=t; __cf_bm=x; x-userid={UUID}"),
    ]


def test_a_page_is_opened_like_a_navigation() -> None:
    """
    The page that feeds a signer is asked for with the account's cookies, as a browser does.
    """
    found = dict(headers.page_headers(token="t", user_agent="UA", cf_cookies=""))

    assert found["Sec-Fetch-Mode"] == "navigate"
    assert found["Upgrade-Insecure-Requests"] == "1"
    assert found["Accept"].startswith("text/html")
    assert found["Cookie"] == "sso=t; sso-rw=t"


# --- values and cookies ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u2013b\u2014c\u2212d\u2010e", "a-b-c-d-e"),
        ("\u2018a\u2019 \u201cb\u201d", "'a' \"b\""),
        ("\ufeff a\u00a0b\u200b ", "a b"),
        ("a\u4e2d\u00e9\U0001f311", "a\u00e9"),
        ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
    ],
)
def test_header_values_lose_what_cannot_be_sent(text: str, expected: str) -> None:
    """
    Typographic look-alikes are replaced; line breaks and foreign characters go.
    """
    assert headers.clean_value(text) == expected


@given(st.text(max_size=40), st.text(max_size=80), st.text(max_size=10))
def test_no_cookie_breaks_out_of_its_header(token: str, cf_cookies: str, user_id: str) -> None:
    """
    Whatever was pasted, the header is one line of Latin-1.
    """
    cookie = headers.cookie_header(token, cf_cookies, user_id)

    assert cookie.encode("latin-1")
    assert not any(ord(char) < 32 or ord(char) == 127 for char in cookie)


@pytest.mark.parametrize("token", ["abc", " sso=abc ", "SSO=abc; other=1", "a\u200bb\r\nc"])
def test_a_token_is_sent_twice_and_clean(token: str) -> None:
    """
    Whatever was copied along with it is cut.
    """
    assert headers.cookie_header(token, "") == "sso=abc; sso-rw=abc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (
            "cf_clearance=a; __cf_bm=b; _cfuvid=c; cf_chl_rc_i=d",
            "cf_clearance=a; __cf_bm=b; _cfuvid=c; cf_chl_rc_i=d",
        ),
        ("Cookie: sso=secret; CF_Clearance=a=b==; i18nextLng=en", "CF_Clearance=a=b=="),
        ("cf_clearance=a; cf_clearance=b", "cf_clearance=a"),
        ("cf_clearance=; cf_clearance", ""),
        ("cf_clearance=a\r\n__cf_bm=b", "cf_clearance=a; __cf_bm=b"),
        ("cf_chl_a=" + "x" * 16_384 + "; __cf_bm=b", "__cf_bm=b"),
    ],
)
def test_only_the_cookies_of_cloudflare_are_sent(text: str, expected: str) -> None:
    """
    Each once, within 16 KiB; a token among them is dropped.
    """
    assert headers.clean_cloudflare_cookies(text) == expected


# --- fingerprint ---


def test_imitations_look_like_the_two_script_errors() -> None:
    """
    About half of each, every one different.
    """
    rng = Random(7)

    texts = [b64decode(headers.imitation_statsig(rng), validate=True).decode() for _ in range(200)]

    nulls = [text for text in texts if text.startswith("e:TypeError: Cannot read properties of null")]
    assert 70 < len(nulls) < 130
    assert len(set(texts)) == 200
    assert all(len(text) in {len(nulls[0]), 68 - 5} or "undefined" in text for text in texts)


def test_an_imitation_is_written_like_the_example() -> None:
    """
    §5.1 gives one, for the five characters a1b2c.
    """
    text = "e:TypeError: Cannot read properties of null (reading 'children['a1b2c']')"

    assert b64encode(text.encode()).decode() == (
        "ZTpUeXBlRXJyb3I6IENhbm5vdCByZWFkIHByb3BlcnRpZXMgb2YgbnVsbCAocmVhZGluZyAnY2hpbGRyZW5bJ2ExYjJjJ10nKQ=="
    )


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        (STATSIG, True),
        (f"{STATSIG}==", True),
        (f"{STATSIG}=", False),
        (STATSIG[:-1], False),
        (f"{STATSIG}AA", False),
        (STATSIG.replace("/", "_"), False),
        (f"{STATSIG}\n", False),
        ("", False),
    ],
)
def test_a_signed_value_has_seventy_bytes(value: str, valid: bool) -> None:
    """
    In the standard alphabet, with or without padding.
    """
    assert headers.valid_signed(value) is valid


# --- browser ---


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        (DEFAULT_USER_AGENT, ('"Google Chrome";v="146"', "?0", '"macOS"', "x86")),
        (f"{EDGE}145.0.0.0", ('"Microsoft Edge";v="145"', "?0", '"Windows"', "x86")),
        (
            f"{ANDROID}Chrome/131.0.0.0 Mobile Safari/537.36",
            ('"Google Chrome";v="131"', "?1", '"Android"', ""),
        ),
        ("Mozilla/5.0 (X11; Linux aarch64) Chromium/142.0", ('"Chromium";v="142"', "?0", '"Linux"', "arm")),
        ("Chrome/142 (Intel)", ('"Google Chrome";v="142"', "?0", "", "x86")),
        # As documented, an iPhone names itself "like Mac OS X" and is taken for a mobile macOS.
        (f"{IPHONE}CriOS/140.0 Mobile/15E148 Safari/604.1", ('"Google Chrome";v="140"', "?1", '"macOS"', "")),
        ("X iPad CriOS/140", ('"Google Chrome";v="140"', "?1", '"iOS"', "")),
    ],
)
def test_client_hints_follow_the_user_agent(user_agent: str, expected: tuple[str, str, str, str]) -> None:
    """
    Brand, version, mobile, platform and architecture as §6.2 has them.
    """
    brand, mobile, platform, arch = expected

    hints = dict(headers.client_hints(user_agent))

    assert hints["Sec-Ch-Ua"].startswith(f"{brand}, ")
    assert hints["Sec-Ch-Ua-Mobile"] == mobile
    assert hints.get("Sec-Ch-Ua-Platform", "") == platform
    assert hints.get("Sec-Ch-Ua-Arch", "") == arch
    assert hints.get("Sec-Ch-Ua-Bitness", "") == ("64" if arch else "")


@pytest.mark.parametrize(
    "user_agent", [f"{FIREFOX}135.0", f"{MAC}Version/18.4 Safari/605.1.15", "", "curl/8"]
)
def test_other_browsers_send_no_hints(user_agent: str) -> None:
    """
    Client hints are Chromium's.
    """
    assert headers.client_hints(user_agent) == []


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        (DEFAULT_USER_AGENT, "chrome146"),
        (f"{WINDOWS}Chrome/133.0.0.0 Safari/537.36", "chrome133a"),
        (f"{WINDOWS}Chrome/148.0.0.0 Safari/537.36", "chrome150"),
        (f"{WINDOWS}Chrome/90.0.0.0 Safari/537.36", "chrome99"),
        (f"{ANDROID}Chrome/146.0.0.0 Mobile Safari/537.36", "chrome131_android"),
        (f"{EDGE}101.0.0.0", "edge101"),
        (f"{EDGE}146.0.0.0", "chrome146"),
        (f"{FIREFOX}140.0", "firefox144"),
        (f"{FIREFOX}136.0", "firefox135"),
        (f"{ANDROID.replace('Linux; ', '')}Firefox/144.0", "firefox144"),
        (f"{MAC}Version/17.0 Safari/605.1.15", "safari170"),
        (f"{MAC}Version/26.0.1 Safari/605.1.15", "safari2601"),
        (f"{MAC}Version/26.0 Safari/605.1.15", "safari260"),
        (f"{IPHONE}Version/18.4 Mobile/15E148 Safari/604.1", "safari184_ios"),
        (f"{IPHONE}Version/26.1 Mobile/15E148 Safari/604.1", "safari260_ios"),
        (f"{IPHONE}CriOS/131.0 Mobile/15E148 Safari/604.1", "chrome131"),
        ("curl/8", "chrome146"),
    ],
)
def test_the_handshake_is_that_of_the_browser(user_agent: str, expected: str) -> None:
    """
    Family and platform first, then the nearest version, the newest on a tie.
    """
    assert headers.impersonation(user_agent, AVAILABLE) == expected


@pytest.mark.parametrize(
    ("available", "expected"),
    [(["chrome120", "safari_ios"], "chrome120"), ([], "chrome"), (["tor145"], "chrome")],
)
def test_a_family_that_is_missing_falls_back_to_chrome(available: list[str], expected: str) -> None:
    """
    There is always an answer.
    """
    assert headers.impersonation(f"{FIREFOX}135.0", available) == expected
