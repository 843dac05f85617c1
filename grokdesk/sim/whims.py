"""What words in a prompt do, for people in the demo and for short tests (media §14.3).

`[[moderate:1]]` withholds picture 1 (counted from 0), `[[moderate]]` all of them, `[[ratelimit]]` meets the
limit, `[[slow]]` takes its time, `[[drop]]` loses the connection half way.
"""

import re

from grokdesk.sim import faults
from grokdesk.sim.script import Script, Slots, Wire

_WORD = re.compile(r"\[\[(?P<word>moderate|ratelimit|slow|drop)(?::(?P<slot>\d+))?\]\]")
_DROP_AFTER = 2


def whims(prompt: str, *, slow_s: float, limit: Script) -> Script:
    """The script that the words of `prompt` ask for; an empty one for most prompts."""
    script = Script()
    slots: set[int] = set()
    for found in _WORD.finditer(prompt):
        match found["word"]:
            case "moderate":
                slots.add(-1 if found["slot"] is None else int(found["slot"]))
            case "ratelimit":
                script += limit
            case "slow":
                script += Script(wire=Wire(delay_s=slow_s))
            case _:
                script += faults.cut_after(_DROP_AFTER)
    if slots:
        withheld: Slots = "all" if -1 in slots else tuple(sorted(slots))
        script += faults.media(moderated=withheld)
    return script
