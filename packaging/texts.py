"""The texts of the windows for translators: `make texts` brings grokdesk/ui/i18n/*.ts up to date.

Qt's own lupdate does not know which context a function such as `_tr` of a module has, nor the sentences of
the engine and of the settings, which are translated as well. So the sources are read here: every `tr` with a
literal, every title and help of a setting, and the sentences that errors are made of, with %1 for what is put
into them.

What was translated stays; what is new is marked unfinished; what is no longer said is dropped. A new text
that is translated elsewhere, and everywhere in the same way, is translated at once.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "grokdesk"
FOLDER = PACKAGE / "ui" / "i18n"
LANGUAGES = ("zh_CN",)

# What only clients or the command line hear, and what is said to Grok and not to people.
_NOT_TOLD = re.compile(
    r"(__main__\.py|ui/|sim/|cli/|dialects/|providers/text_tools/"
    r"|gateway/(?!(auth|converse|failures|routes|server|exchange|holder|models)\.py)"
    r"|engine/(media_commands|house_commands|account_commands|commands)\.py)"
)
# Whose sentences are put together from pieces: here the pieces are texts too.
_PIECES = re.compile(
    r"(engine/(reading|import_export|acts|asset_fetch|jobs|accounts|clearances|old_database|egress|backups)"
    r"|core/(egress|media|commissions|shaping_media|shaping|jsonc|yaml_lines|toml_lines)"
    r"|platform/(settings_file|database_file|wire)|store/address|gateway/(holder|server)"
    r"|providers/(attachments|grok_web/references))\.py"
)
_SENTENCE = re.compile(r"([A-Z0-9'‘“%`…]|[a-z_.]+ (is|in|needs) ).*([.?…:'*]|[.:] %\d)", re.DOTALL)
_NOT_WORDS = re.compile(
    r"%[sd]|^(SELECT|INSERT|UPDATE|DELETE|PRAGMA|CREATE|ALTER|DROP|SET|SHOW|FROM|WHERE|LOCK)\b|^[^a-zA-Z]*$"
    r"|\\[sdSb(]|^Mozilla|[<>]\w| \| |^\(|=%|^\w+=|^[\w-]+/[\w-]+$"
)
# Calls whose texts nobody reads but developers.
_QUIET = re.compile(
    r"(^log\.|^re\.|^AssertionError$|^RuntimeError$|^NotImplementedError$|^TypeError$|^Field$|spawn$|^text$|\.execute$"
    r"|^frozenset$|^assert_)"
)
_QUIET_KEYS = {"name", "detail", "comment", "description"}
# Functions that write for other programs, and what is cut off from sentences of others.
_QUIET_FUNCTIONS = {"_description", "defaults_toml", "_document"}
_CUT_OFF = {
    "Value error, ",
    ", unable to parse",
    "mozilla/5.0 (",
    " (at end of document)",
    "gzip, deflate, br",
}

# Pieces that stand in sentences by themselves, and what pydantic says of a value.
_WORDS = (
    "%1 account",
    "%1 accounts",
    "%1 file",
    "%1 files",
    "%1 conversation",
    "%1 conversations",
    "%1 picture",
    "%1 pictures",
    "At least %1",
    "Picture %1",
    "directly",
    "picture",
    "pictures",
    "film",
    "films",
    "file",
    "conversation",
    "questions",
    "basic",
    "super",
    "heavy",
    "super or heavy",
    "basic, super or heavy",
    "must be a valid integer",
    "must be a valid number",
    "must be a valid boolean",
    "must be a valid string",
    "must be a valid tuple",
    "must be a valid list",
    "must be greater than or equal to %1",
    "must be less than or equal to %1",
    "must have at least %1 characters",
    "must have at most %1 characters",
    "must be %1 or %2",
    "must be %1, %2 or %3",
    "must be %1, %2, %3 or %4",
    "must be %1, %2, %3, %4 or %5",
    "must be a finite number",
)


@dataclass(frozen=True, slots=True, order=True)
class Text:
    """An English text; with `%n` when it is `counted`."""

    context: str
    source: str
    counted: bool = False


@dataclass
class Found:
    """What the sources say."""

    texts: set[Text] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    """Texts that cannot be found by reading: an argument of `tr` that is no literal."""


def found() -> Found:
    """Read all sources."""
    made = Found()
    _of_windows(made)
    _of_settings(made)
    made.texts |= {Text("Errors", source) for source in (*_of_engine(), *_WORDS) if source}
    return made


# --- windows ------------------------------------------------------------------------------------------------


def _of_windows(made: Found) -> None:
    trees = {path: ast.parse(path.read_text("utf-8")) for path in sorted((PACKAGE / "ui").rglob("*.py"))}
    wrappers = {_module(path): _wrappers(tree) for path, tree in trees.items()}
    for path, tree in trees.items():
        _Window(path, wrappers, made).visit(tree)


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _wrappers(tree: ast.Module) -> dict[str, str]:
    """The functions of a module that translate what they are given, with the context of each."""
    there: dict[str, str] = {}
    for one in tree.body:
        if not isinstance(one, ast.FunctionDef) or not one.args.args:
            continue
        first = one.args.args[0].arg
        for call in ast.walk(one):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "QCoreApplication.translate":
                context, text = call.args[0], call.args[1]
                if isinstance(context, ast.Constant) and isinstance(text, ast.Name) and text.id == first:
                    there[one.name] = str(context.value)
    return there


class _Window(ast.NodeVisitor):
    """Finds the texts of one module of the windows."""

    def __init__(self, path: Path, wrappers: Mapping[str, Mapping[str, str]], made: Found) -> None:
        self._path = path
        self._all = wrappers
        self._mine = dict(wrappers[_module(path)])
        self._modules: dict[str, str] = {}
        self._errors: set[str] = set()
        self._classes: list[str] = []
        self._functions: list[str] = []
        self._made = made

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for one in node.names:
            if node.module == "grokdesk.core.errors":
                self._errors.add(one.asname or one.name)
            known = self._all.get(node.module or "", {})
            if one.name in known:
                self._mine[one.asname or one.name] = known[one.name]
            if f"{node.module}.{one.name}" in self._all:
                self._modules[one.asname or one.name] = f"{node.module}.{one.name}"

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._classes.append(node.name)
        self.generic_visit(node)
        self._classes.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._functions.append(node.name)
        self.generic_visit(node)
        self._functions.pop()

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._functions.append(node.name)
        self.generic_visit(node)
        self._functions.pop()

    def visit_Assign(self, node: ast.Assign) -> None:
        # `text = _tr` for a while
        if isinstance(node.value, ast.Name) and node.value.id in self._mine:
            self._mine |= {
                one.id: self._mine[node.value.id] for one in node.targets if isinstance(one, ast.Name)
            }
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        called = node.func
        if isinstance(called, ast.Name) and called.id in self._errors:
            hints = [one.value for one in node.keywords if one.arg == "hint"]
            said = [text for one in (*node.args[:1], *hints) for text in _literals(one)]
            self._made.texts |= {Text("Errors", text) for text in said if text}
        elif isinstance(called, ast.Name) and called.id in self._mine:
            self._take(node, self._mine[called.id], node.args[:1], counted=len(node.args) > 1)
        elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            owner, name = called.value.id, called.attr
            if name == "tr" and owner == "self" and self._classes:
                counted = len(node.args) > 2 or any(one.arg == "n" for one in node.keywords)  # noqa: PLR2004 - text, comment, count
                self._take(node, self._classes[-1], node.args[:1], counted=counted)
            elif owner == "QCoreApplication" and name == "translate":
                self._translate(node)
            elif name in self._all.get(self._modules.get(owner, ""), {}):
                self._take(
                    node, self._all[self._modules[owner]][name], node.args[:1], counted=len(node.args) > 1
                )

    def _translate(self, node: ast.Call) -> None:
        if self._functions and self._functions[-1] in self._mine:
            return
        context = node.args[0]
        if isinstance(context, ast.Constant):
            self._take(node, str(context.value), node.args[1:2], counted=len(node.args) > 3)  # noqa: PLR2004 - the fourth is the count

    def _take(self, node: ast.Call, context: str, given: list[ast.expr], *, counted: bool) -> None:
        if not given:
            return
        if (context, self._functions[-1:]) == ("Settings", ["of_model"]):
            return
        literals = list(_literals(given[0]))
        for one in literals:
            if one:
                self._made.texts.add(Text(context, one, counted))
        if not literals and context != "Settings":
            where = f"{self._path.relative_to(ROOT)}:{node.lineno}"
            self._made.problems.append(f"{where}: {ast.unparse(given[0])}")


def _literals(node: ast.expr) -> Iterator[str]:
    """The texts that an expression can be."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _literals(one)
            yield from _literals(other)
        case ast.JoinedStr(values=values):
            yield _pattern(values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            before, after = list(_literals(left)), list(_literals(right))
            yield from (one + other for one in before for other in after)
        case _:
            return


def _pattern(values: list[ast.expr]) -> str:
    """The pieces of an f-string with %1, %2 … between them."""
    pieces: list[str] = []
    count = 0
    for one in values:
        if isinstance(one, ast.Constant):
            pieces.append(str(one.value))
        else:
            count += 1
            pieces.append(f"%{count}")
    return "".join(pieces)


# --- settings -----------------------------------------------------------------------------------------------


def _of_settings(made: Found) -> None:
    sys.path.insert(0, str(ROOT))
    from grokdesk.core.setting_fields import sections  # noqa: PLC0415 - found by now

    for section in sections():
        told = [section.about, *(text for one in section.fields for text in (one.title, one.help))]
        made.texts |= {Text("Settings", text) for text in told if text}


# --- the engine ---------------------------------------------------------------------------------------------


def _of_engine() -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        here = path.relative_to(PACKAGE).as_posix()
        if not _NOT_TOLD.match(here):
            reader = _Engine(pieces=bool(_PIECES.fullmatch(here)))
            reader.visit(ast.parse(path.read_text("utf-8")))
            yield from reader.said


class _Engine(ast.NodeVisitor):
    """Finds sentences that people may read, in a module that does not know windows."""

    def __init__(self, *, pieces: bool) -> None:
        self._pieces = pieces
        self.said: list[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for one in node.body:
            match one:
                case ast.Assign(targets=[ast.Name("title")], value=ast.Constant(str(text))):
                    self.said.append(text)
                case ast.AnnAssign(target=ast.Name("title"), value=ast.Constant(str(text))):
                    self.said.append(text)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func)
        if called.endswith("ValueError"):
            for one in node.args:
                self.said += [_placed(text) for text in _literals(one) if _reads(text)]
        if _QUIET.search(called):
            return
        for given in (*node.args, *node.keywords):
            if not (isinstance(given, ast.keyword) and given.arg in _QUIET_KEYS):
                self.visit(given)
        self.visit(node.func)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name not in _QUIET_FUNCTIONS:
            self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        """For developers."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """Annotations are no texts."""

    def visit_BinOp(self, node: ast.BinOp) -> None:
        whole = list(_literals(node))
        if whole:
            self._take(*whole)
        else:
            self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._take(*_literals(node))
        for one in node.values:
            if isinstance(one, ast.FormattedValue):
                self.visit(one.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._take(node.value)

    def _take(self, *texts: str) -> None:
        for text in texts:
            if _reads(text) and (self._pieces or _SENTENCE.fullmatch(text)):
                self.said.append(_placed(text))


def _placed(text: str) -> str:
    """The text with %1 where `format` will fill something in."""
    places = count(1)
    return re.sub(r"\{\w*\}", lambda _: f"%{next(places)}", text)


def _reads(text: str) -> bool:
    """Whether this is said in words."""
    bare = re.sub(r"%\d", "", text)
    if text in _CUT_OFF:
        return False
    return (
        " " in text.strip()
        and "\n" not in text
        and re.search("[a-z]{2}", bare) is not None
        and not _NOT_WORDS.search(text)
    )


# --- the file -----------------------------------------------------------------------------------------------


def path_of(language: str) -> Path:
    """Where the translations into a language are."""
    return FOLDER / f"grokdesk_{language}.ts"


def translated(language: str) -> dict[tuple[str, str], str]:
    """What is translated into a language, by context and English text; an unfinished one is empty."""
    path = path_of(language)
    if not path.exists():
        return {}
    there: dict[tuple[str, str], str] = {}
    for context in ET.parse(path).getroot().iter("context"):  # noqa: S314 - our own file
        for message in context.iter("message"):
            one = message.find("translation")
            text = "" if one is None or one.get("type") else one.findtext("numerusform") or one.text or ""
            there[context.findtext("name", ""), message.findtext("source", "")] = text
    return there


def merged(texts: set[Text], known: Mapping[tuple[str, str], str]) -> dict[Text, str]:
    """Every text with its translation; empty when it has none."""
    elsewhere: dict[str, set[str]] = defaultdict(set)
    for (_, source), text in known.items():
        if text:
            elsewhere[source].add(text)

    def one(text: Text) -> str:
        there = known.get((text.context, text.source), "")
        others = elsewhere[text.source]
        return there or (next(iter(others)) if len(others) == 1 else "")

    return {text: one(text) for text in sorted(texts)}


def written(language: str, texts: Mapping[Text, str]) -> str:
    """Return the file in the form of Qt Linguist, without lines of the sources, which change all the time."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE TS>"]
    lines.append(f'<TS version="2.1" language="{language}" sourcelanguage="en">')
    context = ""
    for text, to in texts.items():
        if text.context != context:
            lines += ["</context>"] * bool(context) + ["<context>", f"    <name>{_xml(text.context)}</name>"]
            context = text.context
        unfinished = "" if to else ' type="unfinished"'
        lines.append('    <message numerus="yes">' if text.counted else "    <message>")
        lines.append(f"        <source>{_xml(text.source)}</source>")
        if text.counted:
            lines.append(f"        <translation{unfinished}>")
            lines.append(f"            <numerusform>{_xml(to)}</numerusform>")
            lines.append("        </translation>")
        else:
            lines.append(f"        <translation{unfinished}>{_xml(to)}</translation>")
        lines.append("    </message>")
    return "\n".join([*lines, *(["</context>"] * bool(context)), "</TS>", ""])


def _xml(text: str) -> str:
    return escape(text, {'"': "&quot;", "'": "&apos;"})


def main() -> int:
    """Write the files; what cannot be read or is not translated yet is told."""
    made = found()
    FOLDER.mkdir(exist_ok=True)
    for language in LANGUAGES:
        texts = merged(made.texts, translated(language))
        path_of(language).write_text(written(language, texts), "utf-8", newline="\n")
        missing = [text for text, to in texts.items() if not to]
        print(f"{path_of(language).relative_to(ROOT)}: {len(texts)} texts, {len(missing)} not translated")
        for text in missing:
            print(f"  {text.context}: {text.source!r}")
    for problem in made.problems:
        print(f"not a literal text: {problem}", file=sys.stderr)
    return 1 if made.problems else 0


if __name__ == "__main__":
    sys.exit(main())
