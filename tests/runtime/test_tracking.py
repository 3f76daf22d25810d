"""Which AI functions are seen to run, and what the host notices of it: nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from runtime._app import ai, manifest, write
from runtime._host import host
from runtime._tracked import RECORDS, SHOP, can_track, printed, program

import aiprov_runtime

NEVER = {"before": {}, "asked for in vain": {"AIPROV_TRACK": "1"}} if sys.version_info < (3, 12) else {"before": {}}


@pytest.mark.parametrize("environ", NEVER.values(), ids=NEVER)
def test_without_tracking_nothing_is_noted(tmp_path: Path, environ: dict[str, str]):
    write(tmp_path / "shop.py", SHOP)
    (tmp_path / "aiprov.yaml").write_bytes(manifest({"shop.py": RECORDS}))
    outcome = host(
        tmp_path,
        """
        import aiprov_runtime as a
        a.init(manifest="aiprov.yaml")
        import shop
        trace = a.begin_trace("1")
        with a.trace():
            shop.parse("1")
        print(trace, a.executed(), dict(a.calls()))
        print(a.status().tracking)
        """,
        **environ,
    )

    reason = "needs CPython 3.12 or newer" if environ else "not asked for"
    assert (0, f"None () {{}}\noff: {reason}\n") == outcome[:2]
    assert ("not tracked: needs CPython 3.12 or newer" in outcome.err) == bool(environ)


def test_before_init_nothing_is_noted():
    assert aiprov_runtime.begin_trace() is None
    assert aiprov_runtime.executed() == ()
    assert aiprov_runtime.calls() == {}


@can_track
def test_a_function_that_has_returned_is_named_with_the_error(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        trace = a.begin_trace("t1")
        try:
            shop.person("x")
        except ValueError as error:
            found = a.explain(error)
        print(found.suspect, found.executed, a.executed(), trace.executed)
        print(sorted(found.tags().items())[:2], found.tags()["aiprov.relation"], "aiprov.function" in found.tags())
        print(found.context()["executed"], found.context()["functions"], found.context()["models"])
        trace.finish(failed=True)
        print(a.explain(ValueError()).executed, a.executed(), trace.executed)
        print(a.status().tracking)
        """,
    )

    name = "shop.py::parse"
    assert outcome == printed(
        f"None {(name,)} {(name,)} {(name,)}",
        "[('aiprov.generated', 'false'), ('aiprov.manifest', '" + digest(tmp_path) + "')] executed False",
        f"{[name]} [] []",
        f"() () {(name,)}",
        "on, as sys.monitoring's tool 5",
    )


def digest(root: Path) -> str:
    from aiprov_runtime._manifest import load

    path = root / ".aiprov" / "manifest.yaml"
    return load(path.read_bytes(), name=path.name).digest[:12]


@can_track
def test_functions_on_the_path_are_not_named_twice(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        with a.trace():
            shop.parse("1")
            try:
                shop.person("x")
            except ValueError as error:
                found = a.explain(error)
        print(found.tags()["aiprov.relation"], found.executed)
        """,
        RECORDS | {"person": ai()},
    )

    assert outcome == printed("raised ('shop.py::parse',)")


WAYS = {
    "call": "shop.parse('1')",
    "keyword": "shop.parse(price='1')",
    "imported before": "from shop import parse; parse('1')",
    "map": "list(map(shop.parse, '1'))",
    "thread with this context": "import asyncio; asyncio.run(asyncio.to_thread(shop.parse, '1'))",
    "task": "import asyncio\n    async def main(): await asyncio.create_task(shop.fetch())\n    asyncio.run(main())",
    "reloaded": "shop.parse('1'); import importlib; importlib.reload(shop); shop.parse('1')",
    "other code": "shop.parse('1')\n    def parse(price): return 7\n    "
    "shop.parse.__code__ = parse.__code__.replace(co_filename=shop.__file__, co_qualname='parse'); shop.parse(1)",
    "settrace": "sys.settrace(lambda *_: None); shop.parse('1'); sys.settrace(None)",
    "profile": "import cProfile; cProfile.runctx('shop.parse(1)', globals(), {}, '/dev/null')",
    "restarted by another": "shop.parse('1'); sys.monitoring.restart_events(); shop.parse('1')",
    "copied context": "import contextvars; contextvars.copy_context().run(shop.parse, '1')",
}


@can_track
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_however_it_is_called_it_is_noted(tmp_path: Path, way: str):
    outcome = program(tmp_path, f"with a.trace():\n    {way}\n    print('shop.py::parse' in a.executed())")

    assert outcome == printed("True")


@can_track
def test_what_has_no_context_is_counted_alone(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        import concurrent.futures, threading
        with a.trace():
            thread = threading.Thread(target=shop.parse, args="1")
            thread.start(), thread.join()
            with concurrent.futures.ThreadPoolExecutor() as pool:
                pool.submit(shop.parse, "1").result()
            print(a.executed(), dict(a.calls()))
        """,
    )

    assert outcome == printed("() {('anthropic/claude-opus-4-6', 'claude-code'): 2}")


@can_track
def test_generators_and_coroutines_are_one_call_and_lambdas_none(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        from aiprov_runtime import _runtime
        with a.trace():
            shop.lines()
            list(shop.lines())
            function = shop.later()
        with a.trace():
            function(), function()
            print(a.executed())
        print(sorted(_runtime._tracker.report()))
        """,
    )

    calls = [("shop.py::later", 1), ("shop.py::lines", 1), ("shop.py::parse", 2)]
    assert outcome == printed(("shop.py::later", "shop.py::parse"), calls)


@can_track
def test_no_call_of_several_threads_is_lost(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        import threading
        sys.setswitchinterval(1e-6)
        def work():
            for _ in range(50_000):
                shop.parse("1")
        threads = [threading.Thread(target=work) for _ in range(4)]
        [thread.start() for thread in threads], [thread.join() for thread in threads]
        print(*a.calls().values(), *a.calls().values())
        """,
    )

    assert outcome == printed("200000 200000")


@can_track
def test_a_bag_holds_the_first_64_functions(tmp_path: Path):
    write(tmp_path / "many.py", "".join(f"def f{n}(): pass\n" for n in range(70)))
    (tmp_path / ".aiprov").mkdir()
    data = manifest({"many.py": {f"f{n}": ai() for n in range(70)}})
    (tmp_path / "m.yaml").write_bytes(data)
    outcome = host(
        tmp_path,
        """
        import aiprov_runtime as a
        a.init(manifest="m.yaml", track=True)
        import many
        with a.trace():
            for _ in range(2):
                for n in reversed(range(70)):
                    getattr(many, f"f{n}")()
            print(a.executed() == tuple(f"many.py::f{n}" for n in reversed(range(6, 70))), *a.calls().values())
        """,
    )

    assert outcome == printed("True 140")


@can_track
def test_traces_of_tasks_are_apart(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        import asyncio
        async def request(call, barrier):
            trace = a.begin_trace()
            await barrier.wait()
            await asyncio.gather(*[call() for _ in range(3)])
            trace.finish(failed=False)
            return trace.executed
        async def person():
            pass
        async def main():
            barrier = asyncio.Barrier(2)
            print(*await asyncio.gather(request(shop.fetch, barrier), request(person, barrier)))
        asyncio.run(main())
        """,
    )

    assert outcome == printed("('shop.py::fetch', 'shop.py::parse') ()")


@can_track
def test_a_task_that_outlives_its_trace_notes_nothing_more(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        import asyncio
        async def main():
            over = asyncio.Event()
            async def background():
                await over.wait()
                shop.parse("1")
                return a.executed(), a._runtime._executed(a._runtime._active)
            with a.trace():
                task = asyncio.create_task(background())
                trace = a.begin_trace("x")
                trace.finish(failed=False)
            over.set()
            print(*await task, trace.executed)
        asyncio.run(main())
        """,
    )

    assert outcome == printed("() () ()")


@can_track
def test_two_tools_that_mark_one_trace_share_it(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        outer = a.begin_trace("t")
        same, other = a.begin_trace("t"), a.begin_trace("u")
        shop.parse("1")
        print(outer.executed, same.executed, other.executed)
        other.finish(failed=False)
        print(outer.executed, a.executed())
        same.finish(failed=True)
        shop.fetch().close()
        list(shop.lines())
        print(a.executed())
        outer.finish(failed=True), outer.finish(failed=True)
        print(a.executed(), outer.executed)
        """,
        AIPROV_SINK="sink.jsonl",
        AIPROV_TRACK_SAMPLE="0",
    )

    parse, both = ("shop.py::parse",), ("shop.py::parse", "shop.py::lines")
    assert outcome == printed(f"{parse} {parse} {parse}", f"{parse} {parse}", both, f"() {both}")
    assert [line.count('"aiprov.trace/1"') for line in (tmp_path / "sink.jsonl").read_text().splitlines()] == [1, 0]


@can_track
def test_traces_that_end_in_the_order_they_began_both_tell_all(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        outer, inner = a.begin_trace("t"), a.begin_trace("u")
        shop.parse("1")
        outer.finish(failed=True)
        list(shop.lines())
        inner.finish(failed=True)
        print(outer.executed, inner.executed, a.executed())
        """,
    )

    parse, both = ("shop.py::parse",), ("shop.py::parse", "shop.py::lines")
    assert outcome == printed(f"{parse} {both} ()")


@can_track
def test_another_manifest_finds_what_was_passed_over(tmp_path: Path):
    (tmp_path / "other.yaml").write_bytes(manifest({"shop.py": {"person": ai(), "deep": ai()}}))
    outcome = program(
        tmp_path,
        """
        def run():
            with a.trace():
                shop.parse("1"), shop.deep(2)
                try:
                    shop.person("1")
                except ValueError:
                    pass
                return a.executed()
        print(run())
        a.init(manifest="other.yaml", track=True)
        print(run(), *a.calls().values())
        a.init(track=True)
        print(run())
        a.init(track=False)
        print(run(), a.status().tracking, sys.monitoring.get_tool(5))
        a.init(track=True)
        print(run())
        """,
        {"parse": ai()},
    )

    first, second = ("shop.py::parse",), ("shop.py::deep", "shop.py::person")
    assert outcome == printed(first, f"{second} 6", first, "() off: not asked for None", first)


@can_track
def test_other_code_is_switched_off_after_its_first_start(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        from aiprov_runtime import _runtime
        seen = []
        start = _runtime._tracker._found
        type(_runtime._tracker)._found = lambda self, index, code: seen.append(code.co_name) or start(index, code)
        def human():
            pass
        for _ in range(3):
            human()
        print(seen.count("human"))
        """,
    )

    assert outcome == printed("1")


@can_track
def test_tool_ids_of_others_are_left_alone(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        m = sys.monitoring
        a.init(track=False)
        m.use_tool_id(5, "theirs")
        a.init()
        print(a.status().tracking)
        a.init(track=False)
        m.use_tool_id(4, "others")
        m.use_tool_id(3, "another's")
        a.init()
        print(a.status().tracking, a.begin_trace(), m.get_tool(5), m.get_tool(4), m.get_tool(3))
        """,
    )

    taken = "sys.monitoring's tool ids are taken: 5 (theirs), 4 (others), 3 (another's)"
    lines = [
        "on, as sys.monitoring's tool 4",
        f"off: {taken} None theirs others another's",
    ]
    assert outcome[:2] == printed(*lines)[:2]
    assert outcome.err == f"aiprov: which functions ran is not tracked: {taken}\n"


@can_track
def test_a_forked_child_counts_its_own(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        import os
        shop.parse("1")
        if os.fork() == 0:
            with a.trace():
                shop.parse("1"), shop.parse("1")
                print(*a.calls().values(), a.executed(), flush=True)
            os._exit(0)
        os.wait()
        shop.parse("1")
        print(*a.calls().values(), a.executed())
        """,
    )

    assert outcome == printed("2 ('shop.py::parse',)", "2 ()")


@can_track
def test_ctrl_c_within_the_callback_is_the_hosts(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        import signal
        from aiprov_runtime import _tracking
        class Bag:
            trace = user = outer = None
            @property
            def functions(self):
                signal.raise_signal(signal.SIGINT)
        before = _tracking._current.set(Bag())
        try:
            shop.parse("1")
        except KeyboardInterrupt:
            print("the host's")
        _tracking._current.reset(before)
        with a.trace():
            shop.parse("1")
            print(a.executed(), *a.calls().values(), a.status().failures)
        """,
    )

    assert outcome == printed("the host's", "('shop.py::parse',) 2 {}")


@can_track
def test_a_failure_of_ours_is_no_failure_of_the_hosts(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        from aiprov_runtime._index import Index
        def broken(self, name):
            raise MemoryError
        Index.file = broken
        with a.trace():
            print(shop.parse("1"), a.executed(), *a.status().failures)
        """,
    )

    assert outcome[:2] == (0, "-1 () track\n")
    assert outcome.err.startswith("aiprov: track failed and was skipped: MemoryError")


@can_track
def test_a_deep_recursion_comes_as_deep_but_one(tmp_path: Path):
    text = """
        def depth():
            low, high = 0, 2000
            while high - low > 1:
                middle = (low + high) // 2
                try:
                    shop.deep(middle)
                    low = middle
                except RecursionError:
                    high = middle
            return low
        tracked = depth(), depth()
        failures = a.status().failures
        a.init(track=False)
        bare = depth()
        print([bare - deep for deep in tracked], failures)
        """
    outcome = program(tmp_path, text)

    assert outcome == printed("[1, 1] {}")


@can_track
def test_a_program_with_subinterpreters_goes_on(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        with a.trace():
            shop.parse("1")
            place = interpreters.create()
            interpreters.run_string(place, "def parse(): print('within', flush=True)\\nparse()")
            interpreters.destroy(place)
            print(a.executed(), *a.calls().values())
        """,
    )

    assert outcome == printed("within", "('shop.py::parse',) 1")


@can_track
def test_an_error_that_nobody_catches_tells_what_ran_before_it(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        @a.trace("t1")
        def task():
            shop.person("x")
        task()
        """,
        AIPROV_SINK="sink.jsonl",
    )

    lines = [json.loads(line) for line in (tmp_path / "sink.jsonl").read_text().splitlines()]
    kinds = ["aiprov.trace/1", "aiprov.event/1", "aiprov.calls/1"]
    assert (outcome.code, outcome.err.splitlines()[-1]) == (1, "ValueError: x")
    assert [line["schema"] for line in lines] == kinds
    assert [line["executed"] for line in lines[:2]] == [["shop.py::parse"]] * 2
    assert {line["trace"] for line in lines[:2]} == {"t1"}
    assert lines[1]["aiprov"]["aiprov.relation"] == "executed"
    assert lines[2]["calls"] == {"shop.py::parse": 1}
