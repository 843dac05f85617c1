"""Arguments; picks face, headless or a subcommand (decisions 2, 3 and 3a)."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson

from grokdesk import __version__
from grokdesk.cli import opening, reports
from grokdesk.cli.arguments import parser
from grokdesk.cli.saving import Target
from grokdesk.cli.talk import asking, done, followed, made
from grokdesk.cli.terminal import Progress, complain, out, out_json, say
from grokdesk.cli.wishes import wish_of
from grokdesk.core.errors import GrokDeskError
from grokdesk.core.options import Options

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

_LONGEST_END_S: Final = 10

_DEMO_CURL: Final = """
curl {base}/chat/completions \\
  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
  -d '{{"model": "grok-4.20-fast", "stream": true, "messages": [{{"role": "user", "content": "Hello!"}}]}}'
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `grokdesk` with `arguments`; returns the exit code: 0 fine, 1 failed, 2 wrong use or port taken."""
    commands = parser()
    given = sys.argv[1:] if arguments is None else arguments
    rest, opens = opening.split(given, commands.get_default("commands"))
    args = commands.parse_args(rest)
    if opens and (args.headless or args.command is not None):
        commands.error("links and files open in the window")
    if args.demo and args.command is not None and args.data_dir is None:
        commands.error("a demo has a folder of its own: say with --data-dir which one is meant")
    try:
        if args.command is not None:
            return _command(args)
        options = replace(_options(args), opens=opens, hidden=args.hidden)
        if options.headless:
            return _headless(options)
        if not _has_display():
            say("There is no display here, so GrokDesk runs without a window.")
            return _headless(replace(options, headless=True))
        from grokdesk.ui.main import run  # noqa: PLC0415 - Qt is not needed, and not installed, on a server

        return run(options)
    except GrokDeskError as error:
        complain(error)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_FAILED
    except BrokenPipeError:
        # Whoever read has seen enough, as `head` has; what waits to be written must not fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED


# --- running
# ---------------------------------------------------------------------------------------------------------


def _has_display() -> bool:
    if sys.platform in {"win32", "darwin"}:
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _headless(options: Options) -> int:
    # What starting makes stays; looking through it for waste would be a tenth of the time that takes.
    gc.disable()
    try:
        return asyncio.run(_serve(options))
    finally:
        faulthandler.cancel_dump_traceback_later()


async def _serve(options: Options) -> int:
    """Serve until told to stop. A port in use is exit code 2 with a sentence (decision 4)."""
    from grokdesk.app import App  # noqa: PLC0415 - heavy, and not needed by --help
    from grokdesk.core.notices import GatewayPhase  # noqa: PLC0415 - same

    async with App.started(options) as app:
        gc.enable()
        state = app.gateway.state
        if state.phase is GatewayPhase.FAILED:
            complain(GrokDeskError(state.error, hint=state.hint))
            return EXIT_USAGE
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            _on_signal(loop, name, app.shutdown.request)
        out(f"GrokDesk {__version__} is listening on {state.base_url}")
        for note in app.notes:
            out(note)
        if options.demo:
            key = app.keys.all()[0].value.reveal()
            out("This is the demo: nothing here is real. Try it:")
            out(_DEMO_CURL.format(base=state.base_url, key=key))
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
    if (args.command, getattr(args, "action", None)) == ("backup", "restore") and _is_copy(args.file):
        return _put_back(args)
    wish = wish_of(args)
    if wish["do"] == "media.make":
        target = Target.of(args.out, wish.get("n", 1), wish["kind"])
        target.check()
        answer = asyncio.run(_made(_options(args), wish, target))
    else:
        answer = asyncio.run(_carried_out(_options(args), wish))
    return reports.told(wish["do"], args, answer)


async def _carried_out(options: Options, wish: dict[str, Any]) -> dict[str, Any]:
    """The answer to a wish; where that begins a job or an errand, its end."""
    async with asking(options, wish) as (ask, answer):
        if "job" in answer and not wish["do"].startswith("jobs."):
            return await followed(ask, answer, Progress().of_job)
        if "errand" in answer:
            return await done(ask, answer, Progress().of_errand)
        return answer


async def _made(options: Options, wish: dict[str, Any], target: Target) -> dict[str, Any]:
    """What became of pictures or a film, and where the files were written to."""
    async with asking(options, wish) as (ask, begun):
        answer = await made(ask, begun, Progress().of_media)
        return await target.save_all(answer, ask)


def _is_copy(name: str) -> bool:
    """Whether a file is a copy of the database, which takes its place, and no backup with a passphrase."""
    from grokdesk.platform.database_file import Kind, kind_of  # noqa: PLC0415 - only needed here

    return kind_of(Path(name)) not in {None, Kind.SEALED}


def _put_back(args: argparse.Namespace) -> int:
    """Put a copy in the place of the database; nobody may be serving it."""
    from grokdesk.app import paths_of  # noqa: PLC0415 - heavy, and not needed by --help
    from grokdesk.platform import single_instance  # noqa: PLC0415 - same
    from grokdesk.platform.clock import SystemClock  # noqa: PLC0415 - same
    from grokdesk.platform.database_file import restore_database  # noqa: PLC0415 - same

    paths = paths_of(_options(args))
    with single_instance.locked(paths.data):
        kept = restore_database(Path(args.file), paths, SystemClock().now())
    if args.json:
        out_json({"restored": args.file, "kept": str(kept) if kept else None})
    else:
        out(f"{args.file} is the database now.")
        if kept is not None:
            out(f"The one before is kept as {kept}.")
    return 0


def _show_config(args: argparse.Namespace) -> int:
    from grokdesk.app import shown_settings  # noqa: PLC0415 - heavy, and not needed by --help

    settings, notes = shown_settings(_options(args))
    if args.json:
        out_json(settings)
    else:
        for section, values in settings.items():
            out(f"[{section}]")
            for name, value in values.items():
                out(f"{name} = {orjson.dumps(value).decode()}")
            out("")
    for note in notes:
        say(note)
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
