"""Prints, as JSON, what we cost a FastAPI service with full telemetry: requests per second, p50, p99, CPU.

    python tests/bench/service.py [SECONDS of load]

Three servers run at once: one with us and two without, whose difference is the noise. A process of its own loads one
after the other, in random order, block by block; another one takes their telemetry and drops it.
"""

from __future__ import annotations

import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
from servers._build import scripts
from servers._serving import AUTO, PLAIN, copy

VARIANTS = {"without": PLAIN, "again": PLAIN, "with_us": AUTO}
REQUESTS = 300
STARTS = 2
"""Of all servers: what one process happens to be like is no part of the difference."""
RESAMPLES = 300
TELEMETRY = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from app import app

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
FastAPIInstrumentor.instrument_app(app)
"""
HELPER = Path(__file__).with_name("_service_helper.py")


class Block(NamedTuple):
    """What the load generator saw of one block of requests."""

    seconds: float
    latencies: list[float]
    cpu: float
    """Seconds of the server's processor time, which other programs on the machine disturb least."""


class Server(NamedTuple):
    port: int
    pid: int

    def cpu(self) -> float:
        """Processor time of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def block(load: Helper, target: Server) -> Block:
    before = target.cpu()
    seconds, latencies = load.ask(str(target.port))  # type: ignore[misc]
    return Block(seconds, latencies, target.cpu() - before)


class Helper:
    """A process that answers one line with one line of JSON."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, HELPER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in: IO[str] = self._process.stdin
        self._out: IO[str] = self._process.stdout

    def ask(self, line: str) -> object:
        self._in.write(line + "\n")
        self._in.flush()
        return json.loads(self._out.readline())

    def stop(self) -> None:
        self._in.close()
        self._process.wait()
        self._out.close()


@contextmanager
def helper(*arguments: str) -> Iterator[Helper]:
    process = Helper(*arguments)
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def server(folder: Path, mode: str, receiver: int) -> Iterator[Server]:
    """The example behind uvicorn on a socket of ours."""
    copy("fastapi", folder, mode)
    (folder / "measured.py").write_text(TELEMETRY)
    base = f"127.0.0.1:{receiver}"
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener, (folder / "log").open("wb") as log:
        # Those accepted inherit it; uvicorn takes a socket it is handed for one that needs no such thing.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        process = subprocess.Popen(
            [scripts() / "uvicorn", f"--fd={listener.fileno()}", "--no-access-log", "measured:app"],
            cwd=folder,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith(("AIPROV_", "SENTRY_", "DD_", "OTEL_"))},
                "SENTRY_DSN": f"http://key@{base}/1",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{base}",
                "NO_PROXY": "*",
            },
            stdout=log,
            stderr=log,
            pass_fds=[listener.fileno()],
        )
        try:
            yield Server(listener.getsockname()[1], process.pid)
        finally:
            process.terminate()
            process.wait()


def measure(seconds: float) -> dict[str, list[Block]]:
    """Blocks of requests by variant; those of one index belong together."""
    blocks: dict[str, list[Block]] = {name: [] for name in VARIANTS}
    shuffle = random.Random(4)
    with helper("receive") as receiver, helper("load", str(REQUESTS)) as load:
        port = receiver.ask("port")
        assert isinstance(port, int)
        for _ in range(STARTS):
            with ExitStack() as stack, tempfile.TemporaryDirectory() as place:
                servers = {
                    name: stack.enter_context(server(Path(place, name), mode, port)) for name, mode in VARIANTS.items()
                }
                for each in servers.values():
                    block(load, each)  # warm
                end = time.monotonic() + seconds / STARTS
                while time.monotonic() < end:
                    for name in shuffle.sample(sorted(servers), k=len(servers)):
                        blocks[name].append(block(load, servers[name]))
    return blocks


Statistic = Callable[[Sequence[Block]], float]


def throughput(blocks: Sequence[Block]) -> float:
    return sum(len(block.latencies) for block in blocks) / sum(block.seconds for block in blocks)


def processor(blocks: Sequence[Block]) -> float:
    return 1000 * sum(block.cpu for block in blocks) / sum(len(block.latencies) for block in blocks)


def percentile(share: int) -> Statistic:
    def of(blocks: Sequence[Block]) -> float:
        every = sorted(latency for block in blocks for latency in block.latencies)
        return every[len(every) * share // 100] * 1000

    return of


STATISTICS: dict[str, Statistic] = {
    "per_second": throughput,
    "p50_ms": percentile(50),
    "p99_ms": percentile(99),
    "cpu_ms": processor,
}


def compare(blocks: dict[str, list[Block]], other: str) -> dict[str, dict[str, float]]:
    """The difference to `without` as a share, with the 95% interval of a bootstrap over pairs of blocks."""
    pairs = range(len(blocks["without"]))
    chance = random.Random(4)
    draws = [chance.choices(pairs, k=len(pairs)) for _ in range(RESAMPLES)]
    result = {}
    for name, statistic in STATISTICS.items():
        base, ours = blocks["without"], blocks[other]
        shares = [statistic([ours[i] for i in draw]) / statistic([base[i] for i in draw]) - 1 for draw in draws]
        cuts = statistics.quantiles(shares, n=40)
        result[name] = {
            "difference": round(statistic(ours) / statistic(base) - 1, 4),
            "low": round(cuts[0], 4),
            "high": round(cuts[-1], 4),
        }
    return result


def main(seconds: float) -> dict[str, object]:
    blocks = measure(seconds)
    with_us, noise = compare(blocks, "with_us"), compare(blocks, "again")
    return {
        "blocks": len(blocks["with_us"]),
        "requests": REQUESTS,
        **{name: {s: round(of(found), 2) for s, of in STATISTICS.items()} for name, found in blocks.items()},
        "difference": with_us,
        "noise": noise,
        "within_noise": {
            name: with_us[name]["low"] <= noise[name]["high"] and noise[name]["low"] <= with_us[name]["high"]
            for name in STATISTICS
        },
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(float(sys.argv[1]) if len(sys.argv) > 1 else 90.0)) + "\n")
