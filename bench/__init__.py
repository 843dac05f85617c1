"""Benchmarks: `make bench`. Simulator, program and load are processes of their own.

Everything stays on 127.0.0.1. Machines are noisy, so a figure means little beside one of another run:
compare the rows of one table.
"""
