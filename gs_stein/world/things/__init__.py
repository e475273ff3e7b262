"""Things that may stand in any room, by theme; `movable.py` says what each file exports."""
