"""The face: tray, windows, and the loop that Qt and asyncio share.

`main` runs an `App` with a face on the loop of `loop`. The `bridge` turns notices into Qt signals, `work`
owns the coroutines that slots start, `dialogs` ask without nested loops, `report` explains errors. Panes live
in `windows`, what they are made of in `widgets`, the rows they show in `models`.
"""
