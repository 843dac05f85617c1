"""Which failures deserve another try, and on what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from grokdesk.core.accounts import AccountId
from grokdesk.core.errors import (
    AccountRejected,
    Again,
    EgressOutcome,
    RateLimited,
    SingledOut,
    UpstreamError,
)

# No account is to blame, and no account was told anything.
_NOT_THROUGH: Final = frozenset({EgressOutcome.UNREACHABLE, EgressOutcome.CLOSED})


# Each of these takes the account out of the rotation, so that the next request does not meet it.
_PUTS_OUT: Final = (AccountRejected, RateLimited, SingledOut)
_PUT_OUT_FOR_EACH: Final = 5


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How many further tries a request may cost its accounts before the client hears the failure.

    Besides, it may leave `more_ways` ways out that turn out to be dead, which costs no account a try, and
    find five accounts for each try that turn out to be out of service: signed out, blocked, used up.
    """

    more_tries: int = 4
    more_ways: int = 4


@dataclass(slots=True)
class Tries:
    """What one request has tried so far. Mutable, owned by one run."""

    policy: RetryPolicy
    accounts: set[AccountId] = field(default_factory=set)
    failures: list[UpstreamError] = field(default_factory=list)
    again_with: AccountId | None = None
    _second_chances: set[AccountId] = field(default_factory=set)
    _ways_left: int = 0
    _put_out: int = 0

    def failed(self, error: UpstreamError, account: AccountId, *, egress_changed: bool) -> None:
        """Take note of a failure with `account`; raises it when another try is pointless.

        An overloaded upstream, or a way out that was stopped and has changed since, earns the same account
        one more try; after that another account is asked. Where the call never got through, and there is
        another way now, the account stays. `again_with` names the account to stay with.
        """
        self.failures.append(error)
        if error.again is Again.NEVER:
            raise error
        self.again_with = None
        moves_on = error.again is Again.OTHER_EGRESS and egress_changed and error.egress in _NOT_THROUGH
        if moves_on and self._ways_left < self.policy.more_ways:
            self._ways_left += 1
            self.again_with = account
            return
        if isinstance(error, _PUTS_OUT) and self._put_out < self.policy.more_tries * _PUT_OUT_FOR_EACH:
            self._put_out += 1
            self.accounts.add(account)
            return
        if len(self.failures) - self._ways_left - self._put_out > self.policy.more_tries:
            raise error
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
