"""The owner's settings: read, written, and explained when they are wrong."""

import contextlib
import logging
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.errors import Broken
from grokdesk.core.settings import Settings, StatsigMode, Theme
from grokdesk.platform.secrets import KeySource, Vault
from grokdesk.platform.settings_file import (
    InvalidSettings,
    SettingsFile,
    read_settings_toml,
    settings_toml,
)

OWNERS = """\
# 我的设置
[gateway]   # how editors connect
# my editor expects this one
port = 5000  # not 4765

[chat]
custom_instruction = "请用中文回答"
temporary = false
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)), KeySource.KEY_FILE)


def wrong(path: Path, text: str, env: dict[str, str] | None = None) -> InvalidSettings:
    """Return what is said about a settings file."""
    path.write_bytes(text.encode())
    with pytest.raises(InvalidSettings) as told:
        SettingsFile(path).load(env or {}, {})
    return told.value


# --- precedence ---------------------------------------------------------------------------------------------


def test_without_a_file_the_defaults_hold(path: Path) -> None:
    """
    The first start needs no file, and reading makes none.
    """
    assert SettingsFile(path).load({}, {}) == Settings()
    assert not path.exists()


def test_the_command_line_beats_the_environment_beats_the_file(path: Path) -> None:
    """
    Later wins, key by key.
    """
    path.write_text("[gateway]\nport = 1\nmax_body_mb = 2\nheartbeat_s = 3\n")
    file = SettingsFile(path)

    gateway = file.load(
        {"GROKDESK__GATEWAY__PORT": "10", "GROKDESK__GATEWAY__MAX_BODY_MB": "20"}, {"gateway.port": 100}
    ).gateway

    assert (gateway.port, gateway.max_body_mb, gateway.heartbeat_s) == (100, 20, 3)
    assert file.outside == {
        "gateway.port": "the command line",
        "gateway.max_body_mb": "GROKDESK__GATEWAY__MAX_BODY_MB",
    }


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("GROKDESK__GROK_WEB__API_URL", "http://127.0.0.1:9", "grok_web.api_url", "http://127.0.0.1:9"),
        ("grokdesk__chat__temporary", "off", "chat.temporary", False),
        ("GROKDESK__APPEARANCE__THEME", "dark", "appearance.theme", Theme.DARK),
        ("GROKDESK__GATEWAY__ALLOWED_HOSTS", "a.lan, b.lan", "gateway.allowed_hosts", ("a.lan", "b.lan")),
        ("GROKDESK__GATEWAY__ALLOWED_HOSTS", '["a.lan"]', "gateway.allowed_hosts", ("a.lan",)),
        ("GROKDESK__GATEWAY__ALLOWED_HOSTS", "", "gateway.allowed_hosts", ()),
    ],
)
def test_every_setting_can_come_from_the_environment(
    path: Path, variable: str, text: str, name: str, value: object
) -> None:
    """
    In any case of letters; lists with commas or as JSON.
    """
    settings = SettingsFile(path).load({variable: text, "PATH": "/bin"}, {})

    section, key = name.split(".")
    assert getattr(getattr(settings, section), key) == value


def test_what_is_unknown_is_noted_and_ignored(path: Path) -> None:
    """
    A file of a newer version, or a slip, keeps nothing from starting.
    """
    path.write_text('[gateway]\nport = 7\nprot = 8\n\n[voice]\nname = "eve"\n')
    file = SettingsFile(path)

    settings = file.load({"GROKDESK__GATEWAY__PROT": "1", "GROKDESK__NONSENSE": "2"}, {})

    assert settings.gateway.port == 7
    assert file.notes == (
        "GROKDESK__GATEWAY__PROT is not a setting and was ignored",
        "GROKDESK__NONSENSE is not a setting and was ignored",
        "config.toml, line 3: 'gateway.prot' is not a setting and was ignored",
        "config.toml, line 5: 'voice' is not a section and was ignored",
    )


def test_a_later_load_keeps_environment_and_command_line(path: Path) -> None:
    """
    A hand edit while the program runs does not undo how it was started.
    """
    file = SettingsFile(path)
    file.load({"GROKDESK__GATEWAY__PORT": "10"}, {"logging.level": "debug"})
    path.write_text("[gateway]\nport = 1\nmax_body_mb = 2\n")

    settings = file.load()

    assert (settings.gateway.port, settings.gateway.max_body_mb, settings.logging.level) == (10, 2, "debug")


# --- errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[gateway]\nport = \n", 2),
        ("[gateway]\nport = 1\nport = 2\n", 3),
        ("[gateway\n", 1),
        ('[chat]\n\n# 注释\ncustom_instruction = "abc\n', 4),
        ("[gateway]\r\nhost = 'a'\r\nport = x\r\n", 3),
        ("[gateway]\nallowed_hosts = [\n", 3),
    ],
)
def test_a_slip_in_the_form_names_its_line(path: Path, text: str, line: int) -> None:
    """
    The owner is sent to the place.
    """
    told = wrong(path, text)

    assert told.line == line
    assert told.message.startswith(f"config.toml, line {line}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n[gateway]\nport = 70000\n", "config.toml, line 3: gateway.port: must be less than"),
        ("gateway.port = 'x'\n", "config.toml, line 1: gateway.port: must be a valid integer"),
        ("# a\ngateway = { host = 'h', port = -1 }\n", "config.toml, line 2: gateway.port: must be"),
        (
            "[gateway]\nallowed_hosts = [\n  'a', # one\n  5,\n]\nport = 1\n",
            "config.toml, line 2: gateway.allowed_hosts: must be a valid string",
        ),
        (
            "[chat]\ncustom_instruction = '''\nport = 5\n'''\n[gateway]\nport = -5\n",
            "config.toml, line 6: gateway.port: must be greater",
        ),
        ("\n\ngateway = 5\n", "config.toml, line 3: 'gateway' is a section: write [gateway]"),
        ("[egress]\nproxies = ['ftp://me:hunter2@h']\n", "config.toml, line 2: egress.proxies: 'ftp' is not"),
        (
            "[gateway]\nhost = '0.0.0.0'\nrequire_key = false\n",
            "config.toml, line 3: gateway.require_key can only be off",
        ),
        ("[appearance]\ntheme = 'pink'\n", "config.toml, line 2: appearance.theme: must be 'system'"),
    ],
)
def test_a_wrong_value_names_its_line_and_setting(path: Path, text: str, message: str) -> None:
    """
    However it was written: table, dotted key, inline, or over several lines. The value is not repeated.
    """
    told = wrong(path, text)

    assert told.message.startswith(message)
    assert "hunter2" not in told.message + told.detail


def test_several_wrong_values_are_told_at_once(path: Path) -> None:
    """
    Nobody has to correct, restart and be told the next.
    """
    told = wrong(path, "[gateway]\nport = -1\nmax_body_mb = 0\n")

    assert [line.split(": must")[0] for line in told.message.splitlines()] == [
        "config.toml, line 2: gateway.port",
        "config.toml, line 3: gateway.max_body_mb",
    ]


def test_a_wrong_variable_is_named(path: Path) -> None:
    """
    The line of the file would be the wrong place to look.
    """
    env = {"GROKDESK__GATEWAY__PORT": "many"}

    assert wrong(path, "[gateway]\nport = 1\n", env).message.startswith(
        "GROKDESK__GATEWAY__PORT: gateway.port: "
    )


@pytest.mark.parametrize("text", ["[1", "[[]"])
def test_a_list_in_a_variable_that_is_not_json_is_named(path: Path, text: str) -> None:
    """
    Half a list is not taken for a name.
    """
    told = wrong(path, "", {"GROKDESK__GATEWAY__ALLOWED_HOSTS": text})

    assert told.message.startswith("GROKDESK__GATEWAY__ALLOWED_HOSTS: ")


def test_a_wrong_option_is_named(path: Path) -> None:
    """
    The command line is told apart from file and environment.
    """
    with pytest.raises(InvalidSettings, match=r"^the command line: gateway\.port: "):
        SettingsFile(path).load({}, {"gateway.port": 99_999})
    with pytest.raises(InvalidSettings, match=r"'gateway\.prot' is not a setting"):
        SettingsFile(path).load({}, {"gateway.prot": 1})


def test_a_file_in_another_encoding_is_explained(path: Path) -> None:
    """
    An editor that saved as GBK is told to save as UTF-8, at the line where it shows.
    """
    path.write_bytes(b"[chat]\ncustom_instruction = '" + "中文".encode("gbk") + b"'\n")

    with pytest.raises(InvalidSettings, match="line 2: this is not UTF-8"):
        SettingsFile(path).load({}, {})


def test_an_invalid_file_keeps_the_last_good_settings(path: Path) -> None:
    """
    A slip in a hand edit stops nothing; correcting it is noticed.
    """
    path.write_text("[gateway]\nport = 7\n")
    file = SettingsFile(path)
    good = file.load({}, {})
    path.write_text("[gateway]\nport = seven\n")

    assert file.changed_on_disk()
    with pytest.raises(InvalidSettings):
        file.load()
    assert file.current == good
    assert not file.changed_on_disk()

    path.write_text("[gateway]\nport = 77777 # oops\n[chat]\n")
    assert file.changed_on_disk()


def test_a_bad_first_file_still_leaves_what_the_environment_says(path: Path) -> None:
    """
    What can be known holds, for a program that decides to start anyway.
    """
    path.write_text("nonsense")
    file = SettingsFile(path)

    with pytest.raises(InvalidSettings):
        file.load({"GROKDESK__GATEWAY__PORT": "9"}, {})

    assert file.current.gateway.port == 9


@given(data=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_file_gives_settings_or_an_explanation(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """
    Whatever stands in the file, the owner gets settings or a sentence.
    """
    path = tmp_path_factory.mktemp("any") / "config.toml"
    path.write_bytes(data)
    file = SettingsFile(path)

    with contextlib.suppress(InvalidSettings):
        file.load({}, {})

    assert file.current == Settings()


# --- writing ------------------------------------------------------------------------------------------------


def test_saving_keeps_comments_and_order(path: Path) -> None:
    """
    The file stays the owner's: only the values asked for change.
    """
    path.write_text(OWNERS, "utf-8")
    file = SettingsFile(path)
    file.load({}, {})

    settings = file.save({"gateway.port": 5001, "appearance.theme": Theme.DARK})

    assert (settings.gateway.port, settings.appearance.theme) == (5001, Theme.DARK)
    assert path.read_text("utf-8") == OWNERS.replace("5000", "5001") + '\n[appearance]\ntheme = "dark"\n'


def test_a_default_is_taken_out_of_the_file(path: Path) -> None:
    """
    The file holds what differs, so that a better default reaches those who never chose.
    """
    path.write_text(OWNERS, "utf-8")
    file = SettingsFile(path)
    file.load({}, {})

    file.save({"chat.temporary": True, "gateway.port": 4765})

    text = path.read_text("utf-8")
    assert ("temporary" in text, "port =" in text) == (False, False)
    assert "# my editor expects this one" in text
    assert "请用中文回答" in text


def test_settings_can_be_put_back(path: Path) -> None:
    """
    Afterwards the default holds.
    """
    path.write_text(OWNERS, "utf-8")
    file = SettingsFile(path)
    file.load({}, {})

    settings = file.reset(["gateway.port", "chat.custom_instruction"])

    assert (settings.gateway.port, settings.chat.custom_instruction) == (4765, "")
    assert SettingsFile(path).load({}, {}) == settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gateway.port": 99_999}, "^gateway.port: "),
        ({"gateway.prot": 1}, "'gateway.prot' is not a setting"),
        ({"gateway.host": "::", "gateway.require_key": False}, "^gateway.require_key can only be off"),
    ],
)
def test_an_invalid_change_is_refused_and_nothing_written(
    path: Path, changes: dict[str, Any], message: str
) -> None:
    """
    The window shows the sentence; the file is as it was.
    """
    path.write_text(OWNERS, "utf-8")
    file = SettingsFile(path)
    before = file.load({}, {})

    with pytest.raises(InvalidSettings, match=message):
        file.save({"chat.memory": True, **changes})

    assert (path.read_text("utf-8"), file.current) == (OWNERS, before)


def test_a_bad_file_is_not_overwritten(path: Path) -> None:
    """
    What the owner is in the middle of typing is not lost to a click in the window.
    """
    path.write_text("[gateway]\nport = ")

    with pytest.raises(InvalidSettings, match="line 2"):
        SettingsFile(path).save({"chat.memory": True})

    assert path.read_text() == "[gateway]\nport = "


def test_a_setting_the_environment_decides_can_be_saved_but_does_not_hold(path: Path) -> None:
    """
    It will hold once the variable is gone; a wrong value is refused all the same.
    """
    file = SettingsFile(path)
    file.load({"GROKDESK__GATEWAY__PORT": "10"}, {})

    assert file.save({"gateway.port": 20}).gateway.port == 10
    assert SettingsFile(path).load({}, {}).gateway.port == 20
    with pytest.raises(InvalidSettings, match=r"^gateway\.port"):
        file.save({"gateway.port": -1})


def test_own_writing_is_not_taken_for_a_hand_edit(path: Path) -> None:
    """
    Only somebody else's change is picked up.
    """
    file = SettingsFile(path)
    file.load({}, {})

    file.save({"gateway.port": 1234})

    assert not file.changed_on_disk()


@pytest.mark.skipif(os.name != "posix", reason="rights work differently elsewhere")
def test_a_written_file_is_the_owners_alone(path: Path) -> None:
    """
    And nothing is left beside it.
    """
    SettingsFile(path).save({"gateway.port": 1234})

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    "text",
    [
        "gateway.port = 5\n",
        "gateway = {port = 5} # inline\n",
        "[gateway]\r\nport = 5\r\n",
        "\ufeff[gateway]\nport = 5\n",
        "[chat]\nmemory = true\n[gateway]\nport = 5\n[chat.more]\na = 1\n",
    ],
)
def test_any_way_to_write_a_setting_can_be_changed(path: Path, text: str) -> None:
    """
    Dotted, inline, with Windows line ends or a byte order mark.
    """
    path.write_bytes(text.encode())
    file = SettingsFile(path)
    file.load({}, {})

    file.save({"gateway.port": 6, "gateway.max_body_mb": 7, "privacy.keep_requests": 8})

    settings = SettingsFile(path).load({}, {})
    read = (settings.gateway.port, settings.gateway.max_body_mb, settings.privacy.keep_requests)
    assert read == (6, 7, 8)


@given(
    instruction=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50),
    hosts=st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=9), max_size=3),
    port=st.integers(0, 65_535),
    seconds=st.floats(5, 900),
    memory=st.booleans(),
    statsig=st.sampled_from(StatsigMode),
)
def test_settings_survive_write_and_read_with_their_comments(
    instruction: str,
    hosts: list[str],
    port: int,
    seconds: float,
    memory: bool,
    statsig: StatsigMode,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """
    Whatever was saved is what the next start reads, in the owner's file as it was.
    """
    path = tmp_path_factory.mktemp("any") / "config.toml"
    path.write_text(OWNERS, "utf-8")
    saved = SettingsFile(path).save(
        {
            "chat.custom_instruction": instruction,
            "gateway.allowed_hosts": hosts,
            "gateway.port": port,
            "timeouts.idle_s": seconds,
            "chat.memory": memory,
            "grok_web.statsig": statsig,
        }
    )

    assert SettingsFile(path).load({}, {}) == saved
    assert saved.chat.custom_instruction == instruction
    assert path.read_text("utf-8").startswith("# 我的设置\n[gateway]   # how editors connect\n# my editor")


# --- secrets ------------------------------------------------------------------------------------------------

PROXY = "socks5://me:hunter2@proxy:1080"


def test_saved_secrets_are_sealed(path: Path, vault: Vault) -> None:
    """
    A proxy's password is nowhere in the file, and there after a restart.
    """
    file = SettingsFile(path, vault=vault)

    file.save({"egress.proxies": [PROXY, "http://open:1"], "egress.cookies": "cf_clearance=hunter2"})

    text = path.read_text()
    assert "hunter2" not in text
    assert text.count('"sealed:') == 3
    egress = SettingsFile(path, vault=vault).load({}, {}).egress
    assert egress.proxies == ("socks5h://me:hunter2@proxy:1080", "http://open:1")
    assert egress.cookies == "cf_clearance=hunter2"


def test_a_secret_written_by_hand_is_accepted_and_sealed(
    path: Path, vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The owner need not know how; the comments around it stay, and the log says that it happened.
    """
    path.write_text(f'# mine\n[egress]\nproxies = ["{PROXY}"]  # at work\n')
    file = SettingsFile(path, vault=vault)

    with caplog.at_level(logging.INFO):
        settings = file.load({}, {})

    assert settings.egress.proxies == ("socks5h://me:hunter2@proxy:1080",)
    text = path.read_text()
    assert "hunter2" not in text
    assert text.startswith('# mine\n[egress]\nproxies = ["sealed:')
    assert text.endswith("]  # at work\n")
    assert "settings sealed names=['egress.proxies']" in caplog.text
    assert not file.changed_on_disk()
    assert file.load() == settings


def test_before_the_vault_is_open_sealed_settings_are_at_their_default(path: Path, vault: Vault) -> None:
    """
    The log level can be read before the passphrase is typed; afterwards everything is there.
    """
    SettingsFile(path, vault=vault).save({"egress.proxies": [PROXY], "logging.level": "debug"})
    file = SettingsFile(path)

    early = file.load({}, {})
    file.vault = vault
    late = file.load()

    assert (early.egress.proxies, early.logging.level) == ((), "debug")
    assert late.egress.proxies == ("socks5h://me:hunter2@proxy:1080",)


def test_without_a_vault_no_secret_is_written(path: Path) -> None:
    """
    Rather an error than a password in clear.
    """
    with pytest.raises(Broken, match="before the master key"):
        SettingsFile(path).save({"egress.cookies": "cf_clearance=hunter2"})

    assert not path.exists()


def test_saving_something_else_leaves_sealed_settings_alone(path: Path, vault: Vault) -> None:
    """
    Not even their sealed form changes.
    """
    SettingsFile(path, vault=vault).save({"egress.proxies": [PROXY]})
    before = path.read_text()

    SettingsFile(path).save({"gateway.port": 1})

    assert path.read_text().startswith(before)


@pytest.mark.parametrize("value", ["sealed:AAAA", "sealed:%%%", None])
def test_a_sealed_setting_of_another_key_is_explained(path: Path, vault: Vault, value: str | None) -> None:
    """
    A file copied from another computer names the line to enter again.
    """
    if value is None:
        SettingsFile(path, vault=Vault(bytes(32), KeySource.KEY_FILE)).save({"egress.cookies": "a=b"})
    else:
        path.write_text(f'[egress]\ncookies = "{value}"\n')

    with pytest.raises(InvalidSettings, match=r"line 2: egress\.cookies was sealed with another key"):
        SettingsFile(path, vault=vault).load({}, {})


# --- taking settings elsewhere ------------------------------------------------------------------------------


def test_settings_taken_elsewhere_come_back_the_same() -> None:
    """
    As a TOML text with a heading, secrets in clear.
    """
    values = {
        "gateway.port": 5000,
        "egress.proxies": ("socks5://a:b@c:1",),
        "appearance.theme": Theme.DARK,
        "chat.custom_instruction": "请\n“x”",
    }

    text = settings_toml(values)
    back, notes = read_settings_toml(text.encode())

    assert text.startswith("# Settings of GrokDesk")
    assert back == {**values, "egress.proxies": ["socks5://a:b@c:1"], "appearance.theme": "dark"}
    assert notes == ()


def test_what_another_file_has_too_much_is_named_and_left_out() -> None:
    """
    Keys that are no settings, and secrets that were sealed with another key.
    """
    text = '[gateway]\nprot = 1\nport = 2\n[egress]\ncookies = "sealed:AAAA"\n'

    values, notes = read_settings_toml(text.encode())

    assert values == {"gateway.port": 2}
    assert notes == (
        "the file, line 2: 'gateway.prot' is not a setting and was ignored",
        "egress.cookies is sealed and can be opened only where it was sealed",
    )


@pytest.mark.parametrize(("data", "line"), [(b"[gateway\n", 1), (b"\xff\xfe", None), (b"\ngateway = 1", 2)])
def test_another_file_that_is_no_settings_is_refused(data: bytes, line: int | None) -> None:
    """
    With its line where there is one; the hint speaks of that file and not of ours.
    """
    with pytest.raises(InvalidSettings) as told:
        read_settings_toml(data)

    assert told.value.line == line
    assert "settings from before" not in told.value.hint


def test_a_refused_file_is_remembered_until_it_is_right(path: Path) -> None:
    """
    Whoever comes later can still learn why it is not used; a save or a good file ends it.
    """
    file = SettingsFile(path)
    path.write_text("[chat\n")
    with pytest.raises(InvalidSettings) as told:
        file.load({}, {})
    refused = file.refused
    path.write_text("[chat]\nmemory = true\n")
    file.save({"chat.temporary": False})
    after_save = file.refused
    path.write_text("[chat\n")
    with pytest.raises(InvalidSettings):
        file.load()
    path.write_text("")
    file.load()

    assert refused is told.value
    assert after_save is None
    assert file.refused is None
