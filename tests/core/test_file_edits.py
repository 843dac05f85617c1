"""Settings files of other programs: only what is ours comes in, and only that goes out again."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core import file_edits, jsonc, toml_lines, yaml_lines
from grokdesk.core.client_setups import (
    BY_ID,
    CLIENTS,
    FileKind,
    Put,
    Values,
    fields,
    is_own_key,
    puts,
    snippet,
)
from grokdesk.core.file_edits import Edited, Unsafe, diff, edited, undone
from grokdesk.core.jsonc import BadText, InTheWay

VALUES = Values(
    "http://127.0.0.1:4765/v1", "gd-invented-key", "grok-4.20-auto", "grok-4.20-fast", "grok-4.20-expert"
)


def set_up(client_id: str, text: str, values: Values = VALUES) -> Edited:
    client = BY_ID[client_id]
    assert client.file is not None
    blank = file_edits.is_blank(client.file, text)
    return edited(client.file, text, puts(client, values, blank=blank))


def taken_back(client_id: str, text: str, done: Edited) -> tuple[str, list[tuple[str, ...]]]:
    kind = BY_ID[client_id].file
    assert kind is not None
    return undone(kind, text, done.written, done.made)


# --- what comes in, goes out --------------------------------------------------------------------------------

CLAUDE = [
    "{}",
    '{\n  "env": {},\n  "x": 1 // c\n}\n',
    '{\n\t"permissions": {"allow": ["a"]},\n\t"env": {\n\t\t"A": "1", // keep\n\t},\n}\n',
    '{"env": {"ANTHROPIC_MODEL": "opus", "B": "2"}}',
    '{\r\n    "model": "opus",\r\n    "env": {\r\n        "Z": "1"\r\n    }\r\n}\r\n',
    '// head\n{\n  /* all */ "env": {"A": "名"}, // the end\n  "list": [1, 2,],\n}',
    '{"a": {"env": {}}, "b": "\\u00e9 // no comment"}',
]
CODEX = [
    "",
    "# head\n\n[tui]\nx = 1 # c\n",
    'model = "gpt-5"  # mine\n[model_providers.x]\nname="x"\n\n[profiles.a]\nb=1\n',
    'a.b = 1\nmodel_providers.z.name = "q"\n[t]\n',
    '[model_providers.grokdesk]\nname = "mine"\nextra = 3\n',
    'notes = """\n[tui]\nmodel = "no"\n"""\r\n[[things]]\r\nmodel = "x"\r\n',
]
AIDER = [
    "",
    "# comment\nmodel: gpt-4 # mine\ndark-mode: true\n",
    'lint-cmd:\n  - "a: b"\n"model": \'x\'\n',
    "a: 1\n# of b\nb: |\n  its end is that of the file\n  # and this is no comment",
]
CONTINUE = [
    "",
    "name: Local\nversion: 1.0.0\nschema: v1\nmodels: []\nrules:\n  - a\n",
    "name: L\nmodels:\n- name: a\n  provider: x\n# c\nrules: []\n",
    "models:\n  # first\n    - name: b\n      provider: z\n",
    "name: x\r\nmodels:\r\n  - uses: a/b\r\n",
    "name: x\n",
    "name: x\nprompts:\n- name: p\n  prompt: |\n    say it",
]
ZED = ['// Zed\n{\n  "theme": "One",\n  "language_models": {\n    "openai": {"a": 1},\n  },\n}\n', "{}\n"]
FILES = [
    (client, text)
    for client, texts in (
        ("claude-code", CLAUDE),
        ("codex", CODEX),
        ("aider", AIDER),
        ("continue", CONTINUE),
        ("zed", ZED),
    )
    for text in texts
]


@pytest.mark.parametrize(("client", "text"), FILES)
def test_what_is_put_in_is_taken_out_again_byte_for_byte(client: str, text: str) -> None:
    """
    Comments, order, indentation, trailing commas and ends of lines of the rest are those of the owner.
    """
    done = set_up(client, text)

    assert "gd-invented-key" in done.text or client == "zed"
    assert "127.0.0.1:4765" in done.text
    assert taken_back(client, done.text, done) == (text, [])


@pytest.mark.parametrize(("client", "text"), FILES)
def test_doing_it_twice_changes_nothing_and_is_still_taken_back_whole(client: str, text: str) -> None:
    """
    What stood there before the first time is not forgotten, also when the model and the key are others now.
    """
    kind = BY_ID[client].file
    assert kind is not None
    first = set_up(client, text)
    others = Values(VALUES.base_url, "gd-another", "grok-4.20-fast")

    again = edited(kind, first.text, puts(BY_ID[client], VALUES, blank=False), first.written)
    other = edited(kind, again.text, puts(BY_ID[client], others, blank=False), again.written)
    back, left = undone(kind, other.text, other.written, first.made)

    assert again.text == first.text
    assert other.text != first.text
    assert (back, left) == (text, [])


@pytest.mark.parametrize(("client", "text"), FILES)
def test_every_line_of_the_owner_is_still_there(client: str, text: str) -> None:
    """
    A line that is lost or changed is one of a value that has our name.
    """
    done = set_up(client, text)
    ours = {put.path[-1] for put in puts(BY_ID[client], VALUES, blank=True)} | {
        "env",
        "models",
        "language_models",
    }

    gone = [line.text for line in diff(text, done.text, str) if line.sign == "-"]

    assert all(any(name in line for name in ours) or done.text.count(line.strip(" {}\r")) for line in gone), (
        gone
    )


def test_later_changes_of_the_owner_survive_an_undo() -> None:
    """
    Something added and something of ours changed: both stay, and the second is named.
    """
    done = set_up("claude-code", '{\n  "model": "opus"\n}\n')
    text = done.text.replace('"model": "opus",', '"model": "opus",\n  "theme": "dark", // new').replace(
        '"ANTHROPIC_MODEL": "grok-4.20-auto"', '"ANTHROPIC_MODEL": "my-own"'
    )

    back, left = taken_back("claude-code", text, done)

    assert left == [("env", "ANTHROPIC_MODEL")]
    assert jsonc.value_at(back, ()) == {
        "model": "opus",
        "theme": "dark",
        "env": {"ANTHROPIC_MODEL": "my-own"},
    }
    assert '"theme": "dark", // new' in back


def test_a_table_the_owner_has_added_to_keeps_its_header() -> None:
    """
    In TOML as well only our lines go.
    """
    done = set_up("codex", 'model = "gpt-5"\n')
    text = done.text.replace('wire_api = "responses"', 'wire_api = "responses"\nrequest_max_retries = 7')

    back, left = taken_back("codex", text, done)

    assert left == []
    assert tomllib.loads(back) == {
        "model": "gpt-5",
        "model_providers": {"grokdesk": {"request_max_retries": 7}},
    }


def test_an_entry_that_was_changed_stays() -> None:
    """
    A list entry is ours as a whole, or not.
    """
    done = set_up("continue", "name: x\nmodels:\n  - name: a\n")
    text = done.text.replace("model: grok-4.20-auto", "model: grok-4.20-heavy")

    back, left = taken_back("continue", text, done)

    assert back == text
    assert left == [("models", "name: GrokDesk")]


# --- what is left alone -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "text", "line"),
    [
        ("claude-code", '{\n  "a": 1\n  "b": 2\n}', 3),
        ("claude-code", "[1]", 1),
        ("claude-code", '{"a": 1} x', 1),
        ("claude-code", '{\n"a": nope}', 2),
        ("claude-code", '{"a": "b', 1),
        ("claude-code", '{"a": 1 /* b }', 1),
        ("claude-code", '{"a" 1}', 1),
        ("claude-code", '{"a": 1,,}', 1),
        ("claude-code", '{"a": "\\q"}', 1),
        ("claude-code", '{"a": ' + "[" * 200 + "]" * 200 + "}", 1),
        ("codex", 'model = "a"\nmodel = "b"\n', 2),
        ("codex", "= 1", 1),
        ("aider", "model: a\nmodel: b\n", 2),
        ("aider", "just a text\n", 1),
        ("aider", "a: 1\n\tb: 2\n", 2),
        ("aider", "{a: 1}\n", 1),
        ("aider", "# all of it is indented\n  model: z\n", 2),
        ("aider", "- a\n- b\n", 1),
        ("aider", "a: 1\n---\nb: 2\n", 2),
        ("aider", "a: 1\nb: \x0b\n", 2),
        ("aider", "openai-api-base: x\ra: y\r", 1),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(client: str, text: str, line: int) -> None:
    """
    Nothing is guessed.
    """
    with pytest.raises(BadText) as refused:
        set_up(client, text)

    assert refused.value.line == line


@pytest.mark.parametrize(
    ("client", "text"),
    [
        ("claude-code", '{"env": "all"}'),
        ("zed", '{"language_models": {"openai_compatible": []}}'),
        ("aider", "model: |\n  x\n"),
        ("aider", "model:\n  - x\n"),
        ("continue", "models: {a: b}\n"),
        ("continue", "models:\n  a: b\n"),
        ("codex", 'model = ["a"]\n'),
    ],
)
def test_something_else_in_that_place_is_left_alone(client: str, text: str) -> None:
    """
    A list where an object belongs is not overwritten.
    """
    with pytest.raises(InTheWay):
        set_up(client, text)


@pytest.mark.parametrize(
    "text", ['model_providers = { x = { name = "y" } }\n', "[model_providers]\ngrokdesk.name = 'a'\n"]
)
def test_a_file_written_in_another_way_is_not_spoiled(text: str) -> None:
    """
    Tables within a line are TOML too, and are left to their owner.
    """
    with pytest.raises(Unsafe):
        set_up("codex", text)


def test_a_name_that_is_there_twice_is_refused_only_where_it_matters() -> None:
    """
    Which one counts differs between readers.
    """
    with pytest.raises(BadText):
        set_up("claude-code", '{"env": {}, "env": {}}')

    assert set_up("claude-code", '{"x": 1, "x": 2}').text


# --- any file -----------------------------------------------------------------------------------------------

SPACES = st.sampled_from(["", " ", "\n", "\n  ", " // c\n", "/* x */"])
NAMES = st.sampled_from(["env", "a", "b", "ANTHROPIC_MODEL", "名"])


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> str:
    names = draw(st.lists(NAMES, unique=True, max_size=3))
    parts: list[str] = []
    for name in names:
        plain = st.sampled_from(["1", '"x"', "null", "[1, 2]"])
        either = st.one_of(plain, objects(depth - 1)) if depth else plain
        value = draw(objects(depth - 1) if name == "env" and depth else either)
        parts.append(
            f"{draw(SPACES)}{json.dumps(name, ensure_ascii=False)}:{draw(SPACES)}{value}{draw(SPACES)}"
        )
    tail = draw(st.sampled_from(["", ","])) if parts else ""
    return "{" + ",".join(parts) + tail + draw(SPACES) + "}"


@given(objects())
def test_any_object_means_what_it_did_with_ours_in_it(text: str) -> None:
    """
    Put in and taken out again, a file says the same as before, whatever it looks like.
    """
    before = jsonc.value_at(text, ())
    done = set_up("claude-code", text)
    after = jsonc.value_at(done.text, ())
    back, left = taken_back("claude-code", done.text, done)

    assert isinstance(before, dict)
    assert isinstance(after, dict)
    env = after["env"]
    assert isinstance(env, dict)
    assert env["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:4765"
    assert {**after, "env": None} == {**before, "env": None}
    assert jsonc.value_at(back, ()) == before
    assert left == []
    assert back.count("// c") == text.count("// c")


VALUES_OF_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=5), VALUES_OF_JSON, max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    st.sampled_from([None, 0, 2, 4, "\t"]),
)
def test_strict_json_stays_strict_json(
    others: dict[str, object], env: dict[str, str], indent: int | str | None
) -> None:
    """
    Another reader than ours finds the same in it.
    """
    before = {**others, "env": env}
    done = set_up("claude-code", json.dumps(before, indent=indent, ensure_ascii=False))
    after = json.loads(done.text)
    ours = {put.path[1]: put.value for put in puts(BY_ID["claude-code"], VALUES, blank=False)}

    assert after == {**before, "env": {**env, **ours}}


@given(st.text(alphabet=st.sampled_from('{}[]",:\\/ \n*a1-'), max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    """
    Nothing but the two refusals comes out of reading.
    """
    for client in CLIENTS:
        if client.file is not None:
            try:
                done = set_up(client.id, text)
            except (BadText, InTheWay, Unsafe):
                continue
            assert (
                file_edits.value_at(
                    client.file,
                    done.text,
                    done.written[-1].path,
                    entry=done.written[-1].entry,
                )
                == done.written[-1].value
            )


# --- comparing, and the texts -------------------------------------------------------------------------------


def test_the_comparison_shows_what_changes_around_it_and_no_key() -> None:
    """
    Three lines on either side; a key is hidden as it is told to be.
    """
    text = "".join(f"line{number}: x\n" for number in range(20))
    done = edited(FileKind.YAML, text, [Put(("line10",), "gd-secret")])

    lines = diff(text, done.text, lambda line: line.replace("gd-secret", "gd-…"))

    assert [line.sign for line in lines] == ["…", " ", " ", " ", "-", "+", " ", " ", " ", "…"]
    assert lines[5].text == "line10: gd-…"
    assert (lines[4].old, lines[5].new) == (11, 11)


def test_every_program_has_something_to_copy() -> None:
    """
    A text or fields, with the address, the key and the model in it.
    """
    for client in CLIENTS:
        shown = snippet(client, VALUES) + "".join(field.value for field in fields(client, VALUES))
        assert "gd-invented-key" in shown, client.id
        assert "127.0.0.1:4765" in shown or client.id == "cursor", client.id
        assert "grok-4.20-auto" in shown or client.id == "open-webui", client.id


def test_snippets_are_what_the_programs_read() -> None:
    """
    JSON is JSON, TOML is TOML, and Python is Python.
    """
    json.loads(snippet(BY_ID["claude-code"], VALUES))
    json.loads(snippet(BY_ID["zed"], VALUES))
    told = tomllib.loads(snippet(BY_ID["codex"], VALUES))
    for name in ("openai", "anthropic", "langchain"):
        compile(snippet(BY_ID[name], VALUES), name, "exec")
    yaml_lines.check(snippet(BY_ID["continue"], VALUES))

    assert told["model_providers"]["grokdesk"]["wire_api"] == "responses"
    assert snippet(BY_ID["anthropic"], VALUES).count("/v1") == 0


def test_keys_of_programs_are_known_by_their_names() -> None:
    """
    The key that is shown to everybody is never one of these.
    """
    assert is_own_key("Claude Code")
    assert not is_own_key("First key")


def test_toml_keeps_a_file_without_a_last_line_end_readable() -> None:
    """
    A missing end of the last line does not glue two lines together.
    """
    text = toml_lines.put('a = "b"', ("model",), "x")

    assert tomllib.loads(text) == {"a": "b", "model": "x"}
