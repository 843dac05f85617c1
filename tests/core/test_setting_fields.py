"""Settings as fields of a form."""

import pytest

from grokdesk.core.setting_fields import (
    Fault,
    Kind,
    Unit,
    Wrong,
    faults,
    fields,
    plain,
    sections,
    values_of,
)
from grokdesk.core.settings import Settings, Theme


def test_every_setting_of_the_model_is_a_field() -> None:
    """
    Once, under its dotted name, with title and default.
    """
    dumped = Settings().model_dump()
    names = {f"{section}.{key}" for section, members in dumped.items() for key in members}

    assert set(fields()) == names
    assert sum(len(section.fields) for section in sections()) == len(names)
    assert all(field.title and field.name == name for name, field in fields().items())
    assert values_of(Settings()) == {name: field.default for name, field in fields().items()}


@pytest.mark.parametrize(
    ("name", "kind", "unit"),
    [
        ("gateway.require_key", Kind.SWITCH, Unit.NONE),
        ("gateway.port", Kind.WHOLE, Unit.NONE),
        ("gateway.heartbeat_s", Kind.NUMBER, Unit.SECONDS),
        ("gateway.max_body_mb", Kind.WHOLE, Unit.MEGABYTES),
        ("accounts.clean_up_days", Kind.WHOLE, Unit.DAYS),
        ("logging.days", Kind.WHOLE, Unit.DAYS),
        ("appearance.theme", Kind.CHOICE, Unit.NONE),
        ("gateway.host", Kind.TEXT, Unit.NONE),
        ("chat.custom_instruction", Kind.LONG_TEXT, Unit.NONE),
        ("grok_web.api_url", Kind.ADDRESS, Unit.NONE),
        ("storage.url", Kind.ADDRESS, Unit.NONE),
        ("egress.proxies", Kind.LINES, Unit.NONE),
    ],
)
def test_the_kind_of_a_field_is_read_from_the_model(name: str, kind: Kind, unit: Unit) -> None:
    """
    Its type and its name say what it takes and what it counts.
    """
    assert (fields()[name].kind, fields()[name].unit) == (kind, unit)


def test_bounds_choices_and_marks_are_read_from_the_model() -> None:
    """
    What a form has to know beside the kind.
    """
    port, agent, theme = (fields()[one] for one in ("gateway.port", "egress.user_agent", "appearance.theme"))

    assert (port.low, port.high, port.needs_restart, port.is_secret) == (0, 65535, True, False)
    assert (agent.shortest, agent.longest) == (10, None)
    assert (theme.choices, theme.choices_of) == (("system", "light", "dark"), "Theme")
    assert fields()["egress.cookies"].is_secret


def test_equal_values_are_equal_however_they_are_written() -> None:
    """
    A choice is its text, a list a tuple.
    """
    assert plain(Theme.DARK) == "dark"
    assert plain(["a", Theme.DARK]) == ("a", "dark")
    assert plain(5) == 5


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("gateway.port", 70_000, Fault.BOUNDS),
        ("gateway.port", -1, Fault.BOUNDS),
        ("gateway.port", "soon", Fault.BOUNDS),
        ("gateway.port", 1.5, Fault.BOUNDS),
        ("gateway.port", 10**30, Fault.BOUNDS),
        ("gateway.heartbeat_s", "soon", Fault.BOUNDS),
        ("gateway.heartbeat_s", float("nan"), Fault.BOUNDS),
        ("egress.user_agent", "x", Fault.SHORT),
        ("chat.custom_instruction", "x" * 12_001, Fault.LONG),
        ("appearance.theme", "pink", Fault.CHOICE),
        ("grok_web.api_url", "grok", Fault.RULE),
        ("egress.proxies", ("gopher://a",), Fault.RULE),
    ],
)
def test_a_wrong_value_is_reported_by_its_name(name: str, value: object, fault: Fault) -> None:
    """
    With what is wrong about it.
    """
    found = faults(Settings(), {name: value, "chat.memory": True})

    assert {one: wrong.fault for one, wrong in found.items()} == {name: fault}


def test_good_values_have_no_fault() -> None:
    """
    Also as a person would write them.
    """
    assert faults(Settings(), {"gateway.port": 80, "egress.proxies": ("10.0.0.1:8080",)}) == {}


def test_a_rule_between_settings_is_reported_at_each_that_is_changed() -> None:
    """
    Also while another value is wrong by itself, and never at one that nobody touched.
    """
    rule = Wrong(Fault.RULE, "gateway.require_key can only be off while gateway.host is a loopback address")
    both = {"gateway.host": "10.0.0.7", "gateway.require_key": False}
    open_already = Settings.model_validate({"gateway": {"host": "10.0.0.7"}})

    together = faults(Settings(), both)
    beside = faults(Settings(), {**both, "retry.more_tries": 99})
    one = faults(open_already, {"gateway.require_key": False})

    assert together == dict.fromkeys(both, rule)
    assert set(beside) == {*both, "retry.more_tries"}
    assert one == {"gateway.require_key": rule}
