"""Accounts in and out of text."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.accounts import Account, AccountId, Tier
from grokdesk.core.secret import Secret
from grokdesk.engine.import_export import (
    MOST_ENTRIES,
    NewAccount,
    Problem,
    export_json,
    export_lines,
    read_accounts,
)

A = "eyJ0eXAiOiJKV1QifQ.eyJzZXNzaW9uIjoiYSJ9.sig-a_A"
B = "eyJ0eXAiOiJKV1QifQ.eyJzZXNzaW9uIjoiYiJ9.sig-b_B"


def tokens(data: bytes | str) -> list[str]:
    """Return the tokens in a text nobody complained about."""
    reading = read_accounts(data)
    assert reading.problems == ()
    return [account.token.reveal() for account in reading.found]


def stored(token: str, tier: Tier = Tier.UNKNOWN) -> Account:
    return Account(id=AccountId(token), token=Secret(token), tier=tier)


# --- lines --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        A,
        f"  {A}\t",
        f"sso={A}",
        f"SSO={A}",
        f"sso=sso={A}",
        f"sso={A};",
        f"sso={A}; Path=/; Secure",
        f"{A}; cf_clearance=x",
        f"Cookie: theme=dark; sso-rw={B}; sso={A}",
        f'"{A}",',
        A.replace("-", "\u2013"),
        f"\u200b{A[:5]}\u200d{A[5:]}\ufeff",
        f"\u00a0{A}\u3000",
    ],
)
def test_a_token_is_found_however_it_was_copied(line: str) -> None:
    """
    Cookie names, quotes, typographic dashes and invisible characters come from web pages and chats.
    """
    assert tokens(line) == [A]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_of_any_editor_can_be_read(end: str, encoding: str) -> None:
    """
    Comments and empty lines do not count.
    """
    text = end.join(["# 我的账号", "", A, "   ", B, ""])

    assert tokens(text.encode(encoding)) == [A, B]


def test_a_pasted_cookie_string_gives_token_and_cloudflare_cookies() -> None:
    """
    Cloudflare's cookies belong to the token they were copied with; the others are nobody's business.
    """
    reading = read_accounts(f"theme=dark; sso={A}; sso-rw={A}; cf_clearance=c.l-e=1; __cf_bm=b; x-y=z")

    assert reading.found == (NewAccount(token=Secret(A), cookies=Secret("cf_clearance=c.l-e=1; __cf_bm=b")),)


def test_the_same_token_twice_is_one_account() -> None:
    """
    Written with and without its name it is still the same.
    """
    reading = read_accounts(f"{A}\nsso={A}\n{B}\n{A}\n")

    assert ([account.token.reveal() for account in reading.found], reading.duplicates) == ([A, B], 2)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("hello world, this is a note", "a token has no spaces"),
        ("short", "it is too short for a token"),
        ("这是一个账号的说明", "a token has only Latin letters, digits and a few signs"),
        ("me@example.org", "this is not a token: it has characters that a token cannot have"),
        ("cf_clearance=abcdefgh", "this is not a token: it has characters that a token cannot have"),
        ("sso=", "there is no token"),
        ("x" * 16_385, "it is too long for a token"),
        ('abcdefgh"; DROP TABLE', "this is not a token: it has characters that a token cannot have"),
    ],
)
def test_a_line_that_is_no_token_is_named_and_the_rest_is_read(line: str, why: str) -> None:
    """
    The owner learns which line and why; the line itself, which may be a secret, is not repeated.
    """
    reading = read_accounts(f"{A}\n\n{line}\n{B}\n")

    assert reading.problems == (Problem("line 3", why),)
    assert [account.token.reveal() for account in reading.found] == [A, B]


def test_an_endless_file_is_read_up_to_a_limit() -> None:
    """
    What is beyond is named, not silently left out.
    """
    reading = read_accounts("".join(f"token-number-{number}\n" for number in range(MOST_ENTRIES + 5)))

    assert len(reading.found) == MOST_ENTRIES
    assert reading.problems == (Problem("line 50001", "only the first 50,000 entries are read"),)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", b"", b"\xef\xbb\xbf"])
def test_nothing_is_found_in_nothing(text: str | bytes) -> None:
    """
    An empty paste is no error.
    """
    assert read_accounts(text) == read_accounts("")
    assert read_accounts(text).found == ()


# --- JSON ---------------------------------------------------------------------------------------------------


def test_pools_of_grok2api_2_are_read() -> None:
    """
    The pool tells the tier; `auto` leaves it open.
    """
    data = {
        "ssoBasic": [A],
        "super": [{"token": f"sso={B}", "tags": ["nsfw"]}],
        "auto": ["token-three"],
        "heavy": [],
    }

    reading = read_accounts(json.dumps(data))

    assert reading.problems == ()
    assert reading.found == (
        NewAccount(token=Secret(A), tier=Tier.BASIC),
        NewAccount(token=Secret(B), tier=Tier.SUPER),
        NewAccount(token=Secret("token-three")),
    )


ENTRIES = [
    {
        "name": "工作 account",
        "email": "a@example.org",
        "user_id": "u-1",
        "sso_token": A,
        "tier": "heavy",
        "cloudflare_cookies": "cf_clearance=abc; theme=dark",
    },
    {"token": B, "tier": "auto"},
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"provider": "grok_web", "accounts": ENTRIES}),
        json.dumps(ENTRIES, indent=1),
        "\ufeff  " + json.dumps(ENTRIES, ensure_ascii=False),
        "\n".join(json.dumps(entry) for entry in ENTRIES),
        "\r\n\r\n".join(json.dumps(entry) for entry in ENTRIES) + "\r\n",
    ],
)
def test_accounts_of_grok2api_3_are_read(text: str) -> None:
    """
    As a document, a bare list, or one object a line.
    """
    reading = read_accounts(text)

    assert reading.problems == ()
    assert reading.found == (
        NewAccount(
            token=Secret(A),
            label="工作 account",
            email="a@example.org",
            user_id="u-1",
            tier=Tier.HEAVY,
            cookies=Secret("cf_clearance=abc"),
        ),
        NewAccount(token=Secret(B)),
    )


def test_wrong_entries_are_named_and_the_rest_is_read() -> None:
    """
    One bad entry does not cost the others, unlike in the programs these files come from.
    """
    entries: list[object] = [
        A,
        {"name": "no token"},
        5,
        {"token": "token-four", "tier": "gold"},
        {"token": B},
    ]

    reading = read_accounts(json.dumps(entries))

    assert [account.token.reveal() for account in reading.found] == [A, B]
    assert reading.problems == (
        Problem("entry 2", "it has no token"),
        Problem("entry 3", "it is neither a token nor an object with one"),
        Problem("entry 4", "its tier is not one of auto, basic, super and heavy"),
    )


def test_a_pool_nobody_knows_is_named() -> None:
    """
    A settings file opened by mistake does not become accounts.
    """
    reading = read_accounts(json.dumps({"basic": [A, 7], "hosts": ["some-host-name"], "port": 5}))

    assert [account.token.reveal() for account in reading.found] == [A]
    assert reading.problems == (
        Problem("pool 'basic', entry 2", "it is neither a token nor an object with one"),
        Problem("pool 'hosts'", "this is not a pool: basic, super, heavy or auto"),
        Problem("'port'", "it is not a list of accounts"),
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"basic": ["token-one",\n "token-two"\n', "line 3"),
        ('{"token": "token-one"}\n{"token": \n{"token": "token-two"}', "line 2"),
        ("[" * 200_000, "the file"),
    ],
)
def test_broken_json_is_named(text: str, where: str) -> None:
    """
    With the line where it breaks, if there is one.
    """
    assert [problem.where for problem in read_accounts(text).problems] == [where]


# --- any text -----------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["token", "basic", "accounts", "tier", ""]), inner)
    ),
    max_leaves=8,
)


@given(data=st.text() | st.binary() | json_values.map(json.dumps) | st.text(alphabet="sso=;cf_ \"'{}[]:,\n"))
def test_any_text_gives_a_reading(data: str | bytes) -> None:
    """
    Whatever somebody pastes, the answer is accounts and problems, in texts that can be stored and shown.
    """
    reading = read_accounts(data)

    for account in reading.found:
        text = (
            account.token.reveal()
            + account.label
            + account.email
            + account.user_id
            + account.cookies.reveal()
        )
        assert text.encode()
        assert len(account.token.reveal()) >= 8
    for problem in reading.problems:
        assert problem.where.encode()
        assert problem.why


@given(
    names=st.lists(st.from_regex(r"[A-Za-z0-9._~+/%-]{8,40}={0,2}", fullmatch=True), unique=True, max_size=6),
    tier=st.sampled_from(Tier),
)
def test_reading_an_export_gives_the_same_tokens(names: list[str], tier: Tier) -> None:
    """
    What was exported can be brought to another computer, as lines and as JSON.
    """
    accounts = [stored(name, tier) for name in names]

    assert tokens(export_lines(accounts)) == names
    assert tokens(export_json(accounts)) == names
    assert all(
        account.tier == (None if tier is Tier.UNKNOWN else tier)
        for account in read_accounts(export_json(accounts)).found
    )


def test_the_export_is_what_grok2api_2_imports() -> None:
    """
    Pools of objects with a token and tags, indented by two.
    """
    accounts = [stored(A, Tier.SUPER), stored(B), replace(stored("x"), token=Secret(""))]

    assert json.loads(export_json(accounts)) == {
        "super": [{"token": A, "tags": []}],
        "auto": [{"token": B, "tags": []}],
    }
    assert export_json(accounts).startswith('{\n  "super"')
    assert export_lines(accounts) == f"{A}\n{B}\n"
