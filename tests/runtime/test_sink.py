from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import multiprocessing
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from runtime._app import ai, index, raised, run, write

from aiprov_runtime._explain import explain_exception
from aiprov_runtime._index import Index
from aiprov_runtime._paths import Paths
from aiprov_runtime._sink import Sink

CLOCK = 1_795_000_000.123456


def events(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def emit(sink: Sink, error: BaseException, found: Index | None = None, **names: str) -> None:
    def is_application(code) -> bool:
        return found.is_application(code) if found else Paths((), root=None).is_application(code.co_filename)

    sink.event(error, explain_exception(found, error) if found else None, is_application, **names)


def small(path: Path, *, max_bytes: int = 16_000_000, files: int = 4) -> Sink:
    return Sink(str(path), max_bytes, files, "shop@1.0", "production", clock=lambda: CLOCK)


def test_one_event_is_one_whole_line(tmp_path: Path):
    file = write(
        tmp_path / "src" / "shop.py",
        "import json\ndef f(secret):\n    try:\n        json.loads(secret)\n"
        "    except ValueError as error:\n        raise KeyError(secret) from error\n",
    )
    found = index({"src/shop.py": {"f": ai()}}, root=tmp_path)
    error = raised(run(file).f, "hunter2")
    sink = small(tmp_path / "events.jsonl")
    emit(sink, error.with_traceback(error.__traceback__.tb_next), found, user="0123456789abcdef", trace="t1")

    (event,) = events(tmp_path / "events.jsonl")
    cause = event["exceptions"][1]
    library = [frame["function"] for frame in cause["frames"][1:]]
    del cause["frames"][1:]
    assert {
        "schema": "aiprov.event/1",
        "timestamp": "2026-11-18T11:06:40.123456Z",
        "release": "shop@1.0",
        "environment": "production",
        "host": os.uname().nodename,
        "pid": os.getpid(),
        "thread": threading.get_ident(),
        "trace": "t1",
        "user": "0123456789abcdef",
        "manifest": found.manifest,
        "exceptions": [
            {
                "type": "builtins.KeyError",
                "relation": "top",
                "parent": None,
                "frames": [{"file": str(file), "line": 6, "function": "f", "app": True}],
            },
            {
                "type": "json.decoder.JSONDecodeError",
                "relation": "cause",
                "parent": 0,
                "frames": [{"file": str(file), "line": 4, "function": "f", "app": True}],
            },
        ],
        "aiprov": explain_exception(found, error).tags(),
    } == event
    assert ["loads", "JSONDecoder.decode", "JSONDecoder.raw_decode"] == library
    assert "hunter2" not in (tmp_path / "events.jsonl").read_text()


def test_an_event_without_a_manifest(tmp_path: Path):
    emit(small(tmp_path / "e"), ValueError())

    (event,) = events(tmp_path / "e")
    assert (None, {}, [{"type": "builtins.ValueError", "relation": "top", "parent": None, "frames": []}]) == (
        event["manifest"],
        event["aiprov"],
        event["exceptions"],
    )


def test_what_is_no_unicode_is_replaced_wherever_it_comes_from(tmp_path: Path):
    sink = Sink(str(tmp_path / "e"), 1000, 1, "v\udcff😀", "\ud800", clock=lambda: CLOCK)
    emit(sink, ValueError(), trace="\udcfft")
    sink.calls([("\udcff.py::f", 1)], manifest=None)

    text = (tmp_path / "e").read_text()
    event, calls = events(tmp_path / "e")
    assert text.isascii()
    assert ["v?😀", "?", "?t"] == [event["release"], event["environment"], event["trace"]]
    assert {"?.py::f": 1} == calls["calls"]


def test_groups_and_contexts_keep_their_shape(tmp_path: Path):
    member = ValueError()
    member.__context__ = KeyError()
    emit(small(tmp_path / "e"), ExceptionGroup("g", [member, OSError()]))

    (event,) = events(tmp_path / "e")
    assert [("top", None), ("member", 0), ("member", 0), ("context", 1)] == [
        (e["relation"], e["parent"]) for e in event["exceptions"]
    ]


def test_a_wide_or_long_chain_is_bounded(tmp_path: Path):
    emit(small(tmp_path / "e"), ExceptionGroup("g", [ValueError(i) for i in range(1000)]))

    assert 16 == len(events(tmp_path / "e")[0]["exceptions"])


def test_of_a_long_recursion_both_ends_are_kept(tmp_path: Path):
    code = run(write(tmp_path / "r.py", "def f(n):\n    return f(n - 1) if n else g()\ndef g():\n    return 1 / 0\n"))
    emit(small(tmp_path / "e"), raised(code.f, 700))

    frames = events(tmp_path / "e")[0]["exceptions"][0]["frames"]
    assert 100 == len(frames)
    assert ("raised", "f", "g") == (frames[0]["function"], frames[1]["function"], frames[-1]["function"])


def test_names_that_no_encoding_takes(tmp_path: Path):
    name = "Bad\ud800\n\u2028" + "x" * 1000
    kind = type("Bad", (Exception,), {"__module__": "m\udfff", "__qualname__": name})
    emit(small(tmp_path / "e"), kind())

    assert ("m?.Bad?" + name[4:])[:500] == events(tmp_path / "e")[0]["exceptions"][0]["type"]
    assert 1 == (tmp_path / "e").read_bytes().count(b"\n")


def test_an_odd_module_name(tmp_path: Path):
    emit(small(tmp_path / "e"), type("Odd", (Exception,), {"__module__": 5})())

    assert "5.Odd" == events(tmp_path / "e")[0]["exceptions"][0]["type"]


def test_our_own_failures_are_lines_too(tmp_path: Path):
    small(tmp_path / "e").failure("sentry", ValueError("secret"), 2)

    assert [
        {
            "schema": "aiprov.failure/1",
            "timestamp": "2026-11-18T11:06:40.123456Z",
            "pid": os.getpid(),
            "place": "sentry",
            "error": "ValueError",
            "count": 2,
        }
    ] == events(tmp_path / "e")


def files_of(tmp_path: Path) -> dict[str, int]:
    return {p.name: p.stat().st_size for p in tmp_path.iterdir() if re.fullmatch(r"e(\.\d+)?", p.name)}


def test_files_shift_and_the_oldest_goes(tmp_path: Path):
    sink = small(tmp_path / "e", max_bytes=600, files=2)
    for number in range(20):
        sink.failure(f"n{number}", ValueError(), 1)

    assert {"e", "e.1", "e.2"} == set(files_of(tmp_path))
    assert all(size <= 600 for size in files_of(tmp_path).values())
    places = [event["place"] for name in ("e.2", "e.1", "e") for event in events(tmp_path / name)]
    assert [f"n{n}" for n in range(20 - len(places), 20)] == places


def test_a_line_longer_than_a_file_is_written_whole(tmp_path: Path):
    sink = small(tmp_path / "e", max_bytes=10, files=1)
    for _ in range(4):
        sink.failure("x" * 1000, ValueError(), 1)

    assert {"e", "e.1"} == set(files_of(tmp_path))
    assert [1, 1] == [len(events(tmp_path / name)) for name in ("e", "e.1")]


def fill(path: str, count: int) -> None:
    sink = small(Path(path), max_bytes=20_000, files=3)
    for number in range(count):
        with contextlib.suppress(OSError):  # a file of twice its size takes no more
            sink.failure(f"{os.getpid()}-{number}-" + "x" * 100, ValueError(), 1)


def fill_from_threads(path: str, count: int) -> None:
    threads = [threading.Thread(target=fill, args=(path, count)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_many_processes_share_one_file(tmp_path: Path, start: str):
    """Every line is whole, and the files stay bounded though all of them rotate at once."""
    context = multiprocessing.get_context(start)
    code = f"import sys; sys.path[:0] = {sys.path!r}; from runtime.test_sink import fill_from_threads as fill\n"
    code += f"fill({str(tmp_path / 'e')!r}, 150)"
    if start == "spawn":
        running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
        assert [0] * 3 == [process.wait() for process in running]
    else:
        workers = [context.Process(target=fill_from_threads, args=(str(tmp_path / "e"), 150)) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [0] * 3 == [worker.exitcode for worker in workers]

    sizes = files_of(tmp_path)
    assert {"e", "e.1", "e.2", "e.3"} >= set(sizes)
    assert max(sizes.values()) < 2 * 20_000 + 9 * 300
    assert all(event["schema"] == "aiprov.failure/1" for name in sizes for event in events(tmp_path / name))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # a Path would open one more


@pytest.mark.parametrize(
    ("path", "number"),
    [("no-such-directory/e", errno.ENOENT), (".", errno.EISDIR), ("/dev/full", errno.ENOSPC), ("pipe", errno.ENXIO)],
)
def test_a_file_that_cannot_be_written(tmp_path: Path, path: str, number: int):
    os.mkfifo(tmp_path / "pipe")
    sink = small(tmp_path / path)
    before = descriptors()
    for _ in range(3):
        with pytest.raises(OSError) as caught:  # noqa: PT011  # the number is compared
            emit(sink, ValueError())
        assert number == caught.value.errno

    assert before == descriptors()


def test_a_rotation_that_fails_keeps_the_bound(tmp_path: Path):
    sink = small(tmp_path / "e", max_bytes=200, files=1)
    (tmp_path / "e.lock").mkdir()
    sink.failure("x" * 100, ValueError(), 1)
    before = descriptors()
    for _ in range(5):
        with pytest.raises(IsADirectoryError):
            sink.failure("x" * 100, ValueError(), 1)

    assert before == descriptors()
    assert 1 == len(events(tmp_path / "e"))


def test_while_another_process_starts_a_new_file(tmp_path: Path):
    """Its lock is not waited for; the file takes up to twice its size, and no more."""
    sink = small(tmp_path / "e", max_bytes=1000, files=1)
    with (tmp_path / "e.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for _ in range(100):
            with contextlib.suppress(OSError):
                sink.failure("x" * 50, ValueError(), 1)
        with pytest.raises(OSError, match="twice its size"):
            sink.failure("x" * 50, ValueError(), 1)

        assert {"e"} == set(files_of(tmp_path))
        assert 2000 < files_of(tmp_path)["e"] < 2400
    sink.failure("x" * 50, ValueError(), 1)

    assert {"e", "e.1"} == set(files_of(tmp_path))


def test_the_file_is_not_for_everybody(tmp_path: Path):
    emit(small(tmp_path / "e"), ValueError())

    assert not (tmp_path / "e").stat().st_mode & 0o007
