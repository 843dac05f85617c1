"""What to do next about what went wrong with an account: the last column of docs/failures.md.

An account keeps only the sentence of its failure, which may be of an earlier session; what to do about it is
found by how the sentence begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from PySide6.QtCore import QCoreApplication

from grokdesk.core.accounts import Account, Status


class Step(Enum):
    """Where the next step is taken. NONE: there is nothing to press."""

    NONE = auto()
    NEW_TOKEN = auto()
    CHECK = auto()
    SWITCH_ON = auto()
    TEST_WAY = auto()
    CLEARANCE = auto()
    BIND = auto()
    FORM = auto()


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence, and where it is done."""

    text: str
    step: Step = Step.NONE


def advice(said: str) -> Advice | None:
    """What to do about a failure that is told by `said`; None when it is not known."""
    if said.endswith(_OTHERS):
        text = _tr(
            "Sign in at grok.com with this account to see what it is asked, or bind it to another proxy."
        )
        return Advice(text, Step.BIND)
    return next((found for beginning, found in _known() if said.startswith(beginning)), None)


def of_status(account: Account) -> Advice | None:
    """What its owner can do about an account that is out of use."""
    match account.status:
        case Status.EXPIRED:
            return Advice(_tr("Sign in at grok.com and add the account's new token."), Step.NEW_TOKEN)
        case Status.BLOCKED:
            text = _tr("Sign in at grok.com with it to see why, or remove the account here.")
            return Advice(text, Step.CHECK)
        case Status.DISABLED:
            return Advice(_tr("Switch it on to use it again."), Step.SWITCH_ON)
        case Status.ACTIVE:
            return None


_OTHERS: Final = "Others pass on the same way at this moment."


def _known() -> tuple[tuple[str, Advice], ...]:
    """How sentences begin, and what to do; the longer beginning stands first."""
    again = Advice(_tr("Try again."))
    minute = _tr("Try again in a minute.")
    wait = Advice(_tr("Wait for its limit to reset, use another model, or add an account."))
    address = Advice(_tr("Check the proxy's address under Network."), Step.TEST_WAY)
    silent = Advice(_tr("Try again; if it repeats, test the connection under Network."), Step.TEST_WAY)
    ask_again = Advice(_tr("Ask again."))
    clearance = Advice(
        _tr("Renew the Cloudflare cookies together with their user agent, or use another proxy."),
        Step.CLEARANCE,
    )
    return (
        (
            "Grok no longer accepts this account's sign-in.",
            Advice(_tr("Sign in at grok.com and add the account's new token."), Step.NEW_TOKEN),
        ),
        (
            "Grok has blocked this account.",
            Advice(_tr("Sign in at grok.com with it to see why, or remove the account here."), Step.CHECK),
        ),
        ("This account has used up its questions for now.", wait),
        ("This account has made as many pictures or films", wait),
        (
            "This account has used up its credits.",
            Advice(_tr("Wait until its period ends, or add an account.")),
        ),
        ("Cloudflare stopped this request", clearance),
        ("The Cloudflare solver", clearance),
        ("Cloudflare wants to see a browser", clearance),
        (
            "Grok took this request for a robot's",
            Advice(_tr("Change grok_web.statsig or egress.user_agent, or use another proxy."), Step.TEST_WAY),
        ),
        (
            "Grok refused this request without saying why",
            Advice(
                _tr("Test the connection, renew the Cloudflare cookies, or use another proxy."), Step.TEST_WAY
            ),
        ),
        (
            "The proxy this account is bound to",
            Advice(_tr("Check the proxy's address, or bind the account to another way out."), Step.BIND),
        ),
        ("The proxy", address),
        ("GrokDesk is set to leave through proxies", address),
        ("Grok refuses this content", Advice(_tr("Ask for something else."))),
        ("Grok made a picture and withheld it", Advice(_tr("Describe something else."))),
        (
            "Grok did not accept this request.",
            Advice(_tr("If it happens every time, Grok has changed and this program needs an update.")),
        ),
        (
            "This is too large for Grok.",
            Advice(_tr("Send less: a shorter conversation, or smaller attachments.")),
        ),
        (
            "Grok does not know this form of chat.",
            Advice(_tr("Set grok_web.chat_form to the other form, or to auto."), Step.FORM),
        ),
        (
            "Grok did not tell the user id of this account",
            Advice(_tr("Set grok_web.chat_form to rest or auto."), Step.FORM),
        ),
        ("Grok is too busy to answer", Advice(_tr("Try again in a minute, or use another model."))),
        ("Grok's servers have a problem of their own", Advice(minute)),
        ("Grok's servers took too long to answer.", again),
        (
            "Grok has a problem of its own, and says",
            Advice(_tr("Ask something else, or try again much later.")),
        ),
        ("Grok broke off its answer", again),
        ("Grok sent an empty answer.", ask_again),
        ("Grok's answer broke off in the middle.", ask_again),
        ("Grok opened another conversation", ask_again),
        ("The connection to Grok broke before the answer was complete.", again),
        ("The connection to", silent),
        ("Grok did not begin to answer", silent),
        ("Grok stopped in the middle of its answer", silent),
        (
            "Grok does not want to be asked so often",
            Advice(_tr("Try again in a few minutes."), Step.CHECK),
        ),
        (
            "Grok did not say whose account this is.",
            Advice(_tr("Check the account at grok.com, or try again later."), Step.CHECK),
        ),
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("Advice", text)
