"""Which failures deserve another try, and on what."""

from __future__ import annotations

from dataclasses import dataclass, field

from grokdesk.core.accounts import AccountId
from grokdesk.core.errors import Again, UpstreamError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How many further tries a request may cost its accounts before the client hears the failure."""

    more_tries: int = 4


@dataclass(slots=True)
class Tries:
    """What one request has tried so far. Mutable, owned by one run."""

    policy: RetryPolicy
    accounts: set[AccountId] = field(default_factory=set)
    failures: list[UpstreamError] = field(default_factory=list)
    again_with: AccountId | None = None
    _second_chances: set[AccountId] = field(default_factory=set)

    def failed(self, error: UpstreamError, account: AccountId, *, egress_changed: bool) -> None:
        """Take note of a failure with `account`; raises it when another try is pointless.

        An overloaded upstream, or a way out that was stopped and has changed since, earns the same account
        one more try; after that another account is asked. `again_with` names the account to stay with.
        """
        self.failures.append(error)
        if error.again is Again.NEVER or len(self.failures) > self.policy.more_tries:
            raise error
        self.again_with = None
        stay = error.again is Again.SAME or (error.again is Again.OTHER_EGRESS and egress_changed)
        if stay and account not in self._second_chances:
            self._second_chances.add(account)
            self.again_with = account
        else:
            self.accounts.add(account)

    @property
    def last(self) -> UpstreamError | None:
        """The latest failure: what the client hears when accounts run out."""
        return self.failures[-1] if self.failures else None
