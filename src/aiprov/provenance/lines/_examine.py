"""One file after the other: blame, lineage and hashes, here or in processes of their own."""

from __future__ import annotations

import contextlib
import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from aiprov.git import GitError, Repository
from aiprov.provenance._collector import without_collector
from aiprov.provenance._text import PYTHON, plain_bytes
from aiprov.provenance.lines._code import Code
from aiprov.provenance.lines._lineage import Lineage, Trail
from aiprov.provenance.lines._origins import Origins, decode, encode, pack
from aiprov.text import safe

_FEW = 6
"""Files that are examined sooner than a process starts."""
_PROGRAM = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer);"
    "from aiprov.provenance.lines._examine import work; work()"
)


@dataclass(frozen=True, slots=True)
class Task:
    """What all files have in common."""

    root: Path
    trail: Trail
    options: tuple[str, ...] = ()
    revision: str | None = None
    """None for the work tree."""
    marked: frozenset[str] = frozenset()
    """Commits that somebody speaks of: functions with lines of theirs will need their hash."""
    recorded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Functions that have a record."""


class Examiner:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._repository = Repository(task.root)
        self._lineage = Lineage(self._repository, task.trail, options=task.options)

    def examine(self, path: str) -> Origins:
        task = self._task
        try:
            code = self._code(path) if path.endswith(".py") else None
            blamed, found = self._lineage.examine(path, code, revision=task.revision)
        except GitError as error:
            return Origins(error=f"{safe(path)}: {safe(str(error))}")
        except SyntaxError as error:
            return Origins(error=f"{safe(path)}: not valid {PYTHON}: {safe(error.msg or 'cannot be parsed')}")
        if code is None:
            return pack(blamed, found, None, {})
        wanted = {
            name
            for name, written in found.functions.items()
            if any(place and place[0] in task.marked for place in written.places.values())
        }
        wanted |= task.recorded.get(path, frozenset()) & code.functions.keys()
        return pack(blamed, found, code, {name: code.code_hash(name) for name in sorted(wanted)})

    def _code(self, path: str) -> Code | None:
        """None for what is no Python, where lines are wanted all the same."""
        try:
            return Code(self._source(path))
        except SyntaxError:
            if self._task.trail.full:
                return None
            raise

    def _source(self, path: str) -> bytes:
        if self._task.revision is None:
            return plain_bytes(self._task.root, path) or b""
        return self._repository.read(self._task.revision, path) or b""


def examine(task: Task, paths: Sequence[str], *, jobs: int) -> Iterator[tuple[str, Origins]]:
    """In no certain order."""
    if jobs < 2 or len(paths) <= _FEW or not sys.executable:  # noqa: PLR2004  # one process is this one
        examiner = Examiner(task)
        with without_collector():
            yield from ((path, examiner.examine(path)) for path in paths)
        return
    waiting = deque(paths)
    results: queue.SimpleQueue[tuple[str, Origins]] = queue.SimpleQueue()
    setup = pickle.dumps(sys.path) + pickle.dumps(task)
    team = [_Worker(setup, waiting, results) for _ in range(min(jobs, len(paths)))]
    try:
        for worker in team:
            worker.start()
        for _ in paths:
            yield results.get()
    finally:
        waiting.clear()
        for worker in team:
            worker.stop()


class _Worker(threading.Thread):
    """Feeds one process; a file that it dies of is named and the next process goes on."""

    def __init__(self, setup: bytes, waiting: deque[str], results: queue.SimpleQueue[tuple[str, Origins]]) -> None:
        super().__init__(daemon=True)
        self._setup = setup
        self._waiting = waiting
        self._results = results
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        while self._waiting:
            try:
                path = self._waiting.popleft()
            except IndexError:
                break
            answer = self._ask(path)
            found = decode(answer) if answer is not None else None
            self._results.put((path, found or Origins(error=f"{safe(path)}: {PYTHON} cannot cope with it")))
        self._end()

    def _ask(self, path: str) -> bytes | None:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            with contextlib.suppress(OSError):
                _stream(self._process.stdin).write(self._setup)
        try:
            send(_stream(self._process.stdin), path.encode("utf-8", "surrogateescape"))
            answer = receive(_stream(self._process.stdout))
        except OSError:
            answer = None
        if answer is None:
            self._end()
        return answer

    def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    _stream(stream).close()
            process.wait()

    def stop(self) -> None:
        """The file it is at is not waited for."""
        if process := self._process:
            process.kill()
        self.join()


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def send(stream: IO[bytes], data: bytes) -> None:
    stream.write(len(data).to_bytes(8) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """None at the end."""
    size = stream.read(8)
    return stream.read(int.from_bytes(size)) if len(size) == 8 else None  # noqa: PLR2004


def work() -> None:
    """The process's whole life; Ctrl-C is for the one who started it."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    examiner = Examiner(pickle.load(orders))  # noqa: S301  # from the process that started this one
    with without_collector():
        while (path := receive(orders)) is not None:
            send(answers, encode(examiner.examine(path.decode("utf-8", "surrogateescape"))))
