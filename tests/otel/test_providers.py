"""Providers that are not the SDK's, and set-ups in every order."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from aiprov_opentelemetry import _spans

DDTRACE = """
from ddtrace.opentelemetry import TracerProvider
from opentelemetry import trace
trace.set_tracer_provider(TracerProvider())
import aiprov_runtime.auto
from aiprov_opentelemetry import install
install(trace.get_tracer_provider())
with trace.get_tracer("shop").start_as_current_span("span"):
    pass
"""
API_ALONE = """
import aiprov_runtime.auto
from opentelemetry import trace
with trace.get_tracer("shop").start_as_current_span("span"):
    pass
import sys
assert not [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
assert not [name for name in sys.modules if name.startswith("aiprov_opentelemetry")]
"""
NONE_YET = """
from opentelemetry import trace
from aiprov_opentelemetry import install
install(trace.get_tracer_provider())
install()
"""
INSTRUMENTOR = """
from aiprov_opentelemetry import AiprovInstrumentor, AiprovSpanProcessor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
AiprovInstrumentor().instrument(skip_dep_check=True)
AiprovInstrumentor().instrument()
provider = TracerProvider()
trace.set_tracer_provider(provider)
AiprovInstrumentor().instrument()
(processor,) = provider._active_span_processor._span_processors
assert isinstance(processor, AiprovSpanProcessor)
AiprovInstrumentor().uninstrument()
from opentelemetry.sdk.trace import Span
for method in (Span.record_exception, TracerProvider.__init__):
    assert not hasattr(method.__wrapped__, "__wrapped__")
"""
DISABLED = """
import os
os.environ["AIPROV_DISABLED"] = "1"
from aiprov_opentelemetry import AiprovInstrumentor, AiprovSpanProcessor, install
from opentelemetry.sdk.trace import Span, TracerProvider
provider = TracerProvider()
install(provider)
install()
AiprovInstrumentor().instrument()
AiprovSpanProcessor()
assert provider._active_span_processor._span_processors == ()
assert not hasattr(Span.record_exception, "__wrapped__")
assert not hasattr(TracerProvider.__init__, "__wrapped__")
"""
SUBCLASS = """
import aiprov_runtime.auto
from inspect import signature
from opentelemetry.sdk.trace import TracerProvider
before = str(signature(TracerProvider.__init__.__wrapped__))
class Own(TracerProvider):
    def __init__(self):
        super().__init__(shutdown_on_exit=False)
        self.own = True
    def add_span_processor(self, processor):
        assert self.own
        super().add_span_processor(processor)
assert Own().own
assert str(signature(TracerProvider)) == before.replace("(self, ", "(")
"""
OWN_PROCESSOR = """
import aiprov_runtime.auto
from aiprov_opentelemetry import install
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
provider = TracerProvider(active_span_processor=SpanProcessor())
install(provider)
with provider.get_tracer("shop").start_as_current_span("span"):
    pass
"""


@pytest.mark.parametrize(
    "program",
    [DDTRACE, API_ALONE, NONE_YET, INSTRUMENTOR, DISABLED, SUBCLASS, OWN_PROCESSOR],
    ids=["ddtrace", "api alone", "none yet", "instrumentor", "disabled", "subclass", "own processor"],
)
def test_is_no_error(tmp_path, program: str):
    ends = "\nimport aiprov_runtime\nassert aiprov_runtime.status().failures == {}, aiprov_runtime.status()\n"
    done = subprocess.run(
        [sys.executable, "-c", program + ends], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert "aiprov" not in done.stderr


def test_a_thread_of_a_pool_has_no_stack_of_the_applications():
    with ThreadPoolExecutor(1) as pool:
        frame = pool.submit(sys._getframe).result()

    assert _spans._beyond_sdk(frame) is None
    assert _spans._beyond_sdk(sys._getframe()) is sys._getframe()
