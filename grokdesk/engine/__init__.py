"""Judgement and bookkeeping.

`Engine.run` executes a request into a `Run`, with an account from the `AccountPool` and a way out from
`EgressService`. `ClientKeys` says who may ask, `RunLog` what was asked, `Checks` what the accounts have left.
"""
