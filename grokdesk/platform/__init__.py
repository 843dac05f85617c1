"""The machine: one door to each outside library.

`wire` reaches upstreams, `tasks` owns what runs, `deadlines` ends what takes too long, `secrets` seals,
`settings_file` reads and writes the settings, `single_instance` lets a second start talk to the first;
`paths`, `logs`, `clock` and `ids` are what their names say.
"""
