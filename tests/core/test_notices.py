"""The bus tells everybody, whatever happens."""

from __future__ import annotations

import logging

import pytest

from grokdesk.core.notices import Bus, EgressChanged, GatewayPhase, GatewayState, KeysChanged, Notice


def test_listeners_hear_in_order_until_they_leave() -> None:
    """
    Everybody hears every notice in the order of subscription; who has left, even twice, hears nothing.
    """
    bus = Bus()
    heard: list[tuple[str, Notice]] = []
    leave = bus.subscribe(lambda notice: heard.append(("a", notice)))
    bus.subscribe(lambda notice: heard.append(("b", notice)))

    bus.publish(KeysChanged())
    leave()
    leave()
    bus.publish(EgressChanged())

    assert heard == [("a", KeysChanged()), ("b", KeysChanged()), ("b", EgressChanged())]


def test_a_failing_listener_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """
    The publisher and the other listeners go on; the failure is logged with its notice.
    """
    bus = Bus()
    heard: list[Notice] = []

    def fail(_: Notice) -> None:
        raise ValueError("ouch")

    bus.subscribe(fail)
    bus.subscribe(heard.append)

    bus.publish(KeysChanged())

    assert heard == [KeysChanged()]
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, "listener failed notice=KeysChanged")
    ]


def test_a_listener_may_leave_while_it_hears() -> None:
    """
    Leaving from inside a notice skips nobody.
    """
    bus = Bus()
    heard: list[str] = []

    def once(_: Notice) -> None:
        heard.append("a")
        leave()

    leave = bus.subscribe(once)
    bus.subscribe(lambda _: heard.append("b"))

    bus.publish(KeysChanged())
    bus.publish(KeysChanged())

    assert heard == ["a", "b", "b"]


def test_an_address_is_ready_to_paste() -> None:
    """
    IPv6 addresses get their brackets.
    """
    assert GatewayState(host="::1", port=1).base_url == "http://[::1]:1/v1"
    assert GatewayState(host="127.0.0.1", port=4765).address == "127.0.0.1:4765"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1:4765"),
        ("0.0.0.0", "127.0.0.1:4765"),  # noqa: S104 - nothing listens
        ("::", "[::1]:4765"),
        ("::1", "[::1]:4765"),
        ("192.168.1.5", "192.168.1.5:4765"),
    ],
)
def test_the_address_is_one_that_programs_here_can_use(host: str, address: str) -> None:
    """
    While it listens on every address, programs on this machine are told the loopback one.
    """
    state = GatewayState(GatewayPhase.RUNNING, host, 4765)

    assert state.address == address
    assert state.base_url == f"http://{address}/v1"
