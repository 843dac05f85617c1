"""Which proxy this machine wants programs to use."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping

import pytest

from grokdesk.platform.system_proxy import system_proxy

GROK = "https://grok.com"


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, ""),
        ({"https_proxy": "http://one:1"}, "http://one:1"),
        ({"HTTPS_PROXY": "http://one:1"}, "http://one:1"),
        ({"HTTPS_PROXY": "http://one:1", "https_proxy": "http://two:2"}, "http://two:2"),
        ({"HTTPS_PROXY": "http://one:1", "https_proxy": ""}, ""),
        ({"http_proxy": "http://one:1"}, ""),
        ({"all_proxy": "socks5://one:1"}, "socks5://one:1"),
        ({"ALL_PROXY": "socks5://one:1", "https_proxy": "two:2"}, "two:2"),
        ({"no_proxy": "*"}, ""),
    ],
    ids=str,
)
def test_the_environment_decides(environment: Mapping[str, str], proxy: str) -> None:
    """
    By the scheme that is called, small letters first; an empty value is a value.
    """
    assert system_proxy(GROK, environment) == proxy


@pytest.mark.parametrize(
    ("url", "rules", "direct"),
    [
        (GROK, "grok.com", True),
        (GROK, " example.org , .grok.com", True),
        (GROK, "*.com", True),
        (GROK, "*", True),
        (GROK, "rok.com", False),
        (GROK, "grok.com:443", False),
        ("https://grok.com:444", "grok.com:444", True),
        ("https://grok.com:444", "grok.com:443", False),
        ("https://assets.grok.com", "GROK.COM", True),
        ("http://127.0.0.1:8080", "127.0.0.0/8", True),
        ("http://[::1]:8080", "::1", True),
        ("http://10.1.2.3", "localhost,127.0.0.1", False),
        (GROK, ",", False),
    ],
)
def test_exceptions_are_reached_directly(url: str, rules: str, direct: bool) -> None:
    """
    Names with what is below them, ports, addresses and networks, as programs usually read no_proxy.
    """
    assert (system_proxy(url, {"all_proxy": "one:1", "no_proxy": rules}) == "") is direct


@pytest.mark.parametrize("system", ["registry", "macosx_sysconf"])
def test_the_system_s_own_settings_come_after_the_environment(
    system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    On Windows and macOS, with their own exceptions; SOCKS where there is nothing else.
    """
    told = {"https": "http://one:1", "socks": "http://two:2"}
    monkeypatch.setattr(urllib.request, f"getproxies_{system}", lambda: told, raising=False)
    bypass = f"proxy_bypass_{system}"
    monkeypatch.setattr(urllib.request, bypass, lambda host: host == "assets.grok.com", raising=False)

    assert system_proxy(GROK, {}) == "http://one:1"
    assert system_proxy(GROK, {"https_proxy": "three:3"}) == "three:3"
    assert system_proxy("https://assets.grok.com", {}) == ""
    del told["https"]
    assert system_proxy(GROK, {}) == "socks5://two:2"
    told.clear()
    assert system_proxy(GROK, {}) == ""
