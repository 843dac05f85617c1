"""What a second process may ask about accounts, and have done to them, as wishes and answers in JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from grokdesk.core.accounts import Account, AccountId, Tier
from grokdesk.core.egress import DIRECT, normal_proxy, public_name
from grokdesk.core.errors import InvalidRequest, NotFound
from grokdesk.core.secret import Secret
from grokdesk.engine.accounts import AccountPool
from grokdesk.engine.acts import Acts, Adult
from grokdesk.engine.commands import Command, Json
from grokdesk.engine.jobs import Job, Jobs, Result

_AUTO: Final = "auto"
_MOST_PARALLEL: Final = 100


class AccountCommands:
    """Carries out wishes about accounts. What asks Grok is a job; its answer names the job."""

    def __init__(self, pool: AccountPool, acts: Acts, jobs: Jobs) -> None:
        self._pool = pool
        self._acts = acts
        self._jobs = jobs

    def table(self) -> dict[str, Command]:
        """The wishes by name."""
        return {
            "accounts.list": self._list,
            "accounts.show": self._show,
            "accounts.refresh": self._refresh,
            "accounts.enable": self._enable,
            "accounts.disable": self._disable,
            "accounts.remove": self._remove,
            "accounts.removed": self._removed,
            "accounts.restore": self._restore,
            "accounts.tag": self._tag,
            "accounts.untag": self._untag,
            "accounts.tier": self._tier,
            "accounts.edit": self._edit,
            "accounts.adult": self._adult,
            "accounts.assets": self._assets,
            "accounts.conversations": self._conversations,
            "jobs.list": self._list_jobs,
            "jobs.show": self._show_job,
            "jobs.cancel": self._cancel_job,
        }

    # -- looking

    async def _list(self, wish: Mapping[str, Any]) -> Json:
        return {"accounts": [account_json(one, self._pool) for one in filtered(self._pool.accounts(), wish)]}

    async def _show(self, wish: Mapping[str, Any]) -> Json:
        account = named(self._pool.accounts(), str(wish.get("account", "")))
        return {"account": account_json(account, self._pool)}

    async def _removed(self, _: Mapping[str, Any]) -> Json:
        return {
            "accounts": [
                {"removed_at": one.at, **account_json(one.account, self._pool)}
                for one in await self._pool.removed()
            ]
        }

    # -- at once

    async def _enable(self, wish: Mapping[str, Any]) -> Json:
        return _told(await self._acts.enable(self._chosen(wish), on=True))

    async def _disable(self, wish: Mapping[str, Any]) -> Json:
        return _told(await self._acts.enable(self._chosen(wish), on=False))

    async def _remove(self, wish: Mapping[str, Any]) -> Json:
        return _told(await self._acts.remove(self._chosen(wish)))

    async def _restore(self, wish: Mapping[str, Any]) -> Json:
        wanted = [AccountId(str(one)) for one in wish.get("ids") or ()]
        back = {one.id: one.name for one in await self._pool.restore(wanted)}
        missing = "It was not removed, was forgotten since, or its token is here again with another account."
        return _told(
            [
                Result(one, back.get(one, str(one)), ok=one in back, said="" if one in back else missing)
                for one in wanted
            ]
        )

    async def _tag(self, wish: Mapping[str, Any]) -> Json:
        return _told(await self._acts.tag(self._chosen(wish), [str(wish.get("word", ""))]))

    async def _untag(self, wish: Mapping[str, Any]) -> Json:
        return _told(await self._acts.untag(self._chosen(wish), [str(wish.get("word", ""))]))

    async def _tier(self, wish: Mapping[str, Any]) -> Json:
        word = str(wish.get("word", ""))
        if word != _AUTO and word not in set(Tier):
            raise InvalidRequest(f"'{word}' is not a tier: auto, basic, super or heavy.", param="tier")
        tier = None if word == _AUTO else Tier(word)
        return _told(await self._acts.set_tier(self._chosen(wish), tier))

    async def _edit(self, wish: Mapping[str, Any]) -> Json:
        changes = _changes(wish)
        if not changes:
            raise InvalidRequest("Nothing was said to change: label, note, proxy or max_parallel.")
        return _told(await self._acts.edit(self._chosen(wish), **changes))

    # -- jobs

    async def _refresh(self, wish: Mapping[str, Any]) -> Json:
        return job_json(self._acts.refresh(self._chosen(wish)))

    async def _adult(self, wish: Mapping[str, Any]) -> Json:
        ids = self._chosen(wish)
        if wish.get("word") == "off":
            return job_json(self._acts.adult_off(ids))
        born = wish.get("birth_date")
        if not born:
            raise InvalidRequest(
                "Switching adult content on needs your own date of birth; Grok is told it.",
                param="birth_date",
                hint="Give it as year, month and day, and confirm that you are an adult.",
            )
        try:
            adult = Adult(date.fromisoformat(str(born)), confirmed=bool(wish.get("confirmed")))
        except ValueError as error:
            raise InvalidRequest(f"'{born}' is not a date such as 1990-05-17.", param="birth_date") from error
        return job_json(self._acts.adult_on(ids, adult))

    async def _assets(self, wish: Mapping[str, Any]) -> Json:
        act = self._acts.clear_assets if wish.get("word") == "clear" else self._acts.list_assets
        return job_json(act(self._chosen(wish)))

    async def _conversations(self, wish: Mapping[str, Any]) -> Json:
        act = self._acts.clear_conversations if wish.get("word") == "clear" else self._acts.list_conversations
        return job_json(act(self._chosen(wish)))

    async def _list_jobs(self, _: Mapping[str, Any]) -> Json:
        return {"jobs": [job_json(job)["job"] for job in self._jobs.all()]}

    async def _show_job(self, wish: Mapping[str, Any]) -> Json:
        """A job with its results, those from number `after` on."""
        job = self._job(wish)
        after = int(wish.get("after") or 0)
        return {**job_json(job), "results": [result_json(one) for one in job.results[after:]]}

    async def _cancel_job(self, wish: Mapping[str, Any]) -> Json:
        job = self._job(wish)
        self._jobs.cancel(job.id)
        return job_json(job)

    def _job(self, wish: Mapping[str, Any]) -> Job:
        job = self._jobs.get(str(wish.get("job", "")))
        if job is None:
            raise NotFound(f"There is no job '{wish.get('job')}'.", hint="Only the last ones are remembered.")
        return job

    def _chosen(self, wish: Mapping[str, Any]) -> list[AccountId]:
        return [account.id for account in chosen(self._pool.accounts(), wish)]


# --- who is meant -------------------------------------------------------------------------------------------


def filtered(accounts: Iterable[Account], wish: Mapping[str, Any]) -> list[Account]:
    """Those in `status`, of `only_tier`, with one of `only_tags`; what is not said does not matter."""
    status, tier = wish.get("status"), wish.get("only_tier")
    tags = {str(tag).casefold() for tag in wish.get("only_tags") or ()}
    return [
        account
        for account in accounts
        if (not status or account.status.value == status)
        and (not tier or account.tier.value == tier)
        and (not tags or tags & {tag.casefold() for tag in account.tags})
    ]


def chosen(accounts: Sequence[Account], wish: Mapping[str, Any]) -> list[Account]:
    """The accounts a wish is about: those named, or all that pass its filters.

    Raises `InvalidRequest` when it says neither names nor filters nor all, `NotFound` when nobody is meant.
    """
    names = [str(name) for name in wish.get("accounts") or ()]
    is_filtered = any(wish.get(name) for name in ("status", "only_tier", "only_tags"))
    if not (names or is_filtered or wish.get("all")):
        raise InvalidRequest(
            "Which accounts are meant was not said.",
            hint="Name them, filter them by state, tier or tag, or say --all.",
        )
    wanted = [named(accounts, name) for name in names] if names else accounts
    found = filtered(wanted, wish)
    if not found:
        raise NotFound("No account is meant by that.", hint="`grokdesk accounts list` shows them.")
    return found


def named(accounts: Iterable[Account], name: str) -> Account:
    """The one account with this id, label, mail address or end of its token.

    Raises `NotFound` when there is none, `InvalidRequest` when there are several.
    """
    wanted = name.strip().removeprefix("…").casefold()
    known = list(accounts)
    for exact in (
        [one for one in known if one.id == name.strip()],
        [one for one in known if wanted and wanted in {one.label.casefold(), one.email.casefold()}],
        [one for one in known if wanted and one.token.tail.casefold() == wanted],
    ):
        if len(exact) == 1:
            return exact[0]
        if exact:
            ids = ", ".join(one.id for one in exact[:5])
            raise InvalidRequest(f"{len(exact)} accounts are called '{name}'.", hint=f"Say which: {ids}.")
    raise NotFound(f"There is no account '{name}'.", hint="`grokdesk accounts list` shows them.")


# --- what is changed ----------------------------------------------------------------------------------------


def _changes(wish: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name in ("label", "note"):
        if wish.get(name) is not None:
            changes[name] = str(wish[name]).strip()
    if wish.get("proxy") is not None:
        changes["proxy"] = _binding(str(wish["proxy"]).strip())
    if wish.get("max_parallel") is not None:
        changes["max_parallel"] = _parallel(str(wish["max_parallel"]).strip())
    return changes


def _binding(word: str) -> Secret:
    if word in {"", _AUTO}:
        return Secret("")
    if word == DIRECT:
        return Secret(DIRECT)
    try:
        return Secret(normal_proxy(word))
    except ValueError as error:
        raise InvalidRequest(f"The proxy cannot be used: {error}.", param="proxy") from error


def _parallel(word: str) -> int | None:
    if word == _AUTO:
        return None
    if not word.isdecimal() or not 1 <= int(word) <= _MOST_PARALLEL:
        raise InvalidRequest(f"'{word}' is not a number from 1 to {_MOST_PARALLEL}.", param="max_parallel")
    return int(word)


# --- answers ------------------------------------------------------------------------------------------------


def _told(results: Sequence[Result]) -> Json:
    return {
        "ok": sum(one.ok for one in results),
        "failed": sum(not one.ok for one in results),
        "results": [result_json(one) for one in results],
    }


def result_json(result: Result) -> Json:
    """What became of one account."""
    return {
        "id": result.account,
        "name": result.name,
        "ok": result.ok,
        "said": result.said,
        "hint": result.hint,
        "counts": dict(result.counts),
    }


def job_json(job: Job) -> Json:
    """How far a job is."""
    return {
        "job": {
            "id": job.id,
            "kind": job.kind,
            "title": job.title,
            "state": job.state.value,
            "total": job.total,
            "done": job.done,
            "ok": job.ok,
            "failed": job.failed,
            "counts": job.counts,
            "started_at": job.started_at,
            "ended_at": job.ended_at,
        }
    }


def account_json(account: Account, pool: AccountPool) -> Json:
    """An account as scripts see it: never the token, only its end."""
    credit = account.credits
    return {
        "id": account.id,
        "name": account.name,
        "label": account.label,
        "note": account.note,
        "tags": list(account.tags),
        "token": str(account.token),
        "email": account.email,
        "user_id": account.user_id,
        "tier": account.tier.value,
        "tier_source": account.tier_source.value,
        "status": account.status.value,
        "reason": account.reason or account.rest_reason,
        "since": account.since,
        "resting_until": account.resting_until or None,
        "proxy": public_name(account.proxy.reveal()) if account.proxy else _AUTO,
        "max_parallel": account.max_parallel,
        "in_flight": pool.in_flight(account.id),
        "uses": account.uses,
        "failures": account.failures,
        "created_at": account.created_at,
        "last_use_at": account.last_use_at,
        "last_failure": account.last_failure,
        "last_failure_at": account.last_failure_at,
        "checked_at": account.checked_at,
        "synced_at": account.synced_at,
        "check_failure": account.check_failure,
        "adult": account.adult_at is not None,
        "quota": {
            mode.value: {
                "remaining": window.remaining,
                "total": window.total,
                "reset_at": window.reset_at,
                "synced_at": window.synced_at,
                "source": window.source.value,
            }
            for mode, window in account.windows.items()
        },
        "weekly": credit and {"left": credit.remaining / 10_000, "ends_at": credit.ends_at},
        "media": {
            product.value: {
                "available": quota.available,
                "remaining": quota.remaining,
                "reset_at": quota.reset_at,
            }
            for product, quota in account.media.items()
        },
    }
