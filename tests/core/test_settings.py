"""The settings model: complete, consistent, and safe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from grokdesk.core.settings import Live, Section, Settings, is_loopback


def fields() -> Iterator[tuple[str, FieldInfo]]:
    for section in Settings.model_fields:
        model: type[Section] = type(getattr(Settings(), section))
        yield from ((f"{section}.{name}", field) for name, field in model.model_fields.items())


FIELDS = dict(fields())


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_explains_itself(name: str) -> None:
    """
    A title for the form, a sentence or the title alone for help, and no text that runs into the next.
    """
    field = FIELDS[name]

    assert field.title
    assert not field.title.endswith(".")
    assert field.description is None or field.description.endswith(".")
    assert "  " not in f"{field.title} {field.description}"


@pytest.mark.parametrize("section", Settings.model_fields)
def test_every_section_explains_itself(section: str) -> None:
    """
    Its docstring heads the section in the generated file.
    """
    assert (type(getattr(Settings(), section)).__doc__ or "").endswith(".")


def test_what_must_not_be_shown_is_marked() -> None:
    """
    Everything that can hold a password or a cookie is sealed on disk and hidden in `config show`.
    """
    marked = {
        name
        for name, field in FIELDS.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("secret")
    }

    assert marked == {
        "egress.proxies",
        "egress.media_proxies",
        "egress.cookies",
        "grok_web.statsig_value",
        "storage.url",
        "storage.team_key",
    }


def test_the_defaults_are_valid_and_listen_here_only() -> None:
    """
    Out of the box: this machine, a key, the usual port.
    """
    gateway = Settings.model_validate(Settings().model_dump()).gateway

    assert (gateway.host, gateway.port, gateway.require_key) == ("127.0.0.1", 4765, True)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"gateway": {"host": "192.168.0.2", "require_key": False}}, "loopback"),
        ({"gateway": {"port": 65_536}}, "less than or equal"),
        ({"gateway": {"prot": 1}}, "Extra inputs"),
        ({"gatway": {}}, "Extra inputs"),
        ({"grok_web": {"api_url": "grok.com"}}, "https://grok.com"),
        ({"grok_web": {"api_url": "ftp://grok.com"}}, "https://grok.com"),
        ({"grok_web": {"api_url": "https://grok.com/?a=1"}}, "query"),
        ({"grok_web": {"signer_url": "nonsense"}}, "address"),
        ({"updates": {"address": "http://127.0.0.1:99999/notice.json"}}, "address"),
        ({"egress": {"proxies": ["ftp://proxy"]}}, "proxy scheme"),
        ({"egress": {"solver_timeout_s": 1}}, "greater than or equal"),
        ({"accounts": {"strategy": "best"}}, "quota"),
        ({"timeouts": {"commit_s": 0}}, "greater than or equal"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(wrong: dict[str, Any], why: str) -> None:
    """
    Values out of range, unknown names and unsafe combinations are named.
    """
    with pytest.raises(ValidationError, match=why):
        Settings.model_validate(wrong)


def test_no_key_is_needed_on_this_machine_if_its_owner_says_so() -> None:
    """
    The key can be switched off as long as nobody else can reach the gateway.
    """
    settings = Settings.model_validate({"gateway": {"host": "127.0.0.2", "require_key": False}})

    assert not settings.gateway.require_key


def test_addresses_are_kept_in_one_form() -> None:
    """
    No slash at the end, proxies with names resolved over there, empty lines dropped.
    """
    settings = Settings.model_validate(
        {"grok_web": {"api_url": "http://127.0.0.1:1/"}, "egress": {"proxies": ["socks5://a", "  ", "b:1"]}}
    )

    assert settings.grok_web.api_url == "http://127.0.0.1:1"
    assert settings.egress.proxies == ("socks5h://a", "http://b:1")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("::", False),
        ("192.168.0.2", False),
        ("127.example.org", False),
        ("", False),
    ],
)
def test_loopback_is_told_from_the_rest(host: str, here: bool) -> None:
    """
    Only addresses that no other device can reach count as this machine.
    """
    assert is_loopback(host) is here


def test_listeners_hear_a_change_once_with_old_and_new() -> None:
    """
    A set that changes nothing is not heard.
    """
    live = Live(Settings())
    heard: list[tuple[Settings, Settings]] = []
    live.subscribe(lambda old, new: heard.append((old, new)))
    before = live.now
    after = before.model_copy(update={"retry": before.retry.model_copy(update={"more_tries": 0})})

    live.set(before)
    live.set(after)
    live.set(after)

    assert heard == [(before, after)]
    assert live.now is after
