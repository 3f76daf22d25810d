"""What a person can mend: one clear line, exit code 2."""


class UsageError(Exception):
    """Wrong input; the text says what to do about it."""
