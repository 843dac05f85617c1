"""A secret never prints itself."""

from __future__ import annotations

import copy
import logging
import pickle
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.secret import Secret

VALUE = "hunter2-hunter2-wxyz"


@dataclass
class Holder:
    secret: Secret


@given(st.text(min_size=5))
def test_no_way_of_printing_shows_the_value(value: str) -> None:
    """
    str, repr, format, %-formatting and containers show four characters at most, and of a short value none.
    """
    secret = Secret(value)
    shown = secret.tail

    texts = {str(secret), f"{secret}", f"{secret:>40}".strip(), "%s" % secret}  # noqa: UP031 - what logging does
    assert texts <= {f"…{shown}", f"…{shown}".strip()}
    assert {repr(secret), f"{secret!r}", repr([secret])[1:-1]} == {f"Secret(…{shown})"}
    assert shown == (value[-4:] if len(value) >= 12 else "")


def test_logging_shows_the_tail_alone(caplog: pytest.LogCaptureFixture) -> None:
    """
    A secret that gets into a log line by mistake stays one.
    """
    caplog.set_level(logging.INFO)

    logging.getLogger("test").info("token=%s holder=%s", Secret(VALUE), Holder(Secret(VALUE)))

    assert "hunter2" not in caplog.text
    assert "wxyz" in caplog.text


def test_a_secret_is_not_pickled() -> None:
    """
    No cache and no other process gets it by accident.
    """
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(VALUE))


def test_a_copy_is_the_same_secret() -> None:
    """
    Copies and `asdict` hand on the object and do not open it.
    """
    secret = Secret(VALUE)

    assert copy.copy(secret) is copy.deepcopy(secret) is secret
    assert asdict(Holder(secret)) == {"secret": secret}


def test_secrets_are_compared_by_value() -> None:
    """
    Equal values are one key of a dict; text is never equal to a secret.
    """
    assert {Secret("a"), Secret("a"), Secret("b")} == {Secret("a"), Secret("b")}
    assert Secret("a") != "a"
    assert (bool(Secret("")), bool(Secret("a"))) == (False, True)
    assert Secret(VALUE).reveal() == VALUE
