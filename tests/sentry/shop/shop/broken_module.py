"""Fails while it is imported, on a line of no function."""

VALUE = 1 / 0
