"""How answers about pictures, films and the library are told."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, Final

from grokdesk.cli.terminal import EXIT_FAILED, Json, Report, complain, moment, one_line, out, out_json, say
from grokdesk.core.errors import GrokDeskError

_PROMPT: Final = 100
_KB: Final = 1_000
_UNSAID: Final = {
    "failed": "It was not made.",
    "interrupted": "GrokDesk ended before this was done.",
    "cancelled": "It was stopped.",
}


def _made(args: argparse.Namespace, answer: Json) -> int:
    """Where the files were written to, also of a job that failed halfway."""
    job, files = answer["media"], answer["files"]
    if args.json:
        out_json({"job": job, "files": files})
    else:
        for file in files:
            if file["saved"]:
                out(file["saved"])
    if job["state"] != "done":
        complain(GrokDeskError(job["failure"] or _UNSAID[job["state"]], hint=job["hint"]))
    for problem in answer["problems"]:
        say(problem)
    return 0 if job["state"] == "done" and not answer["problems"] else EXIT_FAILED


def _listed_jobs(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer["jobs"])
        return 0
    for job in answer["jobs"]:
        far = f"{job['fraction']:.0%}" if not job["is_over"] else _files(len(job["files"]))
        words = one_line(job["failure"] or job["prompt"], _PROMPT)
        out(
            "\t".join(
                (job["id"], job["kind"], job["state"], far, moment(job["created_at"]), job["model"], words)
            )
        )
    return 0


def _shown_job(args: argparse.Namespace, answer: Json) -> int:
    job, files = answer["media"], answer["files"]
    if args.json:
        out_json({"job": job, "files": files})
        return 0
    out(f"{one_line(job['prompt'], _PROMPT)}: {job['state']}, {job['fraction']:.0%}")
    if job["failure"]:
        out(f"{job['failure']} {job['hint']}".strip())
    for file in files:
        out(_line(file))
    return 0


def _removed_job(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer["media"])
    else:
        out(f"Removed, with {_files(len(answer['media']['files']))}.")
    return 0


# --- files --------------------------------------------------------------------------------------------------


def _listed(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer["files"])
        return 0
    for file in answer["files"]:
        out(_line(file))
    return 0


def _line(file: Mapping[str, Any]) -> str:
    return "\t".join(
        (
            file["id"],
            file["kind"],
            _size(file["bytes"]),
            _extent(file),
            moment(file["created_at"]),
            file["model"],
            one_line(file["account"], _PROMPT),
            one_line(file["prompt"], _PROMPT),
        )
    )


def _size(size: int) -> str:
    for unit in ("bytes", "KB", "MB"):
        if size < _KB:
            return f"{size} {unit}"
        size = round(size / _KB)
    return f"{size} GB"


def _extent(file: Mapping[str, Any]) -> str:
    pixels = f"{file['width']}x{file['height']}" if file["width"] else ""
    length = f"{file['seconds']:.1f} s" if file["seconds"] else ""
    return " ".join(part for part in (pixels, length) if part)


def _shown(args: argparse.Namespace, answer: Json) -> int:
    file = answer["file"]
    if args.json:
        out_json(file)
        return 0
    lines = {
        "Id": file["id"],
        "Kind": f"{file['kind']}, {file['media_type']}",
        "Size": _size(file["bytes"]),
        "Pixels, length": _extent(file),
        "Made": moment(file["created_at"]),
        "Prompt": one_line(file["prompt"], len(file["prompt"])),
        "Model": file["model"],
        "Account": one_line(file["account"], _PROMPT),
        "Asked by": one_line(file["client"], _PROMPT),
        "Favourite": "yes" if file["favourite"] else "",
        "Tags": ", ".join(file["tags"]),
        "Link": file["link"],
        "File": file["path"],
    }
    width = max(len(name) for name in lines)
    for name, value in lines.items():
        if value:
            out(f"{name:<{width}}  {value}")
    return 0


def _changed(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer)
    else:
        out(f"{_files(len(answer['files']))} {_WORDS[args.action].format(word=getattr(args, 'word', ''))}.")
    return _missing(answer["missing"])


_WORDS: Final = {
    "favourite": "marked as favourite",
    "unfavourite": "no longer marked as favourite",
    "tag": "tagged {word}",
    "untag": "no longer tagged {word}",
    "remove": "removed",
    "restore": "brought back",
}


def _revoked(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer)
    else:
        for file in answer["files"]:
            out("\t".join((file["before"], file["id"], file["link"])).rstrip())
    return _missing(answer["missing"])


def _missing(missing: Sequence[str]) -> int:
    for one in missing:
        complain(
            GrokDeskError(
                f"There is no such file: {one_line(one, _PROMPT)}.",
                hint="`grokdesk library list` shows them.",
            )
        )
    return EXIT_FAILED if missing else 0


def _moved(args: argparse.Namespace, answer: Json) -> int:
    """How an export or import ended."""
    errand = answer["errand"]
    counts = {"added": 0, "known": 0, "refused": 0, **errand["counts"]}
    if args.json:
        out_json(errand)
    else:
        verb = "exported" if args.action == "export" else "imported"
        out(f"{_files(counts['added'])} {verb}, {counts['known']} were there already.")
    if counts["refused"]:
        say(f"{_files(counts['refused'])} could not be {'read' if args.action == 'export' else 'taken in'}.")
    if errand["failure"]:
        complain(GrokDeskError(errand["failure"], hint=errand["hint"]))
    return 0 if errand["state"] == "done" and not counts["refused"] else EXIT_FAILED


def _tidied(args: argparse.Namespace, answer: Json) -> int:
    if args.json:
        out_json(answer)
        return 0
    out(f"Deleted for good: {_files(answer['purged'])} removed before, {answer['trimmed']} above the limits.")
    for kind, used in answer["used"].items():
        out(f"{kind}: {_files(used['files'])}, {_size(used['bytes'])}")
    return 0


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


MEDIA_REPORTS: Final[dict[str, Report]] = {
    "media.make": _made,
    "media.list": _listed_jobs,
    "media.show": _shown_job,
    "media.cancel": _shown_job,
    "media.remove": _removed_job,
    "library.list": _listed,
    "library.show": _shown,
    "library.export": _moved,
    "library.import": _moved,
    "library.change": _changed,
    "library.remove": _changed,
    "library.restore": _changed,
    "library.revoke": _revoked,
    "library.tidy": _tidied,
}
