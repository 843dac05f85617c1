"""What can be written on the command line."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import Final

from grokdesk import __version__
from grokdesk.cli.media_arguments import add_media
from grokdesk.core.accounts import Status, Tier

_LEVELS: Final = ("debug", "info", "warning", "error")


def parser() -> argparse.ArgumentParser:
    """The parser of everything."""
    # The same options stand before and after a subcommand; SUPPRESS keeps the later ones from resetting the
    # earlier.
    before = argparse.ArgumentParser(add_help=False)
    after = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    for place in (before, after):
        place.add_argument("--data-dir", type=Path, metavar="FOLDER", help="keep everything in this folder")
        place.add_argument("--json", action="store_true", help="answer in JSON")
        place.add_argument("--log-level", choices=_LEVELS, help="how much is logged")
    made = argparse.ArgumentParser(
        prog="grokdesk",
        parents=[before],
        description="Your Grok accounts as a local OpenAI- and Anthropic-compatible endpoint.",
    )
    made.add_argument("--version", action="version", version=f"GrokDesk {__version__}")
    made.add_argument("--headless", action="store_true", help="run the gateway without a window")
    made.add_argument("--hidden", action="store_true", help="begin with the icon only, if there is a tray")
    made.add_argument("--demo", action="store_true", help="try it without an account")
    made.add_argument("--host", help="listen on this address (default 127.0.0.1)")
    made.add_argument("--port", type=_port, help="listen on this port (default 4765)")
    chosen = made.add_subparsers(dest="command", metavar="COMMAND")
    commands = _Group(chosen, after)
    _accounts(commands.group("accounts", "bring in, look after, and take out accounts"))
    _proxy(commands.group("proxy", "list and test the ways to Grok"))
    _backup(commands.group("backup", "keep everything in one sealed file, and bring it back"))
    _store(commands.group("store", "move to another store"))
    _jobs(commands.group("jobs", "list or cancel what is being done to many accounts"))
    add_media(commands)
    _keys(commands.group("keys", "make, list or revoke client keys"))
    config = commands.group("config", "show the settings in force")
    config.command("show", "show the settings in force")
    commands.command("status", "tell whether it runs and how it is")
    report = commands.command("diagnostics", "write a report for others who are to help, without secrets")
    report.add_argument("file", nargs="?", metavar="FILE", help="a zip file; without it the report is shown")
    report.add_argument("--without", action="append", default=[], metavar="PART", help="leave this part out")
    commands.command("quit", "end the running program")
    made.epilog = "Links such as grokdesk://open/requests and files with accounts open in the window."
    made.set_defaults(commands=tuple(chosen.choices))
    return made


class _Group:
    """Subcommands that take the common options."""

    def __init__(
        self, actions: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
    ) -> None:
        self._actions = actions
        self._common = common

    def command(self, name: str, what: str) -> argparse.ArgumentParser:
        """A subcommand."""
        return self._actions.add_parser(name, parents=[self._common], help=what, description=f"{what}.")

    def group(self, name: str, what: str) -> _Group:
        """A subcommand that has subcommands."""
        inner = self.command(name, what).add_subparsers(dest="action", required=True, metavar="ACTION")
        return _Group(inner, self._common)


def _accounts(accounts: _Group) -> None:
    bring = accounts.command("import", "add accounts from a file")
    bring.add_argument("file", metavar="FILE", help="tokens, cookies, JSON, CSV…; - reads standard input")
    how = bring.add_mutually_exclusive_group()
    how.add_argument("--update", action="store_true", help="take in what the file says about known accounts")
    how.add_argument("--replace", action="store_true", help="as --update, and remove what is not in the file")
    bring.add_argument("--dry-run", action="store_true", help="only say what would happen")
    bring.add_argument("--tag", action="append", default=[], help="give all of them this tag")
    bring.add_argument("--tier", type=Tier, choices=list(Tier), help="take this for their tier")

    listed = accounts.command("list", "list accounts")
    _filters(listed)
    shown = accounts.command("show", "tell everything about an account")
    shown.add_argument("account", metavar="ACCOUNT", help="id, label, mail address or end of the token")
    take = accounts.command("export", "write tokens to a file")
    take.add_argument("file", metavar="FILE", help=".txt, .json or .csv; - writes to standard output")
    take.add_argument("--format", help="txt, csv, grokdesk, grok2api-2 (what .json means) or grok2api-3")
    _filters(take)

    for name, what in (
        ("refresh", "ask Grok again what accounts are and have left"),
        ("enable", "let accounts serve, also those that were refused"),
        ("disable", "keep accounts out"),
        ("remove", "remove accounts; `restore` brings them back for 30 days"),
    ):
        _chosen(accounts.command(name, what))
    for name, what in (("tag", "give accounts a tag"), ("untag", "take a tag from accounts")):
        one = accounts.command(name, what)
        one.add_argument("word", metavar="TAG")
        _chosen(one)
    tier = accounts.command("tier", "fix the tier of accounts, or leave it to Grok's answers again")
    tier.add_argument(
        "word", metavar="TIER", choices=["auto", *(t.value for t in Tier if t is not Tier.UNKNOWN)]
    )
    _chosen(tier)
    edit = accounts.command("edit", "change what you note about accounts")
    _chosen(edit)
    edit.add_argument("--label", help="what you call it")
    edit.add_argument("--note", help="what you want to remember")
    edit.add_argument("--proxy", help="the only way out it may take: an address, direct, or auto for any")
    edit.add_argument("--max-parallel", metavar="N", help="requests at once; auto for what the settings say")
    adult = accounts.command("adult", "switch adult content on or off")
    adult.add_argument("word", metavar="on|off", choices=["on", "off"])
    _chosen(adult)
    adult.add_argument(
        "--birth-date",
        type=_date,
        metavar="YYYY-MM-DD",
        help="your own; Grok is told it and keeps it for good",
    )
    adult.add_argument("--i-am-an-adult", action="store_true", help="you confirm that you are")
    for name, what, words in (
        ("assets", "count, fetch or delete files that accounts keep at Grok", ["list", "fetch", "clear"]),
        ("conversations", "count or delete conversations that accounts keep at Grok", ["list", "clear"]),
    ):
        kept = accounts.command(name, what)
        kept.add_argument("word", metavar="|".join(words), choices=words)
        _chosen(kept)
    accounts.command("removed", "list accounts that can be brought back")
    back = accounts.command("restore", "bring removed accounts back")
    back.add_argument("ids", nargs="+", metavar="ID")


def _filters(command: argparse.ArgumentParser) -> None:
    """Options that say which accounts are meant."""
    command.add_argument("--status", type=Status, choices=list(Status), help="only those in this state")
    command.add_argument("--only-tier", type=Tier, choices=list(Tier), help="only those of this tier")
    command.add_argument("--only-tag", action="append", default=[], help="only those with this tag")


def _chosen(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "accounts", nargs="*", metavar="ACCOUNT", help="ids, labels, mail addresses or ends of tokens"
    )
    command.add_argument("--all", action="store_true", help="all accounts")
    _filters(command)


def _proxy(proxy: _Group) -> None:
    proxy.command("list", "list the ways to Grok and how they are")
    test = proxy.command("test", "test whether Grok can be reached, and as whom")
    test.add_argument("ways", nargs="*", metavar="NAME|ADDRESS", help="all that are set up, if none is named")
    solve = proxy.command("solve", "renew the Cloudflare clearance of a way now")
    solve.add_argument("way", nargs="?", default="", metavar="NAME", help="the one in use, if none is named")


def _backup(backup: _Group) -> None:
    for name, what in (
        ("write", "write everything into a file that a passphrase opens"),
        ("show", "tell what is in such a file"),
        ("restore", "add from such a file what is missing here"),
    ):
        one = backup.command(name, what)
        one.add_argument("file", metavar="FILE")
        one.add_argument(
            "--passphrase-file",
            metavar="FILE",
            help="holds the passphrase; else it is asked for, or taken from GROKDESK_BACKUP_PASSPHRASE",
        )
    backup.command("list", "list the daily backups")


def _store(store: _Group) -> None:
    move = store.command("move", "copy everything into another store and use that from the next start on")
    move.add_argument(
        "url", metavar="URL", help="such as postgresql://name:password@host/grokdesk, or sqlite"
    )
    move.add_argument("--team-key-file", metavar="FILE", help="holds the key that seals a shared store")
    move.add_argument("--copy-only", action="store_true", help="copy, and go on with the present store")


def _jobs(jobs: _Group) -> None:
    jobs.command("list", "list what is being done, and the last that was")
    for name, what in (("show", "tell how far a job is, account by account"), ("cancel", "end a job")):
        jobs.command(name, what).add_argument("job", metavar="JOB")


def _keys(keys: _Group) -> None:
    new = keys.command("new", "make a key and print it")
    new.add_argument("name", nargs="?", default="Key", help="what it is for")
    keys.command("list", "list keys")
    keys.command("revoke", "end a key").add_argument("key", metavar="ID-OR-NAME")


def _port(text: str) -> int:
    port = int(text) if text.isdigit() else -1
    if not 0 <= port <= 65535:  # noqa: PLR2004 - the range of ports
        raise argparse.ArgumentTypeError(f"'{text}' is not a port (0 to 65535)")
    return port


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a date such as 1990-05-17") from None
