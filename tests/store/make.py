"""What the tests of the store are made of."""

from grokdesk.core.accounts import Account, AccountId
from grokdesk.core.ports import ClientKey
from grokdesk.core.runs import RunRecord
from grokdesk.core.secret import Secret


def token(name: str) -> str:
    return f"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.token-of-{name}"


def account(name: str, *, created_at: float = 1_000.0, cookies: str = "") -> Account:
    return Account(
        id=AccountId(f"id-{name}"),
        token=Secret(token(name)),
        label=name,
        cookies=Secret(cookies),
        created_at=created_at,
    )


def key(name: str, *, created_at: float = 1_000.0) -> ClientKey:
    return ClientKey(
        id=f"id-{name}",
        name=name,
        value=Secret(f"gd-key-of-{name}"),
        digest=f"digest-{name}",
        created_at=created_at,
    )


def run(name: str, *, at: float = 1_000.0, model: str = "grok-4") -> RunRecord:
    return RunRecord(id=name, at=at, model=model)
