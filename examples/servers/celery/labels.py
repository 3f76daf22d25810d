"""Written by a model, as the manifest beside it says; it fails for some input."""


def initials(name: str) -> str:
    """The first letters of a name's words."""
    return "".join(word[0] for word in name.split(" "))
