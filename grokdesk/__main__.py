"""Arguments; picks face, headless or a subcommand (decisions 2, 3 and 3a)."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson

from grokdesk import __version__
from grokdesk.core.errors import GrokDeskError
from grokdesk.core.options import Options

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

_LONGEST_END_S: Final = 10
# A program that starts or ends holds the folder for a moment without listening.
_ASK_AGAIN_S: Final = 0.1
_ASKED_AT_MOST: Final = 50

_DEMO_CURL: Final = """
curl {base}/chat/completions \\
  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
  -d '{{"model": "grok-4.20-fast", "stream": true, "messages": [{{"role": "user", "content": "Hello!"}}]}}'
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `grokdesk` with `arguments`; returns the exit code: 0 fine, 1 failed, 2 wrong use or port taken."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.demo and args.command is not None and args.data_dir is None:
        parser.error("a demo has a folder of its own: say with --data-dir which one is meant")
    try:
        if args.command is not None:
            return _command(args)
        options = _options(args)
        if options.headless:
            return _headless(options)
        if not _has_display():
            _say("There is no display here, so GrokDesk runs without a window.")
            return _headless(replace(options, headless=True))
        from grokdesk.ui.main import run  # noqa: PLC0415 - Qt is not needed, and not installed, on a server

        return run(options)
    except GrokDeskError as error:
        _complain(error)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_FAILED


# --- running
# ---------------------------------------------------------------------------------------------------------


def _has_display() -> bool:
    if sys.platform in {"win32", "darwin"}:
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _headless(options: Options) -> int:
    try:
        return asyncio.run(_serve(options))
    finally:
        faulthandler.cancel_dump_traceback_later()


async def _serve(options: Options) -> int:
    """Serve until told to stop. A port in use is exit code 2 with a sentence (decision 4)."""
    from grokdesk.app import App  # noqa: PLC0415 - heavy, and not needed by --help
    from grokdesk.core.notices import GatewayPhase  # noqa: PLC0415 - same

    async with App.started(options) as app:
        state = app.gateway.state
        if state.phase is GatewayPhase.FAILED:
            _complain(GrokDeskError(state.error, hint=state.hint))
            return EXIT_USAGE
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            _on_signal(loop, name, app.shutdown.request)
        _print(f"GrokDesk {__version__} is listening on {state.base_url}")
        for note in app.notes:
            _print(note)
        if options.demo:
            key = app.keys.all()[0].value.reveal()
            _print("This is the demo: nothing here is real. Try it:")
            _print(_DEMO_CURL.format(base=state.base_url, key=key))
        await app.shutdown.wait()
        # What hangs is shown and left behind (architecture §19).
        faulthandler.dump_traceback_later(_LONGEST_END_S, exit=True)
    return 0


def _on_signal(loop: asyncio.AbstractEventLoop, number: signal.Signals, act: Callable[[], None]) -> None:
    try:
        loop.add_signal_handler(number, act)
    except NotImplementedError:  # Windows: only the C-level handler exists
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(act))


# --- subcommands
# -----------------------------------------------------------------------------------------------------


def _command(args: argparse.Namespace) -> int:
    if args.command == "config":
        return _show_config(args)
    wish = _wish(args)
    answer = asyncio.run(_do(_options(args), wish))
    return _REPORTS[wish["do"]](args, answer)


def _wish(args: argparse.Namespace) -> dict[str, Any]:
    match args.command, getattr(args, "action", None):
        case "accounts", "import":
            return {"do": "accounts.import", "text": _read(args.file)}
        case "accounts", "export":
            return {"do": "accounts.export", "format": "json" if args.file.endswith(".json") else "txt"}
        case "accounts", _:
            return {"do": "accounts.list"}
        case "keys", "new":
            return {"do": "keys.new", "name": args.name}
        case "keys", "revoke":
            return {"do": "keys.revoke", "key": args.key}
        case "keys", _:
            return {"do": "keys.list"}
        case command, _:
            return {"do": command}


async def _do(options: Options, wish: dict[str, Any]) -> dict[str, Any]:
    """Let the running instance do it, else do it on the data folder."""
    from grokdesk.app import App, paths_of  # noqa: PLC0415 - heavy, and not needed by --help
    from grokdesk.platform import single_instance  # noqa: PLC0415 - same

    folder = paths_of(options).data
    for asked in range(1, _ASKED_AT_MOST + 1):
        answer = await single_instance.ask(folder, wish)
        if answer is not None:
            return answer
        if wish["do"] in {"status", "quit"}:
            break
        try:
            async with App.started(options) as app:
                return await app.commands.do(wish)
        except single_instance.AlreadyRunning:
            if asked == _ASKED_AT_MOST:
                raise
            await asyncio.sleep(_ASK_AGAIN_S)
    return {"running": False}


def _read(name: str) -> str:
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise GrokDeskError(f"The file {name} cannot be read: {error.strerror}.") from error
    return data.decode("utf-8-sig", "replace")


def _show_config(args: argparse.Namespace) -> int:
    from grokdesk.app import shown_settings  # noqa: PLC0415 - heavy, and not needed by --help

    settings, notes = shown_settings(_options(args))
    if args.json:
        _print_json(settings)
    else:
        for section, values in settings.items():
            _print(f"[{section}]")
            for name, value in values.items():
                _print(f"{name} = {orjson.dumps(value).decode()}")
            _print("")
    for note in notes:
        _say(note)
    return 0


def _imported(args: argparse.Namespace, answer: dict[str, Any]) -> int:
    if args.json:
        _print_json(answer)
    else:
        _print(f"{answer['added']} accounts added, {answer['already_there']} were already there.")
    for problem in answer["problems"]:
        _say(f"{problem['where']}: {problem['why']}")
    nothing = not answer["added"] and not answer["already_there"]
    return EXIT_FAILED if nothing and answer["problems"] else 0


def _listed_accounts(args: argparse.Namespace, answer: dict[str, Any]) -> int:
    if args.json:
        _print_json(answer["accounts"])
        return 0
    for one in answer["accounts"]:
        quota = ", ".join(
            f"{mode} {left['remaining']}/{left['total']}" for mode, left in one["quota"].items()
        )
        _print("\t".join((one["token"], one["tier"], one["status"], quota, one["reason"])))
    return 0


def _exported(args: argparse.Namespace, answer: dict[str, Any]) -> int:
    if args.file == "-":
        sys.stdout.write(answer["text"])
        return 0
    try:
        handle = os.open(args.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(answer["text"])
    except OSError as error:
        raise GrokDeskError(f"The file {args.file} cannot be written: {error.strerror}.") from error
    _say(f"{answer['count']} accounts written to {args.file}. Anyone who has this file can use them.")
    return 0


def _new_key(args: argparse.Namespace, answer: dict[str, Any]) -> int:
    if args.json:
        _print_json(answer)
    else:
        _print(answer["key"])
    return 0


def _listed_keys(args: argparse.Namespace, answer: dict[str, Any]) -> int:
    if args.json:
        _print_json(answer["keys"])
        return 0
    for key in answer["keys"]:
        _print(f"{key['id']}\t{key['name']}\tgd-…{key['ends_with']}")
    return 0


def _revoked(args: argparse.Namespace, answer: dict[str, Any]) -> int:
    if args.json:
        _print_json(answer)
    else:
        _print(f"The key '{answer['name']}' is revoked.")
    return 0


def _status(args: argparse.Namespace, answer: dict[str, Any]) -> int:
    if args.json:
        _print_json(answer)
        return 0
    if not answer["running"]:
        _print("GrokDesk is not running.")
        return 0
    gateway, accounts = answer["gateway"], answer["accounts"]
    _print(f"GrokDesk {answer['version']}, gateway {gateway['state']} {gateway['base_url']}".rstrip())
    if gateway["error"]:
        _print(f"{gateway['error']} {gateway['hint']}".rstrip())
    _print(f"{accounts['ready']} of {accounts['total']} accounts ready, {accounts['need_owner']} need you.")
    _print(f"Master key: {answer['master_key'].replace('_', ' ')}.")
    return 0


def _quit(args: argparse.Namespace, answer: dict[str, Any]) -> int:
    if args.json:
        _print_json(answer)
    elif answer.get("running") is False:
        _say("GrokDesk is not running.")
    return 0


_REPORTS: Final[dict[str, Callable[[argparse.Namespace, dict[str, Any]], int]]] = {
    "accounts.import": _imported,
    "accounts.list": _listed_accounts,
    "accounts.export": _exported,
    "keys.new": _new_key,
    "keys.list": _listed_keys,
    "keys.revoke": _revoked,
    "status": _status,
    "quit": _quit,
}


# --- arguments
# -------------------------------------------------------------------------------------------------------


def _options(args: argparse.Namespace) -> Options:
    overrides = {
        name: value
        for name, value in (
            ("gateway.host", args.host),
            ("gateway.port", args.port),
            ("logging.level", args.log_level),
        )
        if value is not None
    }
    return Options(
        data_dir=args.data_dir,
        demo=args.demo,
        headless=args.headless or args.command is not None,
        serve=args.command is None,
        overrides=overrides,
    )


def _parser() -> argparse.ArgumentParser:
    # The same options stand before and after a subcommand; SUPPRESS keeps the later ones from resetting the
    # earlier.
    before = argparse.ArgumentParser(add_help=False)
    after = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    for place in (before, after):
        place.add_argument("--data-dir", type=Path, metavar="FOLDER", help="keep everything in this folder")
        place.add_argument("--json", action="store_true", help="answer in JSON")
        levels = ("debug", "info", "warning", "error")
        place.add_argument("--log-level", choices=levels, help="how much is logged")
    parser = argparse.ArgumentParser(
        prog="grokdesk",
        parents=[before],
        description="Your Grok accounts as a local OpenAI- and Anthropic-compatible endpoint.",
    )
    parser.add_argument("--version", action="version", version=f"GrokDesk {__version__}")
    parser.add_argument("--headless", action="store_true", help="run the gateway without a window")
    parser.add_argument("--demo", action="store_true", help="try it without an account")
    parser.add_argument("--host", help="listen on this address (default 127.0.0.1)")
    parser.add_argument("--port", type=_port, help="listen on this port (default 4765)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    accounts = commands.add_parser("accounts", parents=[after], help="import, list or export accounts")
    actions = accounts.add_subparsers(dest="action", required=True)
    bring = actions.add_parser("import", parents=[after], help="add accounts from a file")
    bring.add_argument("file", metavar="FILE", help="tokens, cookies or JSON; - reads standard input")
    actions.add_parser("list", parents=[after], help="list accounts")
    take = actions.add_parser("export", parents=[after], help="write all tokens to a file")
    take.add_argument("file", metavar="FILE", help=".txt or .json; - writes to standard output")

    keys = commands.add_parser("keys", parents=[after], help="make, list or revoke client keys")
    actions = keys.add_subparsers(dest="action", required=True)
    new = actions.add_parser("new", parents=[after], help="make a key and print it")
    new.add_argument("name", nargs="?", default="Key", help="what it is for")
    actions.add_parser("list", parents=[after], help="list keys")
    revoke = actions.add_parser("revoke", parents=[after], help="end a key")
    revoke.add_argument("key", metavar="ID-OR-NAME")

    config = commands.add_parser("config", parents=[after], help="show the settings in force")
    actions = config.add_subparsers(dest="action", required=True)
    actions.add_parser("show", parents=[after], help="show the settings in force")
    commands.add_parser("status", parents=[after], help="tell whether it runs and how it is")
    commands.add_parser("quit", parents=[after], help="end the running program")
    return parser


def _port(text: str) -> int:
    port = int(text) if text.isdigit() else -1
    if not 0 <= port <= 65535:  # noqa: PLR2004 - the range of ports
        raise argparse.ArgumentTypeError(f"'{text}' is not a port (0 to 65535)")
    return port


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _print_json(value: object) -> None:
    _print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _complain(error: GrokDeskError) -> None:
    _say(f"{error.message} {error.hint}".strip())


if __name__ == "__main__":
    sys.exit(main())
