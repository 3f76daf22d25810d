"""Who wrote each line: history and blame, followed through re-formatting, moves, renames and squashes."""
