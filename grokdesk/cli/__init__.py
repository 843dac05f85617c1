"""The command line: arguments, what they wish for, and how the answers are told (decisions 3 and 3a).

Everything that changes something is a wish to the running program, or, when there is none, to one that is
started on the data folder for it.
"""
