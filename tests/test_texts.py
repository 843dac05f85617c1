"""The texts of the windows: all are there for translators, and translated by the rules of the house."""

from __future__ import annotations

import importlib.util
import re
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from grokdesk.ui.languages import CHINESE, FOLDER, english, read

ROOT = Path(__file__).resolve().parents[1]
HAN = "\u3400-\u9fff"
DATE = re.compile(r"[dMyHms:.,/ ]+")
PLACE = re.compile(r"%(?:\d|n)")
# Settings, addresses, options and what stands in a file are not words.
NAMES = re.compile(r"`[^`]*`|\([^()]*\)|--[\w-]+|[\w{}-]+(?:[./:=_][\w./:=-]+)+")
# Words that are always said the same way (the glossary in CONTRIBUTING.md).
GLOSSARY = {
    r"\baccounts?\b": "账号",
    r"\bprox(y|ies)\b": "代理",
    r"\bgateways?\b": "网关",
    r"\btokens?\b": "令牌|Token",
    r"\bclearances?\b": "通行凭证",
    r"\bpassphrases?\b": "口令",
    r"\bkeyring\b": "密钥环",
    r"\btiers?\b": "等级",
    r"\bways? out\b": "出口",
}


@lru_cache(maxsize=1)
def texts() -> ModuleType:
    """The program behind `make texts`."""
    place = ROOT / "packaging" / "texts.py"
    spec = importlib.util.spec_from_file_location("grokdesk_texts", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=1)
def said() -> Any:  # noqa: ANN401 - of a module that is found by its path
    """What the sources say."""
    return texts().found()


@lru_cache(maxsize=1)
def translations() -> list[tuple[str, str, str]]:
    """Context, English and Chinese text of everything that is translated."""
    return [
        (context, source, text)
        for (context, source), text in texts().translated(CHINESE).items()
        if text  # what is not finished is another test's affair
    ]


def broken(rule: re.Pattern[str]) -> list[tuple[str, str]]:
    """What of the Chinese texts has what the rule forbids and the English one does not have."""
    return [
        (context, text)
        for context, source, text in translations()
        if rule.search(text) and not rule.search(source) and not DATE.fullmatch(source)
    ]


def test_every_text_can_be_found_by_reading_the_sources() -> None:
    """
    `tr` is given a literal: what it is given by a variable, no translator ever sees.
    """
    assert said().problems == []


def test_the_file_has_what_the_sources_say() -> None:
    """
    After a change of a text, run `make texts`.
    """
    there = texts().translated(CHINESE)
    wanted = {(text.context, text.source) for text in said().texts}

    assert wanted - there.keys() == set()
    assert there.keys() - wanted == set()


def test_the_file_is_as_make_texts_writes_it() -> None:
    """
    So that the next `make texts` changes nothing but what is new.
    """
    made = texts().merged(said().texts, texts().translated(CHINESE))

    assert texts().path_of(CHINESE).read_text("utf-8") == texts().written(CHINESE, made)


def test_everything_is_translated() -> None:
    """
    An unfinished text would be shown in English among Chinese ones.
    """
    assert [key for key, text in texts().translated(CHINESE).items() if not text.strip()] == []


def test_what_is_put_into_a_text_has_its_place_in_the_translation() -> None:
    """
    %1, %2 and %n: each as often as in English.
    """
    wrong = [
        (source, text)
        for _, source, text in translations()
        if sorted(PLACE.findall(source)) != sorted(PLACE.findall(text))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (
            rf"[{HAN}](?!;;)[,;:!?]|(?<!;;)(?<=[,;!?])[{HAN}]|[{HAN}]\.(?!\w)",
            "full-width punctuation beside Chinese",
        ),
        (rf"[{HAN}]\([{HAN}]|[{HAN}]\)", "full-width brackets around Chinese"),
        (r"[!！]", "no exclamation marks"),
        (rf"['\"‘’][{HAN}]|[{HAN}]['\"‘’]", "quotes are “”"),
        (rf"[{HAN}][A-Za-z0-9]|(?<!%)(?<![%\d])[A-Za-z0-9][{HAN}]", "a space between Chinese and Latin"),
        (rf"[{HAN}]%n|%n[{HAN}]", "a space between Chinese and a count"),
        (r"……|\.\.\.", "three dots are one character, …"),
        (r"[，。；：？、“”（）] (?!\()| [，。；：？、”）]", "no space beside full-width punctuation"),
        (r"您", "people are called 你"),
        (r"帐|登陆|视窗|软体|网路|程式", "the words of the mainland, written right"),
    ],
    ids=lambda value: value.split(",")[0] if " " in value else "",
)
def test_chinese_is_written_by_the_rules(rule: str, why: str) -> None:
    """
    CONTRIBUTING.md says them for translators.
    """
    assert broken(re.compile(rule)) == [], why


def test_a_sentence_stays_one() -> None:
    """
    One that ends with a full stop, a question mark or three dots does so in Chinese.
    """
    ends = {".": "。.", "?": "？", "…": "…", ":": "：:"}
    wrong = [
        (source, text)
        for _, source, text in translations()
        if source[-1] in ends and text[-1] not in ends[source[-1]]
    ]
    assert wrong == []


def test_a_thing_has_one_name() -> None:
    """
    The words of the glossary are used wherever the English text has them.
    """
    wrong = [
        (chinese, source, text)
        for _, source, text in translations()
        for english_word, chinese in GLOSSARY.items()
        if re.search(english_word, NAMES.sub("", source), re.IGNORECASE) and not re.search(chinese, text)
    ]
    assert wrong == []


def test_every_count_in_english_has_both_forms() -> None:
    """
    `%n account(s)` becomes one account or two accounts; any other plural would be shown as it is.
    """
    for text in said().texts:
        if text.counted:
            assert "%n" in text.source, text.source
            for count in (1, 2):
                told = english("", text.source, count) or text.source
                assert "(s)" not in told, text.source
                assert not re.search(r"\((es|ies|n|is/are)\)", told), text.source


def test_no_text_speaks_of_files_twice() -> None:
    """
    Every text that is read at run time is one of the file, and none is lost on the way.
    """
    assert read(FOLDER / f"grokdesk_{CHINESE}.ts") == {
        (context, source): text for context, source, text in translations()
    }


def test_a_new_text_takes_the_translation_it_has_elsewhere_and_one_that_is_gone_is_dropped() -> None:
    """
    Only when it is the same everywhere: one word can have two meanings.
    """
    text = texts().Text
    known = {
        ("A", "Close"): "关闭",
        ("B", "Close"): "关闭",
        ("A", "Left"): "剩余",
        ("B", "Left"): "左",
        ("A", "Gone"): "已不存在",
    }

    made = texts().merged(
        {text("A", "Close"), text("C", "Close"), text("C", "Left"), text("C", "New")}, known
    )

    assert {(one.context, one.source): to for one, to in made.items()} == {
        ("A", "Close"): "关闭",
        ("C", "Close"): "关闭",
        ("C", "Left"): "",
        ("C", "New"): "",
    }
