"""What a refusal means, and whom it blames."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.accounts import Faulted, Limited, Status
from grokdesk.core.errors import (
    AccountRejected,
    Again,
    Challenged,
    FormGone,
    Overloaded,
    RateLimited,
    Refused,
    Stopped,
    TakenForRobot,
    UpstreamError,
    UpstreamTimeout,
    Withdrawn,
)
from grokdesk.providers.grok_web.protocol.failures import (
    AskedTooOften,
    BirthDateSet,
    ConversationGone,
    Gone,
    Hopeless,
    NotAccepted,
    NotMade,
    http_failure,
    stream_failure,
)
from grokdesk.providers.grok_web.protocol.headers import Call
from tests.providers.grok_web.transcripts import JSON_VALUES, lines

MEDIA = {Call.IMAGINE, Call.GENERATE, Call.MEDIA_UPLOAD, Call.MEDIA_POST}
NOW = 1_795_392_000.0
HTML = b"<!DOCTYPE html><html><head><title>Oops</title></head></html>"
CHALLENGE = b"<html><head><title>Just a moment...</title></head></html>"

# One for each line of the sample, in its order.
BODIES: list[type[UpstreamError]] = [
    RateLimited,
    RateLimited,
    AccountRejected,
    AccountRejected,
    AccountRejected,
    AccountRejected,
    AccountRejected,
    Stopped,
    AccountRejected,
    TakenForRobot,
    Refused,
    Refused,
    Challenged,
    Challenged,
    RateLimited,
    RateLimited,
    UpstreamError,
]
BLOCKED = {"403 blocked user, numeric code", "403 blocked user, string code", "403 e-mail domain"}


def of(status: int, body: bytes = b"", call: Call = Call.CHAT, **headers: str) -> UpstreamError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return http_failure(status, named, body, call=call, now=NOW)


@pytest.mark.parametrize("at", range(len(BODIES)))
def test_a_recorded_refusal_means_what_its_readme_says(at: int) -> None:
    """
    Every line of the sample, told apart by status, headers and body.
    """
    recorded = [orjson.loads(line) for line in lines("http-error-bodies.ndjson")]
    assert len(recorded) == len(BODIES)
    answer = recorded[at]

    failure = http_failure(
        answer["status"], answer["headers"], answer["body"].encode(), call=Call.RATE_LIMITS, now=NOW
    )

    expected = AskedTooOften if BODIES[at] is RateLimited and answer["status"] == 429 else BODIES[at]
    assert type(failure) is expected, answer["name"]
    if isinstance(failure, AccountRejected):
        assert (failure.status is Status.BLOCKED) == (answer["name"] in BLOCKED)
    assert failure.message.endswith(".")
    assert failure.hint.endswith(".")
    assert f"status={answer['status']}" in failure.detail
    assert failure.http_status == answer["status"]


@pytest.mark.parametrize("call", Call)
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (302, b"", NotAccepted),
        (400, b"{}", NotAccepted),
        (400, b"Session not found", AccountRejected),
        (400, b'{"error":{"message":"Content violates usage guidelines"}}', Refused),
        (401, b"", AccountRejected),
        (401, b'{"error":"User is blocked"}', AccountRejected),
        (402, b"", RateLimited),
        (403, b'{"code":"unauthorized:dpop-required"}', NotAccepted),
        (403, b'{"error":{"code":"invalid_request","message":"No."}}', NotAccepted),
        (403, b'{"code":7,"message":"invalid_request is no code here"}', Stopped),
        (403, b'{"message":"Request rejected by policy."}', Refused),
        (403, b"This page is out of date, please reload.", TakenForRobot),
        (403, b"Just a moment...", Challenged),
        (403, b'{"message":"Just a moment, please."}', Stopped),
        (403, b'{"code":"personal-team-blocked:spending-limit"}', RateLimited),
        (403, b"token revoked", AccountRejected),
        (403, HTML, Challenged),
        (413, b"", NotAccepted),
        (429, HTML, Challenged),
        (500, b"{}", UpstreamError),
        (500, b'{"message":"The model is overloaded"}', Overloaded),
        (503, b"", Overloaded),
        (503, CHALLENGE, Challenged),
        (504, HTML, UpstreamTimeout),
        (524, b"", UpstreamTimeout),
        (529, b"", Overloaded),
    ],
)
def test_a_status_means_the_same_for_every_call(
    call: Call, status: int, body: bytes, expected: type[UpstreamError]
) -> None:
    """
    Only the form depends on what was asked, and whether it is words or pictures that are refused.
    """
    refused = Withdrawn if call in MEDIA else Refused

    assert type(of(status, body, call)) is (refused if expected is Refused else expected)


@pytest.mark.parametrize("status", [200, 404, 405, 410, 426, 501])
@pytest.mark.parametrize("call", Call)
def test_an_unknown_chat_address_means_that_its_form_is_gone(call: Call, status: int) -> None:
    """
    The other form may work; identity counts, because the gateway needs it, and so do edits and films. Other
    calls are not accepted; what is not there to be deleted is gone.
    """
    expected: type[UpstreamError] = FormGone if call in {Call.CHAT, Call.SESSION} else NotAccepted
    if call in {Call.GENERATE, Call.MEDIA_UPLOAD, Call.MEDIA_POST} and status != 200:
        expected = FormGone
    if call in {Call.DELETE_ASSET, Call.DELETE_CONVERSATION} and status == 404:
        expected = Gone

    failure = of(status, b"{}", call)

    assert type(failure) is expected
    assert failure.again is Again.NEVER


def test_a_redirect_to_the_sign_in_page_means_signed_out() -> None:
    """
    A handshake that leads there has no session.
    """
    failure = of(302, location="https://accounts.x.ai/sign-in?redirect=grok-com")

    assert isinstance(failure, AccountRejected)
    assert failure.status is Status.EXPIRED


def test_cloudflare_may_say_it_in_a_header_alone() -> None:
    """
    `cf-mitigated` is enough, whatever the status.
    """
    assert type(of(400, b"{}", cf_mitigated="challenge")) is Challenged


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("99999999999", 604_800.0),
        ("Mon, 23 Nov 2026 00:01:00 GMT", 60.0),
        ("Mon, 23 Nov 2026 00:01:00 -0000", 60.0),
        ("Mon, 23 Nov 2020 00:00:00 GMT", 0.0),
        ("soon", None),
        ("Mon, 99 Nov 2026 00:00:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, expected: float | None) -> None:
    """
    At most a week, never in the past; what cannot be read says nothing.
    """
    failure = http_failure(429, {"retry-after": value}, b"", call=Call.CHAT, now=1_795_392_000.0)

    assert failure.retry_after == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": 8}, RateLimited),
        ({"code": "8"}, RateLimited),
        ({"code": "rate_limited"}, RateLimited),
        ({"kind": "rate_limited"}, RateLimited),
        ({"message": "You've reached your usage limit for Expert."}, RateLimited),
        ({"details": {"reason": "usage_limit"}}, RateLimited),
        ({"usageLimitReached": {}}, RateLimited),
        ({"message": "You have run out of credits"}, RateLimited),
        ({"code": 7, "message": "Request rejected by anti-bot rules."}, TakenForRobot),
        ({"code": 7}, TakenForRobot),
        ({"code": 7, "message": "Content violates usage guidelines"}, Refused),
        ({"code": 7, "message": "[WKE=unauthorized:blocked-user]"}, AccountRejected),
        ({"code": 7, "details": ["blocked-user"]}, TakenForRobot),
        ({"code": 16}, AccountRejected),
        ({"error": {"code": 16, "message": "bad-credentials"}}, AccountRejected),
        ({"code": 13, "message": "The model is overloaded, try again"}, Overloaded),
        ({"code": 14}, Overloaded),
        ({"message": "Model temporarily unavailable"}, Overloaded),
        ({"code": 4}, UpstreamTimeout),
        ({"code": 5, "message": "conversation_not_found"}, ConversationGone),
        ({"kind": "conversation_not_found"}, ConversationGone),
        ({"usageLimitReached": False, "code": True}, UpstreamError),
        ("Too many requests", RateLimited),
        (None, UpstreamError),
    ],
)
def test_an_error_in_the_stream_is_told_apart(error: object, expected: type[UpstreamError]) -> None:
    """
    Number, name, text and mere presence of a member all count; details blame nobody.
    """
    failure = stream_failure(error)

    assert type(failure) is expected
    assert failure.message.endswith(".")
    assert failure.hint.endswith(".")


@given(st.integers(100, 599), st.binary(max_size=60), st.text(max_size=30), st.sampled_from(Call))
def test_any_answer_has_a_meaning(status: int, body: bytes, header: str, call: Call) -> None:
    """
    No body and no header is beyond it, and nothing upstream wrote gets into the message.
    """
    headers = {"retry-after": header, "location": header, "cf-mitigated": header}

    failure = http_failure(status, headers, b"SECRET" + body, call=call, now=NOW)

    assert "SECRET" not in failure.message + failure.hint


@given(JSON_VALUES)
def test_any_error_object_has_a_meaning(error: object) -> None:
    """
    Whatever stands where an error should be.
    """
    assert isinstance(stream_failure(error), UpstreamError)


SET_BEFORE = (
    b'{"code":8,"message":"Birth date is locked once set. [WKE=account:birth-date-change-limit-reached]"}'
)


@pytest.mark.parametrize("call", Call)
def test_a_date_of_birth_that_is_set_is_told_from_a_limit(call: Call) -> None:
    """
    Only in answer to setting one, and only with its marker.
    """
    assert isinstance(of(429, SET_BEFORE, call), BirthDateSet if call is Call.BIRTH_DATE else RateLimited)
    assert isinstance(of(429, b'{"code":8,"message":"Too many requests"}', call), RateLimited)


@pytest.mark.parametrize("call", Call)
def test_a_limit_speaks_of_questions_only_where_questions_are_asked(call: Call) -> None:
    """
    An account whose files are deleted too fast has not used up its questions: it rests a little. Pictures
    and films have limits of their own.
    """
    asks = call in {Call.CHAT, Call.UPLOAD, Call.UPLOAD_OLDER}
    expected, outcome = (RateLimited, Limited) if asks or call in MEDIA else (AskedTooOften, Faulted)

    for failure in (of(429, b"{}", call), stream_failure({"code": 8}, call=call)):
        assert type(failure) is expected
        assert type(failure.outcome) is outcome
        assert ("used up its questions" in failure.message) is asks
        assert ("pictures or films" in failure.message) is (call in MEDIA)


@pytest.mark.parametrize("text", ["Unknown field: mediaGenInput", 'unknown name "videoGenModelConfig"'])
def test_a_member_that_is_not_known_means_that_the_form_is_gone(text: str) -> None:
    """
    Of edits and films only; a word about another member is a refusal of this request.
    """
    body = orjson.dumps({"error": {"message": text}})

    assert type(of(400, body, Call.GENERATE)) is FormGone
    assert type(of(400, body, Call.CHAT)) is NotAccepted
    assert type(of(400, b'{"error":{"message":"aspectRatio is invalid"}}', Call.GENERATE)) is NotAccepted


def test_a_job_that_failed_at_grok_is_not_given_to_another_account() -> None:
    """
    A sentence of its own, and no further try.
    """
    failure = stream_failure({"message": "generation failed"}, call=Call.GENERATE)

    assert type(failure) is NotMade
    assert failure.again is Again.NEVER
    assert type(stream_failure({"message": "generation failed"})) is UpstreamError


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_trouble_that_is_said_not_to_pass_is_not_met_again(status: int) -> None:
    """
    `X-Should-Retry: false` counts for what is Grok's own fault, and not for what is the account's.
    """
    assert type(of(status, b"{}", x_should_retry="false")) is Hopeless
    assert type(of(status, b"{}", x_should_retry="true")) is not Hopeless
    assert type(of(429, b"{}", x_should_retry="false")) is RateLimited
