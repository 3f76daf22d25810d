"""A full incident on this machine: a bad release, the spike, the suspect, the revert."""

from aiprov.demo._commands import CommandError
from aiprov.demo._ending import conclude, payload
from aiprov.demo._example import Example, find_example, load_example
from aiprov.demo._story import Outcome, play
from aiprov.demo._tell import Aloud, Quiet, Tell

__all__ = [
    "Aloud",
    "CommandError",
    "Example",
    "Outcome",
    "Quiet",
    "Tell",
    "conclude",
    "find_example",
    "load_example",
    "payload",
    "play",
]
