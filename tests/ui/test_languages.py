"""English and Chinese: which is spoken, what the engine says, and changing it while the window is open."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import openai
import pytest
from PySide6.QtCore import QCoreApplication, QDate, QLocale, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QMenu,
    QTableView,
)

from grokdesk.core.accounts import Status
from grokdesk.core.errors import Broken
from grokdesk.core.runs import RunRecord, RunState, Try
from grokdesk.sim import Simulator, World, safety
from grokdesk.ui import report, settings_words, words
from grokdesk.ui.languages import (
    CHINESE,
    ENGLISH,
    SYSTEM,
    chosen,
    english,
    language_of,
    languages,
    locale_of,
    told,
)
from grokdesk.ui.models.requests import TOTAL, Requests
from grokdesk.ui.theme import Look
from grokdesk.ui.widgets.table import INSET
from grokdesk.ui.windows.library import LibraryPane
from grokdesk.ui.windows.network import NetworkPane
from grokdesk.ui.windows.palette import Palette
from grokdesk.ui.windows.requests import RequestsPane
from grokdesk.ui.windows.requests_live import RequestTable
from grokdesk.ui.windows.settings import SettingsPane
from tests.app.failures_page import PATH as FAILURES
from tests.rig import FAST, basic, running, token
from tests.ui.faces import Face, Open, click, press, settle
from tests.ui.gallery import Seed, staged
from tests.ui.stand_in import NOON, account, every_state
from tests.ui.walking import english_left, said

HAN = re.compile("[\u3400-\u9fff]")
# Three English words in a row are a text that nobody translated.
ENGLISH_WORDS = re.compile(r"\b[A-Za-z]*[a-z]{2,} [a-z]{2,} [a-z]{2,}\b")
REFUSED = "Grok no longer accepts this account's sign-in."


@pytest.fixture(autouse=True)
def _english_again(qapp: QApplication) -> Iterator[None]:
    yield
    languages().speak(ENGLISH)


# --- which language -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "wishes", "spoken"),
    [
        ("en", ["zh-CN"], ENGLISH),
        ("zh_CN", ["en-GB"], CHINESE),
        ("system", ["zh-Hans-CN", "en-US"], CHINESE),
        ("system", ["zh_TW"], CHINESE),
        ("system", ["en-GB", "zh-CN"], ENGLISH),
        ("system", ["de-DE", "zh-CN"], CHINESE),
        ("system", ["de-DE", "fr"], ENGLISH),
        ("system", [], ENGLISH),
    ],
)
def test_the_language_is_the_chosen_one_or_the_first_of_the_system_that_is_there(
    choice: str, wishes: list[str], spoken: str
) -> None:
    """
    Of what the system prefers, in its order; English when it prefers neither.
    """
    assert language_of(choice, wishes) == spoken


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        ('[appearance]\nlanguage = "zh_CN"\n', {}, CHINESE),
        ("[gateway]\nport = 1\n\n[appearance]\n# mine\ntheme = 'dark'\nlanguage = 'en'\n", {}, ENGLISH),
        ('[appearance]\ntheme = "dark"\n[other]\nlanguage = "zh_CN"\n', {}, SYSTEM),
        ('[appearance]\nlanguage = "klingon"\n', {}, SYSTEM),
        ("[appearance", {}, SYSTEM),
        ('[appearance]\nlanguage = "zh_CN"\n', {"GROKDESK__APPEARANCE__LANGUAGE": "en"}, ENGLISH),
    ],
)
def test_the_icon_speaks_the_chosen_language_before_there_are_settings(
    tmp_path: Path, text: str, environment: dict[str, str], said: str
) -> None:
    """
    From the settings file or the environment; whatever cannot be read is left to those who explain it.
    """
    config = tmp_path / "config.toml"
    config.write_text(text, "utf-8")

    assert chosen(config, environment) == said
    assert chosen(tmp_path / "missing.toml", environment) == (said if environment else SYSTEM)


def test_numbers_and_dates_are_those_of_the_language(qapp: QApplication) -> None:
    """
    Month names of another language than the sentence around them would be strange.
    """
    languages().speak(CHINESE)

    assert QLocale().language() is QLocale.Language.Chinese
    assert QLocale().toString(QDate(2026, 8, 14), "MMMM") == "八月"
    assert locale_of(ENGLISH).language() is QLocale.Language.English


# --- texts --------------------------------------------------------------------------------------------------


def test_texts_counts_and_what_qt_says_are_chinese(qapp: QApplication) -> None:
    """
    The program's own texts, those with a number, and the buttons of Qt's dialogs.
    """
    languages().speak(CHINESE)

    assert words.tr("Ready") == "可用"
    assert QCoreApplication.translate("AddAccounts", "Add %n account(s)", "", 1) == "添加 1 个账号"
    assert QCoreApplication.translate("AddAccounts", "Add %n account(s)", "", 12) == "添加 12 个账号"
    assert QCoreApplication.translate("QPlatformTheme", "Cancel") == "取消"
    assert words.ago(NOON - 120, NOON) == "2 分钟前"


def test_english_makes_plurals_and_comes_back(qapp: QApplication) -> None:
    """
    And nothing of the other language is left.
    """
    languages().speak(CHINESE)
    languages().speak(ENGLISH)

    assert QCoreApplication.translate("AddAccounts", "Add %n account(s)", "", 1) == "Add 1 account"
    assert QCoreApplication.translate("AddAccounts", "Add %n account(s)", "", 2) == "Add 2 accounts"
    assert QCoreApplication.translate("QPlatformTheme", "Cancel") == "Cancel"
    assert told(REFUSED) == REFUSED
    assert english("", "no count (s)", -1) is None


# --- what the engine says -----------------------------------------------------------------------------------


def of_the_table() -> list[str]:
    """What an owner reads of docs/failures.md: what it means, what to do, and how a job ended."""
    found: list[str] = []
    for line in FAILURES.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if len(cells) == 7 and cells[0] not in {"What Grok answered", "---"}:
            found += [cells[1], cells[6], *re.findall(r"\*([^*]+)\*", cells[5])]
    return [one for one in dict.fromkeys(found) if one not in {"–", ""}]


def test_every_sentence_of_the_table_of_failures_is_told_in_chinese(qapp: QApplication) -> None:
    """
    Whole: no English words are left in it but names.
    """
    languages().speak(CHINESE)

    sentences = of_the_table()
    left = [
        (one, told(one)) for one in sentences if ENGLISH_WORDS.search(told(one)) or not HAN.search(told(one))
    ]

    assert len(sentences) > 60
    assert left == []


@pytest.mark.parametrize(
    ("said", "chinese"),
    [
        ("Port 4765 is in use by ollama.", "端口 4765 已被 ollama 占用。"),
        ("The model 'gpt-9' does not exist.", "模型“gpt-9”不存在。"),
        (
            "config.toml, line 3: gateway.port: must be less than or equal to 65535",
            "config.toml 第 3 行：gateway.port：必须小于或等于 65535",
        ),
        (
            "All 3 accounts for this model are out of questions or resting; the next is ready in 12 minutes.",
            "适用于此模型的 3 个账号的提问次数都已用完或正在冷却；最早 12 分钟后可用。",
        ),
        (
            "Grok's answer broke off in the middle. Grok may have begun by then, so this was not repeated.",
            "Grok 的回答中途断开。当时 Grok 可能已经开始，因此没有重复请求。",
        ),
        (
            "3 files deleted, 1 could not be: Grok did not accept this request.",
            "已删除 3 个文件，1 个未能完成：Grok 没有接受此请求。",
        ),
        ("Terms accepted, adult content is shown.", "已接受条款、显示成人内容。"),
        ("3 files deleted.", "已删除 3 个文件。"),
        ("At least 12 files, 3.4 MB.", "至少 12 个文件、3.4 MB。"),
        ("4 fetched, 2 were here already, 1 could not be had.", "已取回 4 个，2 个这里已有，1 个无法取得。"),
        ("The account is out of questions.", "账号的提问次数已用完。"),
        ("Grok cannot do this: 1, 2.", "Grok cannot do this: 1, 2."),
        ("Try again.\nCheck it again.", "请再试一次。\n请再次检查它。"),
        ("Something that nobody here says.", "Something that nobody here says."),
        ("Try again. Something that nobody here says.", "Try again. Something that nobody here says."),
        ("", ""),
    ],
)
def test_sentences_are_told_with_what_stands_in_them(qapp: QApplication, said: str, chinese: str) -> None:
    """
    By the patterns they are made from, also one in another; what is not known stays as it is.
    """
    languages().speak(CHINESE)

    assert told(said) == chinese
    assert told(said) == chinese  # from memory


@pytest.mark.parametrize(
    "hostile",
    [
        "Try again. " * 50,
        "must be " + ", " * 280,
        "must be a, " * 40 + " or ",
        "%1 %2 %3: " * 50,
        "One, two and three. " * 25,
        "'a' is not 'b' is not " * 20 + ".",
        "x" * 100_000,
    ],
)
def test_a_long_text_costs_no_time(qapp: QApplication, hostile: str) -> None:
    """
    What is told may quote a client or a server; a window must not stand still for it.
    """
    languages().speak(CHINESE)
    told(REFUSED)
    begun = time.perf_counter()

    told(hostile)

    assert time.perf_counter() - begun < 0.1


def test_an_error_is_explained_in_the_language_of_the_window(qapp: QApplication) -> None:
    """
    Title, message and hint; the detail is for reports and stays.
    """
    languages().speak(CHINESE)

    explained = report.explain(
        Broken("The disk is full.", hint="Check the disk and the data folder.", detail="x")
    )

    assert explained == report.Explained("GrokDesk 出现问题", "磁盘已满。", "请检查磁盘和数据文件夹。", "x")
    assert explained.text == "磁盘已满。请检查磁盘和数据文件夹。"


def test_the_reason_of_an_account_is_told(qapp: QApplication) -> None:
    """
    It is kept in English, so that it is right after a change of language as well.
    """
    one = account(1, status=Status.EXPIRED, reason=REFUSED)

    assert words.account_state(one, NOON).why == REFUSED
    languages().speak(CHINESE)
    assert words.account_state(one, NOON).why == "Grok 不再接受此账号的登录。"


def test_all_settings_are_in_chinese(qapp: QApplication) -> None:
    """
    Title and help of each, the headings, and every choice.
    """
    languages().speak(CHINESE)

    names = re.compile(r"([A-Z][\w.]* ?)+|[\d\W_]+")
    for page in settings_words.pages():
        assert HAN.search(page.title) or names.fullmatch(page.title)
        for section in page.sections:
            for field in section.fields:
                title, text = settings_words.of_model(field.title), settings_words.of_model(field.help)
                assert HAN.search(title) or names.fullmatch(title), field.name
                assert not ENGLISH_WORDS.search(text), field.name
                assert HAN.search(text) or not field.help, field.name


# --- in the window ------------------------------------------------------------------------------------------


def failed_run() -> RunRecord:
    return RunRecord(
        id="run-1",
        at=NOON - 60,
        model=FAST,
        client="aider",
        dialect="openai_chat",
        state=RunState.FAILED,
        failure=REFUSED,
        tries=(Try("Anna", "direct", REFUSED, status=401),),
    )


async def speak(face: Face, language: str) -> None:
    """Choose a language in the settings, as a pane does."""
    face.shell.desk.choose_language(language)
    await until(lambda: languages().now == language)
    await settle()


async def test_the_window_and_the_tray_speak_the_chosen_language_at_once(open_face: Open) -> None:
    """
    Places, status bar, tray, window title, and back again.
    """
    face = await open_face(every_state(), [failed_run()])
    face.window.go("accounts")

    await speak(face, CHINESE)

    assert "账号" in {one.accessibleName() for one in face.window.findChildren(QAbstractButton)}
    assert face.window.pane.key == "accounts"
    assert "网关正在运行" in " ".join(said(face.window))
    menu = lines(face.tray.menu)
    assert "退出" in menu
    assert [line for line in menu if re.search("[a-z]{3,} [a-z]{3,}", line)] == []

    await speak(face, ENGLISH)

    assert "Gateway running" in " ".join(said(face.window))
    assert not any(HAN.search(text) for text in said(face.window.status))


@pytest.mark.parametrize("place", ["home", "accounts", "network", "requests", "settings"])
async def test_nothing_in_a_pane_stays_english(open_face: Open, place: str) -> None:
    """
    Labels, buttons, fields, headings, tooltips and what a screen reader says.
    """
    face = await open_face(every_state(), [failed_run()])
    await speak(face, CHINESE)
    face.window.go(place)
    await settle()

    assert english_left(face.window) == []


async def test_what_was_typed_chosen_and_not_saved_survives_the_change(open_face: Open) -> None:
    """
    A search among the accounts and a setting that is not saved yet.
    """
    face = await open_face(every_state())
    search = face.accounts().search_field()
    assert search is not None
    search.setText("anna")
    face.window.go("settings")
    settings = face.window.pane
    assert isinstance(settings, SettingsPane)
    settings.show_setting("chat.custom_instruction")
    settings.draft.put({"chat.custom_instruction": "简短回答"})
    await settle()
    assert face.window.unsaved() == 1

    await speak(face, CHINESE)

    assert face.window.unsaved() == 1
    again = face.accounts().search_field()
    assert again is not None
    assert again is not search
    assert again.text() == "anna"


def lines(menu: QMenu) -> list[str]:
    """The lines of a menu and of the menus in it."""
    found: list[str] = []
    for action in menu.actions():
        inner = action.menu()
        found += [action.text(), *(lines(inner) if isinstance(inner, QMenu) else ())]
    return found


async def until(true: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what an outsider sees tells nobody
            await asyncio.sleep(0.01)


async def test_filters_pages_and_typed_cookies_survive_the_change(tmp_path: Path, qapp: QApplication) -> None:
    """
    Of the library and of the network, whose panes are built anew as well.
    """
    async with staged(Seed.NORMAL, tmp_path, qapp) as stage:
        await stage.open()
        library = stage.pane("library", LibraryPane)
        library.search.setText("boat")
        click(library.favourites)
        click(library.as_list)
        sought = library.sought()
        network = stage.pane("network", NetworkPane)
        await stage.app.change({"egress.clearance": "manual"})
        network.tabs.setCurrentIndex(1)
        await settle()
        network.cloudflare.cookies.setPlainText("cf_clearance=half")
        await settle()

        stage.shell.desk.choose_language(CHINESE)
        await until(lambda: languages().now == CHINESE)
        await settle()

        again = stage.pane("network", NetworkPane)
        assert again is not network
        assert again.tabs.tabText(1) == "Cloudflare"
        assert (again.tabs.currentIndex(), again.cloudflare.cookies.toPlainText()) == (1, "cf_clearance=half")
        shelf = stage.pane("library", LibraryPane)
        assert shelf is not library
        assert shelf.sought() == sought
        assert shelf.as_list.isChecked()


@pytest.mark.parametrize("by_keyboard", [False, True])
async def test_the_language_is_changed_in_the_settings(
    tmp_path: Path, qapp: QApplication, by_keyboard: bool
) -> None:
    """
    Chosen, saved, and everything is Chinese; it is in the file for the next start.
    """
    async with staged(Seed.NORMAL, tmp_path, qapp) as stage:
        await stage.open()
        pane = stage.pane("settings", SettingsPane)
        pane.show_setting("appearance.language")
        await settle()
        choice = pane.rows["appearance.language"].control.findChild(QComboBox)
        assert choice is not None
        assert [choice.itemText(at) for at in range(choice.count())][1:] == ["English", "简体中文"]

        if by_keyboard:
            choice.setFocus()
            press(stage.window, Qt.Key.Key_End)
            press(stage.window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
        else:
            choice.setCurrentIndex(2)
            choice.activated.emit(2)
            click(pane.save_button)
        await until(lambda: languages().now == CHINESE)
        await settle()

        assert "设置" in {one.accessibleName() for one in stage.window.findChildren(QAbstractButton)}
        assert stage.window.pane.key == "settings"
        assert stage.window.unsaved() == 0
        assert 'language = "zh_CN"' in (tmp_path / "config.toml").read_text("utf-8")


async def test_a_language_is_found_in_the_palette_by_its_own_name(open_face: Open) -> None:
    """
    With the keyboard alone, by one who cannot read the language of the window.
    """
    face = await open_face()
    for name, language in (("简体", CHINESE), ("english", ENGLISH)):
        press(face.window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
        palette = face.window.findChild(Palette)
        assert palette is not None
        palette.field.setText(name)
        press(face.window, Qt.Key.Key_Return)
        await until(lambda language=language: languages().now == language)  # type: ignore[misc]
        await settle()

    assert face.host.live.now.appearance.language == ENGLISH


async def test_errors_and_failures_are_told_in_the_language(open_face: Open) -> None:
    """
    In a message, and in the list of requests.
    """
    face = await open_face(every_state(), [failed_run()])
    await speak(face, CHINESE)
    toasts: list[str] = []
    face.shell.desk.said.connect(lambda toast: toasts.append(toast.text))

    async def fail() -> None:
        raise Broken("The disk is full.", hint="Check the disk and the data folder.")

    face.shell.desk.work.start(fail())
    await settle()
    pane = face.window.go("requests")
    await settle()

    assert any("磁盘已满。请检查磁盘和数据文件夹。" in text for text in toasts)
    assert isinstance(pane, RequestsPane)
    table = pane.findChild(QTableView)
    assert table is not None
    model = table.model()
    row = " ".join(
        str(model.index(0, at).data(Qt.ItemDataRole.DisplayRole) or "") for at in range(model.columnCount())
    )
    accessible = str(model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole) or "")
    assert "Grok 不再接受此账号的登录" in row + accessible + " ".join(said(pane))


# --- what apps hear -----------------------------------------------------------------------------------------


async def test_apps_hear_english_whatever_the_window_speaks(tmp_path: Path, qapp: QApplication) -> None:
    """
    The same words as with an English window: programs look for them.
    """

    async def heard_in(language: str) -> list[str]:
        languages().speak(language)
        world = World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given
        basic(world, "a")
        heard: list[str] = []
        async with Simulator(world, port=0).started() as sim, running(tmp_path / language, sim, world) as rig:
            await rig.add(token("a"))
            await rig.grok(safety())
            for model in (FAST, "no-such-model"):
                with pytest.raises(openai.APIStatusError) as failed:
                    await rig.say(model=model)
                heard.append(str(failed.value.body))
            heard += [model.id async for model in rig.client.models.list()]
        return heard

    english_ones = await heard_in(ENGLISH)

    assert "Grok refuses this content; the account is fine." in english_ones[0]
    assert await heard_in(CHINESE) == english_ones


def test_times_of_requests_have_room_in_chinese(qapp: QApplication) -> None:
    """
    A second and a millisecond are written with wide characters there.
    """
    languages().speak(CHINESE)
    table = RequestTable(Requests(lambda: NOON, Look(qapp), None), "")
    table.resize(900, 300)
    room = table.columnWidth(TOTAL)
    needed = table.fontMetrics().horizontalAdvance(words.milliseconds(829))
    table.deleteLater()

    assert room >= needed + 4 * INSET
