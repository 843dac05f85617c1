"""What an import would do, and accounts as text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.accounts import Account, AccountId, Mode, Status, Tier, TierSource
from grokdesk.core.secret import Secret
from grokdesk.engine.import_export import (
    Fate,
    Format,
    How,
    Plan,
    What,
    differences,
    exported,
    planned,
    seated,
    updated,
)
from grokdesk.engine.reading import Found, NewAccount, Problem, Reading, Repeated, read_accounts
from tests import make


def new(name: str, **more: Any) -> NewAccount:  # noqa: ANN401 - any field of it
    return NewAccount(make.token(name), **more)


def file(*accounts: NewAccount, **more: Any) -> Reading:  # noqa: ANN401 - any field of it
    """A file with these accounts, an entry each."""
    return Reading(tuple(Found(f"line {number}", one) for number, one in enumerate(accounts, 1)), **more)


def said(plan: Plan) -> list[str]:
    """What the plan says line by line."""
    return [f"{line.where or 'gone'}: {line.name}: {line.words}" for line in plan.lines]


def done(plan: Plan, accounts: Sequence[Account]) -> list[Account]:
    """The accounts after the plan was carried out."""
    changes = dict(plan.changes)
    kept = [one for one in accounts if one.id not in plan.gone]
    kept = [updated(one, changes[one.id], make.NOW) if one.id in changes else one for one in kept]
    return kept + [seated(one, AccountId(one.token.reveal()), make.NOW) for one in plan.new]


# --- planning -----------------------------------------------------------------------------------------------


def test_a_plan_says_what_becomes_of_every_line() -> None:
    """
    New, there already, doubled and not understood; in the order of the file.
    """
    reading = Reading(
        (
            Found("line 1", new("a", label="theirs")),
            Found("line 2", new("b", email="b@example.org")),
            Repeated("line 4", "line 2", "b@example.org"),
            Problem("line 5", "a token has no spaces"),
        )
    )

    plan = planned(reading, [make.account("a"), make.account("z")])

    assert said(plan) == [
        "line 1: a: already there",
        "line 2: b@example.org: new",
        "line 4: b@example.org: the same account as line 2",
        "line 5: : a token has no spaces",
    ]
    assert (plan.new, plan.changes, plan.gone) == ((new("b", email="b@example.org"),), (), ())
    assert plan.counts == {Fate.KNOWN: 1, Fate.NEW: 1, Fate.REPEATED: 1, Fate.UNREADABLE: 1}
    assert plan.changes_something
    assert not planned(Reading(), [make.account("a")]).changes_something


def test_an_update_says_what_it_changes() -> None:
    """
    Only what the file says and differs; tags come on top of those that are there.
    """
    here = make.account("a", label="mine", tags=("red",), email="A@example.org", note="old")
    found = new("a", label="Anna", tags=("red", "blue"), email="a@example.org", user_id="u-1", max_parallel=3)

    plan = planned(file(found), [here], How.UPDATE)

    assert said(plan) == ["line 1: mine: updated: name, user id, tags, requests at once"]
    (after,) = done(plan, [here])
    assert after == replace(here, label="Anna", tags=("red", "blue"), user_id="u-1", max_parallel=3)


def test_silence_erases_nothing() -> None:
    """
    A bare token says nothing about an account that is here, and neither does its status in another program.
    """
    here = make.account(
        "a", label="mine", note="x", tags=("y",), email="e", cookies=Secret("cf_bm=1"), uses=4
    )
    bare = new("a", status=Status.DISABLED, reason="off there", uses=9, created_at=1.0)

    assert planned(file(bare), [here], How.UPDATE).changes == ()
    assert updated(here, bare, make.NOW) == here


@pytest.mark.parametrize(
    ("here", "told", "after"),
    [
        (TierSource.UNKNOWN, TierSource.GUESSED, TierSource.GUESSED),
        (TierSource.GUESSED, TierSource.GUESSED, TierSource.GUESSED),
        (TierSource.GUESSED, TierSource.PROVEN, TierSource.PROVEN),
        (TierSource.PROVEN, TierSource.GUESSED, None),
        (TierSource.PROVEN, TierSource.PROVEN, None),
        (TierSource.PROVEN, TierSource.FIXED, TierSource.FIXED),
        (TierSource.FIXED, TierSource.GUESSED, None),
        (TierSource.FIXED, TierSource.FIXED, None),
    ],
)
def test_a_file_overrules_only_a_tier_that_is_less_certain(
    here: TierSource, told: TierSource, after: TierSource | None
) -> None:
    """
    What upstream has proven is not lost to a guess, and what the owner has fixed is not lost at all.
    """
    account = make.account("a", tier=Tier.BASIC, tier_source=here)

    found = updated(account, new("a", tier=Tier.SUPER, tier_source=told), make.NOW)

    assert (found.tier, found.tier_source) == ((Tier.BASIC, here) if after is None else (Tier.SUPER, after))
    assert (Mode.EXPERT in found.windows) is (after is not None)


@pytest.mark.parametrize(
    "found",
    [
        new("fresh", user_id="u-1"),
        new("fresh", email="ANNA@example.org"),
        new("fresh", user_id="u-1", email="x"),
    ],
)
def test_a_new_token_of_a_person_renews_their_account(found: NewAccount) -> None:
    """
    Known by user id or mail address: the record stays, and a signed out account works again.
    """
    here = make.account(
        "a", user_id="u-1", email="anna@example.org", status=Status.EXPIRED, reason="ended", faults=3, uses=8
    )

    offered = planned(file(found), [here])
    plan = planned(file(found), [here], How.UPDATE)

    assert said(offered) == [f"line 1: {found.name}: looks like a with a new token; use update to replace it"]
    assert not offered.changes_something
    assert plan.lines[0].what[0] is What.TOKEN
    (after,) = done(plan, [here])
    assert (after.id, after.token, after.status, after.reason) == (
        "a",
        make.token("fresh"),
        Status.ACTIVE,
        "",
    )
    assert (after.uses, after.faults, after.since) == (8, 0, make.NOW)


@pytest.mark.parametrize("status", [Status.DISABLED, Status.BLOCKED])
def test_a_new_token_does_not_overrule_the_owner_or_grok(status: Status) -> None:
    """
    An account that was switched off or suspended stays so.
    """
    here = make.account("a", user_id="u", status=status, reason="why")

    (after,) = done(planned(file(new("fresh", user_id="u")), [here], How.UPDATE), [here])

    assert (after.token, after.status, after.reason) == (make.token("fresh"), status, "why")


def test_two_user_ids_are_two_persons() -> None:
    """
    Even with one mail address.
    """
    here = make.account("a", user_id="u-1", email="shared@example.org")
    found = new("b", user_id="u-2", email="shared@example.org")

    assert planned(file(found), [here], How.UPDATE).new == (found,)


@pytest.mark.parametrize("how", How)
def test_one_person_gets_one_account(how: How) -> None:
    """
    Of several sign-ins of one person in a file the first counts, or the one that is here already.
    """
    fresh = planned(
        file(new("a", user_id="u"), new("b", user_id="u", email="m"), new("c", email="M")), [], how
    )
    known = planned(
        file(new("b", user_id="u"), new("a"), new("c", user_id="u")), [make.account("a", user_id="u")], how
    )

    assert [line.fate for line in fresh.lines] == [Fate.NEW, Fate.REPEATED, Fate.REPEATED]
    assert [line.other for line in fresh.lines] == ["", "line 1", "line 1"]
    assert [(line.fate, line.other) for line in known.lines] == [
        (Fate.REPEATED, "line 2"),
        (Fate.KNOWN, ""),
        (Fate.REPEATED, "line 2"),
    ]


def test_of_two_accounts_of_a_person_the_signed_out_one_is_renewed() -> None:
    """
    It is the one that needs it.
    """
    here = [make.account("a", user_id="u"), make.account("b", user_id="u", status=Status.EXPIRED)]

    assert planned(file(new("fresh", user_id="u")), here, How.UPDATE).changes[0][0] == "b"


def test_replacing_names_who_goes() -> None:
    """
    Whoever is neither in the file nor the person of a new token in it.
    """
    here = [make.account("a"), make.account("b"), make.account("c", user_id="u")]

    plan = planned(file(new("a"), new("fresh", user_id="u"), new("d")), here, How.REPLACE)

    assert plan.gone == ("b",)
    assert said(plan)[-1] == "gone: b: removed"
    assert [one.id for one in done(plan, here)] == ["a", "c", make.token("d").reveal()]


def test_replacing_is_limited_to_the_pools_of_the_file() -> None:
    """
    A file of super accounts says nothing about basic ones (spec/accounts.md §8.1).
    """
    here = [
        make.account("a", tier=Tier.SUPER),
        make.account("b", tier=Tier.BASIC),
        make.account("c", tier=Tier.SUPER),
    ]
    reading = read_accounts(json.dumps({"super": [make.token("a").reveal()], "basic": []}))

    assert planned(reading, here, How.REPLACE).gone == ("c",)


@pytest.mark.parametrize(
    "reading", [Reading(), Reading((Problem("line 1", "no"),)), file(new("x"), whole=False)]
)
def test_nobody_goes_for_a_file_that_was_not_understood(reading: Reading) -> None:
    """
    Nor for one that was too long to be read to its end.
    """
    assert planned(reading, [make.account("a")], How.REPLACE).gone == ()


def test_an_account_whose_token_cannot_be_opened_is_left_alone() -> None:
    """
    Whether it is in the file cannot be told.
    """
    sealed = replace(make.account("a"), token=Secret(""), status=Status.DISABLED)

    assert planned(file(new("b")), [sealed], How.REPLACE).gone == ()


people = st.builds(
    NewAccount,
    token=st.sampled_from([make.token(name) for name in "abcdef"]),
    user_id=st.sampled_from(["", "u", "v"]),
    email=st.sampled_from(["", "m@x", "M@x", "n@x"]),
    label=st.sampled_from(["", "L", "K"]),
    tier=st.sampled_from([None, *Tier]),
    tier_source=st.sampled_from(TierSource),
    tags=st.sampled_from([(), ("t",), ("s", "t")]),
    status=st.sampled_from([None, *Status]),
    terms_at=st.sampled_from([None, 5.0]),
)


def residents(founds: list[NewAccount]) -> list[Account]:
    """Accounts that are here; no two with one token."""
    by_token = {one.token: one for one in founds}
    return [seated(one, AccountId(f"id-{number}"), 1.0) for number, one in enumerate(by_token.values())]


def brought(founds: list[NewAccount]) -> Reading:
    """A file with these; a token that comes again is told so, as `read_accounts` does."""
    places: dict[Secret, str] = {}
    entries: list[Found | Repeated] = []
    for number, one in enumerate(founds, 1):
        where = f"line {number}"
        first = places.setdefault(one.token, where)
        entries.append(Found(where, one) if first == where else Repeated(where, first, one.name))
    return Reading(tuple(entries))


@given(
    founds=st.lists(people, max_size=6),
    here=st.lists(people, max_size=5).map(residents),
    how=st.sampled_from(How),
)
def test_the_same_file_twice_changes_nothing(founds: list[NewAccount], here: list[Account], how: How) -> None:
    """
    Whatever is in the file and whoever is here; and no two accounts ever have one token.
    """
    reading = brought(founds)

    after = done(planned(reading, here, how), here)
    again = planned(reading, after, how)

    assert not again.changes_something, said(again)
    assert len({one.token for one in after}) == len(after)
    if how is not How.REPLACE:
        assert [one.id for one in after[: len(here)]] == [one.id for one in here]
    if how is How.ADD:
        assert after[: len(here)] == here


def test_ten_thousand_known_accounts_are_planned_quickly() -> None:
    """
    Also when all of them share one mail address.
    """
    here = [
        make.account(f"a{number}", email="same@example.org", user_id=f"u{number}") for number in range(10_000)
    ]
    founds = [new(f"b{number}", email="same@example.org", user_id=f"w{number}") for number in range(10_000)]

    plan = planned(file(*founds), here, How.REPLACE)

    assert (len(plan.new), len(plan.gone)) == (10_000, 10_000)


def test_differences_are_named_once() -> None:
    """
    The three steps for adult content are one thing to a person.
    """
    before = make.account("a")

    assert differences(before, replace(before, terms_at=1.0, adult_at=2.0, uses=5)) == (What.STEPS,)


# --- export -------------------------------------------------------------------------------------------------

A = "eyJ0eXAiOiJKV1QifQ.eyJzZXNzaW9uIjoiYSJ9.sig-a_A"
B = "eyJ0eXAiOiJKV1QifQ.eyJzZXNzaW9uIjoiYiJ9.sig-b_B"


def stored(token: str, tier: Tier = Tier.UNKNOWN, **more: Any) -> Account:  # noqa: ANN401 - any field of it
    return Account(id=AccountId(token), token=Secret(token), tier=tier, **more)


def test_the_export_is_what_grok2api_2_imports() -> None:
    """
    Pools of objects with a token and tags, indented by two.
    """
    accounts = [stored(A, Tier.SUPER, tags=("vip",)), stored(B), replace(stored("x"), token=Secret(""))]

    text = exported(accounts, Format.GROK2API_2)

    assert json.loads(text) == {"super": [{"token": A, "tags": ["vip"]}], "auto": [{"token": B, "tags": []}]}
    assert text.startswith('{\n  "super"')
    assert exported(accounts, Format.TXT) == f"{A}\n{B}\n"


def test_the_export_is_what_grok2api_3_imports() -> None:
    """
    Times as RFC 3339, the terms with their version, and nothing that is not known.
    """
    account = stored(
        A, Tier.HEAVY, label="主力", email="a@example.org", adult_at=1_767_323_045.25, terms_at=1.0
    )

    assert json.loads(exported([account, stored(B)], Format.GROK2API_3)) == {
        "provider": "grok_web",
        "accounts": [
            {
                "name": "主力",
                "email": "a@example.org",
                "sso_token": A,
                "tier": "heavy",
                "nsfw_enabled_at": "2026-01-02T03:04:05.250Z",
                "tos_accepted_at": "1970-01-01T00:00:01.000Z",
                "tos_version": 5,
            },
            {"sso_token": B, "tier": "auto"},
        ],
    }


def test_a_table_runs_no_formula() -> None:
    """
    A spreadsheet does not take for one what somebody wrote into a label, and Excel reads Chinese.
    """
    account = stored(A, label='=HYPERLINK("http://x")', note="-1+1", email="@x", tags=("+a",))

    text = exported([account], Format.CSV)

    (_, row) = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert text.startswith("\ufefftoken,name,email")
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row[1:])
    assert read_accounts(text).found[0].label == '=HYPERLINK("http://x")'


tokens = st.from_regex(r"[A-Za-z0-9._~+/%-]{8,40}={0,2}", fullmatch=True).filter(
    lambda token: not token.lower().startswith("sso=")
)
words = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), max_size=20)
notes = st.lists(words, max_size=3).map("\n".join).map(str.strip)
times = st.none() | st.floats(min_value=1.0, max_value=4e9).map(lambda at: round(at, 3))
known = st.builds(
    Account,
    id=st.just(AccountId("x")),
    token=tokens.map(Secret),
    label=words,
    note=notes,
    tags=st.lists(words.filter(bool), unique=True, max_size=4).map(tuple),
    tier=st.sampled_from(Tier),
    tier_source=st.sampled_from(TierSource),
    status=st.sampled_from(Status),
    reason=words,
    since=times.map(lambda at: at or 1.0),
    user_id=words,
    email=words,
    cookies=st.sampled_from(["", "cf_clearance=a.b-1", "cf_clearance=x; __cf_bm=y"]).map(Secret),
    max_parallel=st.none() | st.integers(1, 100),
    created_at=times.map(lambda at: at or 2.0),
    terms_at=times,
    birth_date_at=times,
    adult_at=times,
    uses=st.integers(0, 1 << 40),
    failures=st.integers(0, 1 << 40),
    last_use_at=times,
    last_failure_at=times,
    last_failure=words,
)
many = st.lists(known, max_size=4, unique_by=lambda account: account.token)


def carried(account: Account, form: Format) -> NewAccount:
    """What a form says of an account."""
    bare = NewAccount(account.token)
    if form is Format.TXT:
        return bare
    tier = None if account.tier is Tier.UNKNOWN else account.tier
    pool = replace(bare, tier=tier, tags=account.tags)
    if form is Format.GROK2API_2:
        return pool
    person = replace(bare, tier=tier, label=account.label, email=account.email, user_id=account.user_id)
    if form is Format.CSV:
        return replace(person, tags=account.tags, note=account.note)
    whole = replace(
        person,
        cookies=account.cookies,
        terms_at=account.terms_at,
        birth_date_at=account.birth_date_at,
        adult_at=account.adult_at,
    )
    if form is Format.GROK2API_3:
        return whole
    return replace(
        whole,
        tags=account.tags,
        note=account.note,
        tier_source=TierSource.GUESSED if tier is None else account.tier_source,
        status=account.status,
        reason=account.reason,
        since=account.since,
        max_parallel=account.max_parallel,
        created_at=account.created_at,
        uses=account.uses,
        failures=account.failures,
        last_use_at=account.last_use_at,
        last_failure_at=account.last_failure_at,
        last_failure=account.last_failure,
    )


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("encoding", [None, "utf-8", "utf-16"])
@given(accounts=many)
def test_reading_an_export_gives_the_accounts_back(
    form: Format, encoding: str | None, accounts: list[Account]
) -> None:
    """
    All that the form carries, as text and as the bytes of a file.
    """
    text = exported(accounts, form)

    reading = read_accounts(text if encoding is None else text.encode(encoding))

    ordered = accounts
    if form is Format.GROK2API_2:
        tiers = list(dict.fromkeys(account.tier for account in accounts))
        ordered = sorted(accounts, key=lambda account: tiers.index(account.tier))
    assert reading.found == tuple(carried(account, form) for account in ordered)
    assert not any("it " in problem.why and accounts for problem in reading.problems)


@given(accounts=many)
def test_our_own_export_brings_an_account_to_another_computer(accounts: list[Account]) -> None:
    """
    All of it but what belongs to this one: id, quotas, what it rests for, and the way out.
    """
    reading = read_accounts(exported(accounts, Format.GROKDESK))

    for account, found in zip(accounts, reading.found, strict=True):
        there = seated(found, account.id, make.NOW)
        source = TierSource.UNKNOWN if account.tier is Tier.UNKNOWN else account.tier_source
        assert replace(there, windows=account.windows) == replace(account, tier_source=source)
