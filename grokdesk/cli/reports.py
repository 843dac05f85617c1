"""How answers are told: as text for people, as one JSON document for scripts."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from grokdesk.cli.media_reports import MEDIA_REPORTS
from grokdesk.cli.terminal import EXIT_FAILED, Json, Report, moment, out, out_json, say
from grokdesk.core.errors import GrokDeskError


def told(wish: str, args: argparse.Namespace, answer: Json) -> int:
    """Tell the answer to a wish; returns the exit code."""
    return _REPORTS[wish](args, answer)


# --- accounts -----------------------------------------------------------------------------------------------


def _imported(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer)
    else:
        would = "would be " if answer["dry_run"] else ""
        out(
            f"{answer['added']} accounts {would}added, {answer['updated']} {would}updated, "
            f"{answer['removed']} {would}removed, {answer['already_there']} were already there."
        )
        if answer["dry_run"]:
            for line in answer["lines"]:
                out("\t".join((line["where"], line["fate"], line["name"], line["words"])))
    for problem in answer["problems"]:
        say(f"{problem['where']}: {problem['why']}")
    nothing = not any(answer[name] for name in ("added", "updated", "already_there"))
    return EXIT_FAILED if nothing and answer["problems"] else 0


def _listed_accounts(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer["accounts"])
        return 0
    for one in answer["accounts"]:
        out("\t".join((one["token"], one["name"], one["tier"], one["status"], _quota(one), one["reason"])))
    return 0


def _quota(one: Mapping[str, Any]) -> str:
    if one["weekly"]:
        return f"week {one['weekly']['left']:.0%}"
    return ", ".join(f"{mode} {left['remaining']}/{left['total']}" for mode, left in one["quota"].items())


def _shown_account(args: argparse.Namespace, answer: Json) -> int:
    one = answer["account"]
    if args.json:
        out_json(one)
        return 0
    lines = {
        "Account": one["name"],
        "Id": one["id"],
        "Token": one["token"],
        "Mail": one["email"],
        "Tier": f"{one['tier']} ({one['tier_source']})",
        "State": " ".join((one["status"], "since", moment(one["since"]), one["reason"])).strip(),
        "Rests until": moment(one["resting_until"]) if one["resting_until"] else "",
        "Tags": ", ".join(one["tags"]),
        "Note": one["note"],
        "Way out": one["proxy"],
        "Requests at once": str(one["max_parallel"] or "as set for all"),
        "Adult content": "on" if one["adult"] else "",
        "Last checked": moment(one["checked_at"]),
        "Last check failed": one["check_failure"],
        "Last used": f"{moment(one['last_use_at'])}, {one['uses']} times",
        "Last failure": f"{one['last_failure']} ({moment(one['last_failure_at'])})"
        if one["last_failure"]
        else "",
        "Week": f"{one['weekly']['left']:.0%} left until {moment(one['weekly']['ends_at'])}"
        if one["weekly"]
        else "",
    }
    for mode, left in one["quota"].items():
        reset = f", full again {moment(left['reset_at'])}" if left["reset_at"] else ""
        lines[f"Left of {mode}"] = f"{left['remaining']} of {left['total']} ({left['source']}{reset})"
    for product, quota in one["media"].items():
        count = "some" if quota["remaining"] is None else quota["remaining"]
        lines[f"Left of {product}"] = str(count) if quota["available"] else "none"
    width = max(len(name) for name in lines)
    for name, value in lines.items():
        if value:
            out(f"{name:<{width}}  {value}")
    return 0


def _exported(args: argparse.Namespace, answer: Json) -> int:
    if args.file == "-":
        sys.stdout.write(answer["text"])
        return 0
    try:
        handle = os.open(args.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(answer["text"])
    except OSError as error:
        raise GrokDeskError(f"The file {args.file} cannot be written: {error.strerror}.") from error
    say(f"{answer['count']} accounts written to {args.file}. Anyone who has this file can use them.")
    return 0


def _acted(args: argparse.Namespace, answer: Json) -> int:
    """What became of each account, at once or by a job."""
    failed = answer["job"]["failed"] if "job" in answer else answer["failed"]
    if args.json:
        out_json(answer)
    else:
        for one in answer["results"]:
            out(
                "\t".join(
                    (one["name"], "done" if one["ok"] else "failed", f"{one['said']} {one['hint']}".strip())
                )
            )
    return EXIT_FAILED if failed else 0


def _listed_removed(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer["accounts"])
        return 0
    for one in answer["accounts"]:
        out("\t".join((one["id"], one["name"], one["tier"], f"removed {moment(one['removed_at'])}")))
    return 0


def _listed_jobs(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer["jobs"])
        return 0
    for one in answer["jobs"]:
        out("\t".join((one["id"], one["state"], f"{one['done']}/{one['total']}", one["title"])))
    return 0


def _shown_job(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer)
        return 0
    if "job" not in answer:
        say("GrokDesk is not running.")
        return EXIT_FAILED
    job = answer["job"]
    out(f"{job['title']}: {job['state']}, {job['done']} of {job['total']}, {job['failed']} failed")
    for one in answer.get("results", ()):
        out(
            "\t".join(
                (one["name"], "done" if one["ok"] else "failed", f"{one['said']} {one['hint']}".strip())
            )
        )
    return 0


# --- the way out --------------------------------------------------------------------------------------------


def _listed_ways(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer["ways"])
        return 0
    for one in answer["ways"]:
        mark = "*" if one["current"] else " "
        out("\t".join((f"{mark} {one['name']}", one["words"], one["clearance"], one["failure"])).rstrip())
    return 0


def _tested_ways(args: argparse.Namespace, answer: Json) -> int:
    ways = answer["ways"]
    if args.json:
        out_json(ways)
    else:
        for one in ways:
            if one["reachable"]:
                seen = f"seen as {one['address']} {one['country']}".rstrip() if one["address"] else ""
                check = "stopped by Cloudflare's check" if one["challenged"] else "not challenged"
                words = ", ".join(part for part in (f"{one['latency_ms']} ms", seen, check) if part)
            else:
                words = f"{one['failure']} {one['hint']}".strip()
            out(f"{one['name']}\t{words}")
    fine = all(one["reachable"] and not one["challenged"] for one in ways)
    return 0 if fine else EXIT_FAILED


def _solved(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer)
    else:
        out(f"{answer['name']}: {answer['clearance']}")
    return 0


# --- keeping ------------------------------------------------------------------------------------------------


def _backed_up(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer)
        return 0
    counts = ", ".join(f"{count} {kind}" for kind, count in answer["counts"].items())
    if "added" in answer:
        back = ", ".join(f"{count} {kind}" for kind, count in answer["added"].items() if count)
        out(f"Came back: {back or 'nothing, all of it is here'}.")
    out(f"{args.file}: made {moment(answer['made_at'])} by {answer['program']}, holds {counts}.")
    for problem in answer.get("problems", ()):
        say(problem)
    return 0


def _listed_backups(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer["backups"])
        return 0
    for one in answer["backups"]:
        out("\t".join((moment(one["made_at"]), one["kind"], f"{one['bytes']:,} bytes", one["file"])))
    return 0


def _moved(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer)
        return 0
    copied = ", ".join(f"{count} {kind}" for kind, count in answer["added"].items())
    out(f"Copied to {answer['name']}: {copied or 'nothing that was not there'}.")
    if answer["switched"]:
        out("It is used from the next start on. The store used so far was left as it is.")
    return 0


# --- keys and the program -----------------------------------------------------------------------------------


def _new_key(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer)
    else:
        out(answer["key"])
    return 0


def _listed_keys(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer["keys"])
        return 0
    for key in answer["keys"]:
        out(f"{key['id']}\t{key['name']}\tgd-…{key['ends_with']}")
    return 0


def _revoked(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer)
    else:
        out(f"The key '{answer['name']}' is revoked.")
    return 0


def _status(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json({name: value for name, value in answer.items() if name != "jobs"})
        return 0
    if not answer["running"]:
        out("GrokDesk is not running.")
        return 0
    gateway, accounts = answer["gateway"], answer["accounts"]
    out(f"GrokDesk {answer['version']}, gateway {gateway['state']} {gateway['base_url']}".rstrip())
    if gateway["error"]:
        out(f"{gateway['error']} {gateway['hint']}".rstrip())
    out(f"{accounts['ready']} of {accounts['total']} accounts ready, {accounts['need_owner']} need you.")
    out(f"Accounts are kept in {answer['store']}.")
    out(f"Master key: {answer['master_key'].replace('_', ' ')}.")
    for trouble in answer["troubles"]:
        out(f"{trouble['message']} {trouble['hint']}".rstrip())
    return 0


def _quit(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json({name: value for name, value in answer.items() if name != "jobs"})
    elif answer.get("running") is False:
        say("GrokDesk is not running.")
    return 0


def _reported(args: argparse.Namespace, answer: Json) -> int:
    """A report for others: where it is and what is in it, or all of it."""
    if args.json:
        out_json(answer)
        return 0
    for one in answer["sheets"]:
        if "text" in one:
            out(f"===== {one['name']}: {one['about']}")
            out(one["text"])
        else:
            out(f"{one['name']}\t{one['size']}\t{one['about']}")
    if answer["file"]:
        say(f"Written to {answer['file']}. Look at it before you hand it on.")
    return 0


_REPORTS: Final[dict[str, Report]] = {
    "accounts.import": _imported,
    "accounts.list": _listed_accounts,
    "accounts.show": _shown_account,
    "accounts.export": _exported,
    "accounts.removed": _listed_removed,
    **dict.fromkeys(
        (
            f"accounts.{name}"
            for name in (
                "refresh",
                "enable",
                "disable",
                "remove",
                "restore",
                "tag",
                "untag",
                "tier",
                "edit",
                "adult",
                "assets",
                "fetch",
                "conversations",
            )
        ),
        _acted,
    ),
    **MEDIA_REPORTS,
    "jobs.list": _listed_jobs,
    "jobs.show": _shown_job,
    "jobs.cancel": _shown_job,
    "proxy.list": _listed_ways,
    "proxy.test": _tested_ways,
    "proxy.solve": _solved,
    "backup.write": _backed_up,
    "backup.show": _backed_up,
    "backup.restore": _backed_up,
    "backup.list": _listed_backups,
    "store.move": _moved,
    "diagnostics": _reported,
    "keys.new": _new_key,
    "keys.list": _listed_keys,
    "keys.revoke": _revoked,
    "status": _status,
    "quit": _quit,
}
