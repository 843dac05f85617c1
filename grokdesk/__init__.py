"""GrokDesk: the owner's Grok accounts as a local endpoint, with a face.

`core` says what we talk about, `platform` is the machine, `providers` reach Grok, `dialects` speak to
clients, `engine` decides, `store` remembers, `gateway` listens, `ui` shows. `app` builds them all once.
"""

__version__ = "0.1.0"
