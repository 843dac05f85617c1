"""Who an account is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.accounts import Status
from grokdesk.core.errors import AccountRejected, Garbled, UpstreamError
from grokdesk.providers.grok_web.protocol import identity
from grokdesk.providers.grok_web.protocol.identity import Identity

ID = "7b0c1f8e-2f6a-4a39-9a51-5d0d3c9b1e77"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            f'{{"status":"authenticated","session":{{"userId":"{ID}","email":"ada@example.org"}}}}',
            Identity(ID, "ada@example.org"),
        ),
        (f'{{"user":{{"id":"{ID}","email":"ada@example.org"}}}}', Identity(ID, "ada@example.org")),
        (f'{{"user":{{"id":"","sub":"{ID}"}}}}', Identity(ID, "")),
        (f'{{"userId":"{ID}","email":"ada@example.org","teamId":"t"}}', Identity(ID, "ada@example.org")),
        ('{"email":"ada@example.org"}', Identity("", "ada@example.org")),
    ],
)
def test_identity_is_read_in_every_shape(body: str, expected: Identity) -> None:
    """
    The first id that is not empty, in the order of §17.1.
    """
    assert identity.read(body.encode()) == expected


@pytest.mark.parametrize(
    ("status", "expected"), [("Unauthenticated", Status.EXPIRED), ("blocked", Status.BLOCKED)]
)
def test_a_session_that_says_so_is_rejected(status: str, expected: Status) -> None:
    """
    Even when it names somebody.
    """
    body = f'{{"status":"{status}","session":{{"userId":"{ID}"}}}}'

    with pytest.raises(AccountRejected) as caught:
        identity.read(body.encode())

    assert caught.value.status is expected


@given(st.binary(max_size=40) | st.sampled_from([b"{}", b"null", b'{"session":{"userId":7}}']))
def test_anything_else_is_garbled(body: bytes) -> None:
    """
    An answer that tells nobody is not believed.
    """
    with pytest.raises(UpstreamError) as caught:
        identity.read(body)

    assert type(caught.value) is Garbled


@pytest.mark.parametrize(
    ("text", "expected"), [(ID, True), (ID.upper(), True), (f"{ID}\n", False), ("", False)]
)
def test_a_user_id_opens_the_gateway_if_it_is_a_uuid(text: str, expected: bool) -> None:
    """
    The address of the gateway has it.
    """
    assert identity.is_uuid(text) is expected
