"""Accounts in whatever owners paste and other programs write."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grokdesk.core.accounts import Status, Tier, TierSource
from grokdesk.core.secret import Secret
from grokdesk.engine.old_database import MAGIC
from grokdesk.engine.reading import MOST_ENTRIES, NewAccount, Problem, Reading, Repeated, read_accounts
from grokdesk.platform import sealed_file

A = "eyJ0eXAiOiJKV1QifQ.eyJzZXNzaW9uIjoiYSJ9.sig-a_A"
B = "eyJ0eXAiOiJKV1QifQ.eyJzZXNzaW9uIjoiYiJ9.sig-b_B"


def tokens(data: bytes | str) -> list[str]:
    """Return the tokens in a text nobody complained about."""
    reading = read_accounts(data)
    assert reading.problems == ()
    return [account.token.reveal() for account in reading.found]


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
    assert [one for one in reading.entries if isinstance(one, Repeated)] == [
        Repeated("line 2", "line 1", str(Secret(A))),
        Repeated("line 4", "line 1", str(Secret(A))),
    ]


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
        NewAccount(token=Secret(B), tier=Tier.SUPER, tags=("nsfw",)),
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


# --- cookie files -------------------------------------------------------------------------------------------

HEADER = "# Netscape HTTP Cookie File"


def cookie(name: str, value: str, domain: str = ".grok.com", *, http_only: bool = True) -> str:
    """A line of a `cookies.txt`."""
    start = "#HttpOnly_" if http_only else ""
    return f"{start}{domain}\tTRUE\t/\tTRUE\t1890000000\t{name}\t{value}"


def brought(reading: Reading) -> list[tuple[str, str]]:
    """Tokens and Cloudflare cookies of what was read."""
    return [(one.token.reveal(), one.cookies.reveal()) for one in reading.found]


def test_a_cookie_file_gives_one_account_and_its_cloudflare_cookies() -> None:
    """
    `sso` and `sso-rw` of both domains are one sign-in; other sites and other hosts' clearances do not count.
    """
    text = "\n".join(
        (
            HEADER,
            "# https://curl.se/docs/http-cookies.html",
            "",
            cookie("sso", B, ".notx.ai"),
            cookie("theme", "dark", http_only=False),
            cookie("sso", A, ".x.ai"),
            cookie("cf_clearance", "other", "accounts.x.ai"),
            cookie("sso", A),
            cookie("sso-rw", A),
            cookie("cf_clearance", "pass-1"),
            cookie("session", "", "example.org"),
        )
    )

    reading = read_accounts(text)

    assert brought(reading) == [(A, "cf_clearance=pass-1")]
    assert (reading.problems, reading.duplicates) == ((), 0)


def test_several_cookie_files_in_one_are_several_accounts() -> None:
    """
    A cookie that comes again with another value belongs to the next browser.
    """
    text = "\n".join(
        (
            HEADER,
            cookie("cf_clearance", "one"),
            cookie("sso", A),
            HEADER,
            cookie("cf_clearance", "two"),
            cookie("sso", B),
        )
    )

    assert brought(read_accounts(text)) == [(A, "cf_clearance=one"), (B, "cf_clearance=two")]


@pytest.mark.parametrize(
    "text",
    [
        cookie("sso-rw", A),
        cookie("sso", A).replace("\t", "    "),
        cookie("sso", A, "grok.com", http_only=False) + "\n" + cookie("sso-rw", B),
    ],
)
def test_a_sign_in_is_found_in_a_cookie_file_as_it_comes(text: str) -> None:
    """
    With tabs or the spaces of a chat; `sso-rw` stands in where there is no `sso`.
    """
    assert brought(read_accounts(text)) == [(A, "")]


def test_a_cookie_file_without_grok_is_named() -> None:
    """
    Not every line of it.
    """
    text = "\n".join((HEADER, cookie("sid", "abc", "example.org"), cookie("sso", A, "grok.com.evil.org")))

    assert read_accounts(text).problems == (
        Problem("the file", "these cookies hold no sign-in of Grok (sso of grok.com or x.ai)"),
    )


JAR: list[dict[str, Any]] = [
    {
        "name": "sso",
        "value": A,
        "domain": ".grok.com",
        "path": "/",
        "httpOnly": True,
        "expirationDate": 1.9e9,
    },
    {"name": "cf_clearance", "value": "pass", "domain": ".grok.com", "path": "/"},
    {"name": "sso", "value": "x" * 30, "domain": ".example.org", "path": "/"},
]
OTHER_JAR = [{"name": "sso", "value": B, "domain": "accounts.x.ai", "path": "/"}]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (JAR, [(A, "cf_clearance=pass")]),
        ({"cookies": JAR}, [(A, "cf_clearance=pass")]),
        (
            {"cookies": JAR, "origins": [{"origin": "https://grok.com", "localStorage": []}]},
            [(A, "cf_clearance=pass")],
        ),
        ([{"cookies": JAR, "origins": []}, {"cookies": OTHER_JAR}], [(A, "cf_clearance=pass"), (B, "")]),
        (JAR + OTHER_JAR, [(A, "cf_clearance=pass"), (B, "cf_clearance=pass")]),
        ({"name": "sso", "value": f'"{A}"', "url": "https://grok.com/"}, [(A, "")]),
        ([{"name": "sso", "value": A, "host": "grok.com"}, B], [(A, ""), (B, "")]),
    ],
)
def test_cookies_as_json_are_read(value: object, found: list[tuple[str, str]]) -> None:
    """
    As extensions of browsers export them, and as Playwright keeps the state of one or several browsers.
    """
    reading = read_accounts(json.dumps(value))

    assert (brought(reading), reading.problems) == (found, ())


def test_json_cookies_without_grok_are_named() -> None:
    """
    Each state on its own.
    """
    value = [{"cookies": JAR}, {"cookies": [JAR[2]]}, {"cookies": []}]

    assert [(one.where, one.why) for one in read_accounts(json.dumps(value)).problems] == [
        ("entry 2", "these cookies hold no sign-in of Grok (sso of grok.com or x.ai)"),
        ("entry 3", "it holds no cookies"),
    ]


COOKIES = f"i18nextLng=en; sso={A}; sso-rw={A}; cf_clearance=pass.1-x"


@pytest.mark.parametrize(
    "command",
    [
        f"curl 'https://grok.com/rest' \\\n  -H 'accept: */*' \\\n  -b '{COOKIES}' \\\n  --data-raw '{{}}'",
        f"curl 'https://grok.com/' -H 'accept: */*' -H 'Cookie: {COOKIES}' --compressed",
        f'curl "https://grok.com/" ^\n  -H "accept: */*" ^\n  -H "cookie: {COOKIES}" ^\n  --data-raw "x"',
        f'curl ^"https://grok.com/^" ^\n  -b ^"{COOKIES}^" ^\n  -H ^"a: b^"',
        f"$ curl https://grok.com/ --cookie $'{COOKIES}'",
        f"curl 'https://grok.com/'\n  -H 'accept: */*'\n  -b '{COOKIES}'",
    ],
)
def test_a_copied_curl_command_is_read(command: str) -> None:
    """
    As the developer tools write it for a Unix shell and for that of Windows; what follows is read too.
    """
    reading = read_accounts(f"# copied\n{command}\n\n{B}\n")

    assert (brought(reading), reading.problems) == ([(A, "cf_clearance=pass.1-x"), (B, "")], ())


def test_a_curl_command_without_sign_in_is_named() -> None:
    """
    The line where it begins, and whether it had cookies at all.
    """
    text = f"{B}\ncurl 'https://grok.com' \\\n -H 'a: b'\ncurl 'https://grok.com' -b 'theme=dark'\n"

    assert read_accounts(text).problems == (
        Problem("line 2", "this command sends no cookies"),
        Problem("line 4", "the cookies of this command hold no sign-in of Grok (sso)"),
    )


MAIL = "a@example.org"

# --- tables -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f'token,name,email,tier,tags,note\n{A},"Anna, work",{MAIL},super,"vip; red","two\nlines"\n',
        f'Name;SSO;Pool;Tags;Note;E-Mail;Email\nAnna, work;{A};ssoSuper;vip,red;"two\nlines";;{MAIL}\n',
        f'\ufeffname\tsso_token\ttier\ttags\tnote\temail\nAnna, work\t{A}\tSUPER\tvip，red\t"two\nlines"\t'
        + MAIL,
        f'#\n\n"label","cookie","tier","tags","note"\n"Anna, work","sso={A}","super","vip|red","two\nlines"',
    ],
)
def test_a_table_is_read_by_its_first_line(text: str) -> None:
    """
    Commas, semicolons or tabs, quotes, columns in any order and some that mean nothing here.
    """
    reading = read_accounts(text)

    assert reading.problems == ()
    assert reading.found == (
        NewAccount(
            token=Secret(A),
            label="Anna, work",
            email=MAIL if MAIL in text else "",
            tier=Tier.SUPER,
            tags=("vip", "red"),
            note="two\nlines",
        ),
    )


def test_a_table_of_a_chinese_excel_is_read() -> None:
    """
    It is in GBK, and nobody says so.
    """
    assert read_accounts(f"name,token\r\n主力账号,{A}\r\n".encode("gbk")).found[0].label == "主力账号"


def test_rows_that_cannot_be_used_are_named_by_their_line() -> None:
    """
    Also behind rows of several lines.
    """
    text = f'token,note\n{A},"one\ntwo"\n,nothing\n\n{B},x\nno token here,\n'

    reading = read_accounts(text)

    assert [one.token.reveal() for one in reading.found] == [A, B]
    assert reading.problems == (
        Problem("line 4", "it has no token"),
        Problem("line 7", "a token has no spaces"),
    )


def test_a_table_without_tokens_is_named_once() -> None:
    """
    Not every row of it.
    """
    assert read_accounts("name,email\nAnna,a@example.org\n").problems == (
        Problem("line 1", "the table has no column token, sso, sso_token or cookie"),
    )


# --- what other programs know more --------------------------------------------------------------------------


def test_steps_done_in_grok2api_3_are_taken_over() -> None:
    """
    Times as RFC 3339, in seconds or in milliseconds; terms that have been renewed since do not count.
    """
    entries = [
        {
            "sso_token": A,
            "nsfw_enabled_at": "2026-01-02T03:04:05Z",
            "tos_accepted_at": "2026-01-02T03:04:05.5+00:00",
            "tos_version": 5,
            "birth_date_set_at": 1_767_323_045_000,
        },
        {
            "sso_token": B,
            "tos_accepted_at": 1_767_323_045,
            "tos_version": 4,
            "nsfw_enabled_at": "0001-01-01T00:00:00Z",
        },
    ]

    first, second = read_accounts(json.dumps({"accounts": entries})).found

    assert (first.adult_at, first.terms_at, first.birth_date_at) == (
        1_767_323_045,
        1_767_323_045.5,
        1_767_323_045,
    )
    assert (second.adult_at, second.terms_at, second.birth_date_at) == (None, None, None)


@pytest.mark.parametrize(
    "when", [float("inf"), float("nan"), -5, 10**30, True, "yesterday", [], {}, "9" * 30, 0]
)
def test_a_time_that_is_none_costs_only_itself(when: object) -> None:
    """
    The account comes without it.
    """
    assert read_accounts(json.dumps([{"token": A, "created_at": when}])).found == (NewAccount(Secret(A)),)


def test_what_pools_a_file_names_is_known() -> None:
    """
    Replacing concerns only those that hold something; every other form speaks for all accounts.
    """
    assert read_accounts(json.dumps({"ssoBasic": [A], "auto": [B], "super": []})).scope == frozenset(
        {Tier.BASIC, Tier.UNKNOWN}
    )
    assert read_accounts(json.dumps({"accounts": [A]})).scope is None
    assert read_accounts(A).scope is None


def test_tags_and_a_tier_can_be_said_for_all() -> None:
    """
    Tags are added, a tier is set.
    """
    reading = read_accounts(json.dumps({"super": [{"token": A, "tags": ["old"]}], "basic": ["no token", B]}))

    marked = reading.marked(["new", " old "], Tier.HEAVY)

    assert [(one.tags, one.tier) for one in marked.found] == [
        (("old", "new"), Tier.HEAVY),
        (("new", "old"), Tier.HEAVY),
    ]
    assert marked.problems == reading.problems
    assert reading.marked() is reading


# --- the database of grok2api 2.0.4 -------------------------------------------------------------------------


def old_database(
    folder: Path, *rows: Mapping[str, object], journal: str = "WAL", table: str = "accounts"
) -> bytes:
    """An `accounts.db` as spec/accounts.md §11 has it."""
    path = folder / "accounts.db"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute(
        f"CREATE TABLE {table} (token TEXT PRIMARY KEY, pool TEXT, status TEXT, created_at INTEGER, "
        "updated_at INTEGER, tags TEXT, quota_fast TEXT, usage_use_count INTEGER, usage_fail_count INTEGER, "
        "last_use_at INTEGER, last_fail_at INTEGER, last_fail_reason TEXT, state_reason TEXT, "
        "deleted_at INTEGER, ext TEXT, revision INTEGER)"
    )
    for row in rows:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608 - our own names
    connection.commit()
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_the_database_of_grok2api_2_is_read(tmp_path: Path, journal: str) -> None:
    """
    With status, tags and counts; what was deleted there stays deleted.
    """
    data = old_database(
        tmp_path,
        {
            "token": A,
            "pool": "super",
            "status": "active",
            "created_at": 1_767_323_045_000,
            "tags": '["vip"]',
            "usage_use_count": 12,
            "usage_fail_count": 3,
            "last_use_at": 1_767_323_046_000,
            "last_fail_at": 1_767_323_047_000,
            "last_fail_reason": "rate_limited",
        },
        {"token": B, "pool": "basic", "status": "expired", "updated_at": 1_767_323_048_500, "tags": "[]"},
        {"token": "token-three", "pool": "basic", "status": "disabled", "tags": "not json"},
        {"token": "token-four", "pool": "basic", "status": "active", "deleted_at": 1},
        {"token": "token-five", "pool": "gold", "status": "active"},
        {"token": b"\xff\x00blob", "pool": "basic", "status": "cooling"},
        journal=journal,
    )

    reading = read_accounts(data)

    assert reading.found == (
        NewAccount(
            Secret(A),
            tier=Tier.SUPER,
            tags=("vip",),
            status=None,
            created_at=1_767_323_045,
            uses=12,
            failures=3,
            last_use_at=1_767_323_046,
            last_failure_at=1_767_323_047,
            last_failure="rate_limited",
        ),
        NewAccount(
            Secret(B),
            tier=Tier.BASIC,
            status=Status.EXPIRED,
            reason="Grok had ended this sign-in when it came from grok2api.",
            since=1_767_323_048.5,
        ),
        NewAccount(
            Secret("token-three"),
            tier=Tier.BASIC,
            status=Status.DISABLED,
            reason="It was switched off in grok2api.",
        ),
    )
    assert reading.problems == (
        Problem("row 4", "its tier is not one of auto, basic, super and heavy"),
        Problem("row 5", "it has no token"),
    )


def test_another_database_is_not_taken_for_accounts(tmp_path: Path) -> None:
    """
    Nor is a view that pretends to be the table.
    """
    other = old_database(tmp_path, table="people")
    (tmp_path / "accounts.db").unlink()
    path = tmp_path / "view.db"
    with sqlite3.connect(path) as view:
        view.execute("CREATE VIEW accounts AS SELECT 1 AS token, 2 AS pool, NULL AS deleted_at")
    view.close()

    for data in (other, path.read_bytes()):
        assert read_accounts(data).problems == (
            Problem("the file", "this is a database, but not the accounts.db of grok2api 2"),
        )


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    """
    Wherever it was cut or overwritten.
    """
    whole = old_database(
        tmp_path, *({"token": f"token-{number:04}" + "x" * 200, "pool": "basic"} for number in range(99))
    )

    for broken in (
        MAGIC,
        whole[:50],
        whole[:5000],
        whole[: len(whole) // 2],
        whole[:100] + b"\xff" * (len(whole) - 100),
    ):
        assert read_accounts(broken).problems[-1].why == "the database is damaged"


def test_a_sealed_backup_is_recognised() -> None:
    """
    It is not taken for tokens; the owner learns what it is.
    """
    (problem,) = read_accounts(sealed_file.MAGIC + b"\0" * 200).problems

    assert "restore it instead" in problem.why


# --- any text -----------------------------------------------------------------------------------------------

NAMES = (
    "token",
    "basic",
    "accounts",
    "tier",
    "",
    "cookies",
    "name",
    "value",
    "domain",
    "tags",
    "created_at",
    "note",
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("sso") | st.just(A),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=12,
)
pieces = st.sampled_from(
    [
        "sso=",
        "sso-rw=",
        A,
        ";",
        " ",
        "\t",
        "\n",
        '"',
        "'",
        ",",
        "token",
        "name",
        "TRUE",
        "/",
        "0",
        "curl ",
        "-b ",
        ".grok.com",
        "#HttpOnly_",
        "\\\n",
        "^",
        "{",
        "[",
        "}",
        "]",
        "\0",
        "\ud800",
        "\u202e",
        "，",
        "cookie:",
    ]
)


@given(
    data=st.text()
    | st.text(alphabet=st.characters(categories=("Cs", "Cc", "L", "P")))
    | st.binary()
    | st.binary().map(lambda rest: MAGIC + rest)
    | json_values.map(json.dumps)
    | st.lists(pieces, max_size=30).map("".join)
)
@example(data="[" * 100_000)
@example(data="9" * 5_000)
@example(data="[" + "9" * 5_000 + "]")
@example(data='{"accounts": [{"token": "abcdefgh", "uses": 1e400, "tags": [1, null, {}], "since": -0.0}]}')
@example(data="token\n" + '"' * 200_001)
@example(data="token,note\n" + "x" * 300_000)
def test_any_text_gives_a_reading(data: str | bytes) -> None:
    """
    Whatever somebody pastes, the answer is accounts and problems, in texts that can be stored and shown.
    """
    reading = read_accounts(data)

    for account in reading.found:
        texts = (
            account.label,
            account.note,
            account.email,
            account.user_id,
            account.last_failure,
            *account.tags,
        )
        assert all("\0" not in text and text.encode() == text.encode("utf-8", "replace") for text in texts)
        assert account.cookies.reveal().isascii()
        assert account.token.reveal().isascii()
        assert len(account.token.reveal()) >= 8
        assert account.tier_source is TierSource.GUESSED or account.tier is not None
    for problem in reading.problems:
        assert problem.where.encode()
        assert problem.why


@given(
    cut=st.integers(min_value=16),
    flips=st.lists(st.tuples(st.integers(min_value=0), st.integers(0, 255)), max_size=5),
)
def test_any_database_gives_a_reading(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flips: list[tuple[int, int]]
) -> None:
    """
    However it was cut and changed.
    """
    if not WHOLE:
        WHOLE.append(
            old_database(
                tmp_path_factory.mktemp("old"),
                *({"token": f"token-{one:08}", "pool": "basic"} for one in range(200)),
            )
        )
    data = bytearray(WHOLE[0][: 16 + cut % len(WHOLE[0])])
    for place, value in flips:
        if len(data) > 16:
            data[16 + place % (len(data) - 16)] = value

    read_accounts(bytes(data))


WHOLE: list[bytes] = []


def test_no_problem_shows_a_token() -> None:
    """
    Names of members and lines may; what stands there may be a secret.
    """
    secret = "geheim" * 5 + "!"
    texts = [
        secret,
        json.dumps([secret]),
        json.dumps({"basic": [secret, {"token": secret}]}),
        f"token,name\n{secret},x",
    ]

    for text in texts:
        assert not any("geheim" in problem.where + problem.why for problem in read_accounts(text).problems)
