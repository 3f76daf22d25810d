"""Edits that tools made, as transcripts and hooks tell of them, found again in the commits that took them in."""
