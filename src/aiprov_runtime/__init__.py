"""Tags telemetry with the model and prompt hash of the code involved; `import aiprov_runtime.auto` starts it."""

from aiprov_runtime._explain import Explanation, Step
from aiprov_runtime._guard import guard
from aiprov_runtime._index import Attribution
from aiprov_runtime._runtime import Status, capture, ensure, explain, explain_stack, init, lookup, status

__all__ = [
    "Attribution",
    "Explanation",
    "Status",
    "Step",
    "capture",
    "ensure",
    "explain",
    "explain_stack",
    "guard",
    "init",
    "lookup",
    "status",
]

__version__ = "0.1.0"
