"""Measures the runtime against its budgets and prints a Markdown table; needs nothing but the standard library.

    PYTHONPATH=src python tests/bench/report.py [quick | service | scan REPOSITORY]

Times are CPU times, those of error events wall times. Ratios compare what was measured in the same run; PyYAML and
sentry-sdk take part where they are installed.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from aiprov_runtime._explain import explain_exception
from aiprov_runtime._index import Index
from aiprov_runtime._manifest import Generation, Manifest, Record, dumps, read
from aiprov_runtime._paths import Paths

SOURCE = str(Path(__file__).parents[2] / "src")
FUNCTIONS_PER_FILE = 25
MANIFEST = ".aiprov/manifest.yaml"


class Row(NamedTuple):
    """One line of the table; without a budget it only informs."""

    what: str
    measured: str
    budget: str = ""
    met: bool | None = None

    def markdown(self) -> str:
        verdict = "" if self.met is None else "met" if self.met else "missed"
        return f"| {self.what} | {self.budget} | {self.measured} | {verdict} |"


def seconds(call: Callable[[], object], *, times: int) -> float:
    """The median of several runs in CPU time, which a busy machine disturbs least; without the garbage collector."""
    took = []
    for _ in range(times):
        gc.collect()
        gc.disable()
        start = time.process_time()
        kept = call()
        took.append(time.process_time() - start)
        gc.enable()
        del kept
    return statistics.median(took)


def each(call: Callable[[], object], *, number: int) -> float:
    """Seconds per call, the best of five series: what disturbs only ever adds."""

    def series() -> float:
        start = time.process_time()
        for _ in range(number):
            call()
        return (time.process_time() - start) / number

    return min(series() for _ in range(5))


def manifest_of(functions: int) -> bytes:
    """A manifest as a large project has it: 40 generations, files of 25 functions, four in five written by AI."""
    generations = [
        Generation(
            model="anthropic/claude-opus-4-6",
            tool="claude-code",
            prompt_hash=f"sha256:{number:064x}",
            generated_at="2026-11-02T10:11:12Z",
            commit=f"{number:040x}",
            evidence="git-ai",
        )
        for number in range(40)
    ]
    files: dict[str, dict[str, Record]] = {}
    for number in range(functions):
        path = f"src/package_{number // 2500}/module_{number // FUNCTIONS_PER_FILE % 100}.py"
        by_ai = Record("ai", generations[number % 40].id, 1.0, f"{number:016x}")
        files.setdefault(path, {})[f"Class{number % 5}.function_{number}"] = by_ai if number % 5 else Record("human")
    return dumps(Manifest({g.id: g for g in generations}, files))


def load(data: bytes) -> Index:
    """What `init` does with the bytes of a file."""
    document = read(data)
    return Index(document, Paths(document.files, root="/app"))


def as_json(data: bytes) -> str:
    document = read(data)
    files = {path: document.functions(path) for path in document.files}
    return json.dumps({"generations": document.generations, "files": files})


def imports() -> Iterator[Row]:
    """Start-up of a whole interpreter, the three taken in turns."""
    programs = {"bare": "pass", "runtime": "import aiprov_runtime", "auto": "import aiprov_runtime.auto"}
    took: dict[str, list[float]] = {name: [] for name in programs}
    environ = {**os.environ, "PYTHONPATH": SOURCE}
    for _ in range(15):
        for name, program in programs.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", program], env=environ, cwd="/", check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            took[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    medians = {name: statistics.median(values) * 1000 for name, values in took.items()}
    beyond = {name: medians[name] - medians["bare"] for name in ("runtime", "auto")}
    bare = f"ms ({medians['bare']:.0f} ms without)"
    yield Row("`import aiprov_runtime`", f"{beyond['runtime']:.1f} {bare}", "20 ms", beyond["runtime"] < 20)
    yield Row("`import aiprov_runtime.auto`, no manifest", f"{beyond['auto']:.1f} {bare}")


def loading(functions: int, budget: float) -> Iterator[Row]:
    data = manifest_of(functions)
    text = as_json(data)
    ours = seconds(lambda: load(data), times=7) * 1000
    plain = seconds(lambda: json.loads(text), times=7) * 1000
    yield Row(
        f"load {functions // 1000}k functions",
        f"{ours:.1f} ms, {ours / plain:.2f} x `json.loads` of the same",
        f"{budget:.0f} ms",
        ours <= budget,
    )
    gc.collect()
    tracemalloc.start()
    kept = load(data)
    held = tracemalloc.get_traced_memory()[0] / functions
    tracemalloc.stop()
    del kept
    yield Row(f"memory, {functions // 1000}k functions", f"{held:.0f} bytes a function", "200 bytes", held <= 200)
    try:
        import yaml
    except ImportError:
        return
    for name in ("CSafeLoader", "SafeLoader"):
        loader = getattr(yaml, name, None)
        if loader is not None and functions <= 10_000:
            theirs = seconds(lambda loader=loader: yaml.load(data, Loader=loader), times=1) * 1000
            yield Row(f"the same through PyYAML's {name}", f"{theirs:.0f} ms, {theirs / ours:.0f} x ours")


def deep(depth: int) -> BaseException:
    """An error from a stack of this depth, in a file of its own."""
    names: dict[str, Callable[[int], int]] = {}
    source = "def function(n):\n    return function(n - 1) if n else 1 // 0\n"
    exec(compile(source, "/app/src/package_0/deep.py", "exec"), names)
    try:
        names["function"](depth - 2)
    except ZeroDivisionError as error:
        return error
    raise AssertionError


def lookups() -> Iterator[Row]:
    data = manifest_of(10_000)
    data = data.replace(b"files:\n", b'files:\n  "src/package_0/deep.py":\n    "function": {"contributor": "ai"}\n', 1)
    index = load(data)
    miss_code, (error20, error100) = lookups.__code__, (deep(20), deep(100))
    traceback = error20.__traceback__
    assert traceback is not None
    assert traceback.tb_next is not None
    hit_code = traceback.tb_next.tb_frame.f_code
    assert index.lookup(hit_code) is not None
    assert index.lookup(miss_code) is None
    hit = each(lambda: index.lookup(hit_code), number=100_000) * 1e9
    miss = each(lambda: index.lookup(miss_code), number=100_000) * 1e9
    yield Row("lookup of a function with a record", f"{hit:.0f} ns")
    yield Row("lookup of a function without", f"{miss:.0f} ns")
    import traceback as printer

    for depth, error in ((20, error20), (100, error100)):
        ours = each(lambda error=error: explain_exception(index, error), number=2000) * 1e6
        text = each(lambda error=error: printer.format_exception(error), number=20) * 1e6
        yield Row(f"explain an error {depth} frames deep", f"{ours:.1f} µs, {ours / text:.1%} of `format_exception`")


def beside(name: str, needs: str) -> list[dict[str, Any]]:
    """What a script beside this one measures with a real SDK, in a process of its own, since both set up all of it."""
    if importlib.util.find_spec(needs) is None:
        return []
    found: list[dict[str, Any]] = json.loads(script(name))
    return found


def script(name: str) -> str:
    command = [sys.executable, Path(__file__).with_name(name)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def error_events() -> Iterator[Row]:
    for found in beside("error_event.py", "aiprov_sentry"):
        what = f"error event of 20 frames, {found['recorded']} recorded"
        measured = f"{found['ours_us']} µs, {found['share']:.1%}; what the SDK then serializes makes it "
        measured += f"{found['share_with_serializing']:.1%}"
        yield Row(what, measured, "1% of `capture_exception`", found["share"] <= 0.01)


def spans() -> Iterator[Row]:
    for found in beside("span.py", "aiprov_opentelemetry"):
        budget = 0.20 if found["hit"] else 0.05
        what = f"OpenTelemetry span, {'AI code' if found['hit'] else 'none'} on a stack of {found['depth']}"
        idle = f"a processor that does nothing {found['idle_processor']:+.1%}"
        measured = f"{found['share']:+.1%} of {found['bare_us']} µs; {idle}"
        yield Row(what, measured, f"+{budget:.0%}", found["share"] <= budget)
    for found in beside("sentry_span.py", "aiprov_sentry"):
        part = "from start to end" if found["part"] == "start_and_end" else "with all that sends it"
        what = f"Sentry span ({found['lifecycle']}), {'AI code' if found['hit'] else 'none'} on the stack, {part}"
        yield Row(what, f"{found['share']:+.1%} of {found['bare_us']} µs")


def tracking() -> Iterator[Row]:
    for found in beside("tracked_call.py", "aiprov_runtime"):
        added, other = found["tracked_in_trace_added_ns"], found["other_added_ns"]
        bare = f"beside {found['bare_ns']:.0f} ns for a bare call"
        yield Row("tracked call of an AI function", f"{added:+.0f} ns {bare}", "150 ns", added <= 150)
        yield Row("any other call, after the first", f"{other:+.1f} ns", "not measurable", abs(other) < 2)


def service() -> Iterator[Row]:
    """Takes a minute and a half, most of it for the noise."""
    found = json.loads(script("service.py"))
    units = {"per_second": "requests a second", "p50_ms": "p50", "p99_ms": "p99", "cpu_ms": "CPU time a request"}
    for name, unit in units.items():
        ours, noise = (
            "{difference:+.1%} [{low:+.1%}, {high:+.1%}]".format(**found[key][name]) for key in ("difference", "noise")
        )
        met = found["difference"][name]["low"] <= 0 <= found["difference"][name]["high"]
        measured = f"{found['without'][name]:.4g}, with us {ours}; two without us {noise}"
        yield Row(f"FastAPI with OpenTelemetry and Sentry, {unit}", measured, "within the noise", met)


def scanning(repository: str) -> Iterator[Row]:
    """In a clone of its own: `aiprov scan` as a whole process, beside `git blame` of the same Python files."""
    with tempfile.TemporaryDirectory() as folder:
        git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-C", folder)
        subprocess.run(["git", "clone", "-q", "--shared", repository, folder], check=True)
        environ = {**os.environ, "PYTHONPATH": SOURCE, "HOME": folder}
        names = subprocess.run([*git, "ls-files", "-z", "*.py"], check=True, capture_output=True, text=True).stdout
        files = [name for name in names.split("\0") if name]

        def blame() -> None:
            for name in files:
                done = (*git, "blame", "-w", "-M", "--incremental", "--", name)
                subprocess.run(done, check=True, stdout=subprocess.DEVNULL)

        def scan() -> None:
            command = [sys.executable, "-m", "aiprov", "scan", "--no-transcripts", "--repo", folder]
            subprocess.run(command, env=environ, check=True, capture_output=True)

        blamed, full = spent(blame), spent(scan)
        with Path(folder, files[len(files) // 2]).open("a") as file:
            file.write("\nADDED = 1\n")
        message = "One line more\n\nCo-Authored-By: Claude <noreply@anthropic.com>"
        subprocess.run([*git, "commit", "-q", "-a", "-m", message], check=True)
        again = spent(scan)
    what = f"scan of {len(files)} Python files"
    ratio = full.cpu / blamed.cpu
    measured = f"{ratio:.2f} x the CPU time of `git blame -w -M` ({blamed.cpu:.1f} s), {full.wall:.1f} s in all"
    yield Row(what, measured, "1.3 x", ratio <= 1.3)
    yield Row("scan again after one commit", f"{again.wall:.2f} s", "1 s", again.wall <= 1)


class Spent(NamedTuple):
    wall: float
    cpu: float


def spent(call: Callable[[], object]) -> Spent:
    """What processes took that the call started and waited for."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    call()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(time.perf_counter() - start, cpu)


def rows(*, quick: bool = False) -> Iterator[Row]:
    yield from imports()
    if quick:
        return
    yield from loading(10_000, 15)
    yield from loading(100_000, 150)
    yield from lookups()
    yield from error_events()
    yield from spans()
    yield from tracking()


def processor() -> str:
    """The processor's own name, where the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")), "")


def main() -> None:
    sys.stdout.write(f"Python {platform.python_version()}, {processor()}, {os.cpu_count()} cores\n\n")
    sys.stdout.write("| what | budget | measured | |\n|---|---|---|---|\n")
    what = sys.argv[1:2]
    found = scanning(sys.argv[2]) if what == ["scan"] else service() if what == ["service"] else rows(quick=bool(what))
    for row in found:
        sys.stdout.write(row.markdown() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
