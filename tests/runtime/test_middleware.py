"""Where requests and tasks begin and end, and that servers get what they would get without us."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from wsgiref.util import FileWrapper

import pytest
from runtime._host import Outcome
from runtime._tracked import can_track, printed, program

from aiprov_runtime import middleware, trace


class Recorded:
    """Stands where a trace does, as the middleware sees it."""

    def __init__(self) -> None:
        self.ends: list[bool] = []
        self.ids: list[str | None] = []
        self.left: BaseException | None = None

    def begin(self, trace_id: str | None = None) -> Recorded:
        self.ids.append(trace_id)
        return self

    def left_by(self, error: BaseException) -> None:
        self.left = error

    def finish(self, *, failed) -> None:
        self.ends.append(failed)


@pytest.fixture
def traces() -> Recorded:
    return Recorded()


def served(app, traces: Recorded, environ=None):
    """The response as a server gets it, with the statuses that it was told."""
    told = []

    def start_response(*arguments):
        told.append(arguments)
        return "write"

    return middleware.wsgi(app, begin=traces.begin)(environ or {}, start_response), told


def test_a_list_is_handed_on_as_it_is(traces: Recorded):
    body = [b"all"]

    def app(_, start_response):
        assert start_response("200 OK", [("A", "b")]) == "write"
        assert start_response("500 No", [], None) == "write"
        return body

    response, told = served(app, traces)

    assert response is body
    assert told == [("200 OK", [("A", "b")]), ("500 No", [], None)]
    assert traces.ends == [True]


def test_a_file_goes_to_the_kernel_as_before(traces: Recorded, tmp_path: Path):
    with (tmp_path / "f").open("wb+") as file:
        wrapped = FileWrapper(file)
        response, _ = served(lambda *_: wrapped, traces, {"wsgi.file_wrapper": FileWrapper})

        assert response is wrapped
        assert traces.ends == [False]


@pytest.mark.parametrize("body", [None, 7, b"", ""])
def test_what_no_application_should_return_fails_at_the_server_as_before(traces: Recorded, body):
    response, _ = served(lambda *_: body, traces)

    assert (response is None) == (body is None)
    if body == 7:
        with pytest.raises(TypeError, match="'int' object is not iterable"):
            list(response)


def test_a_stream_is_one_request_until_it_is_closed(traces: Recorded):
    closed = []

    class Stream:
        def __init__(self):
            self.parts = iter([b"a", b"b"])

        def __iter__(self):
            return self

        def __next__(self):
            return next(self.parts)

        def close(self):
            closed.append(True)

    response, _ = served(lambda *_: Stream(), traces)

    assert list(response) == [b"a", b"b"]
    assert (closed, traces.ends) == ([], [])
    response.close()
    assert (closed, traces.ends) == ([True], [False])


def test_a_generator_is_closed_before_its_end(traces: Recorded):
    closed = []

    def app(*_):
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    response, _ = served(app, traces)

    assert next(iter(response)) == b"a"
    response.close()
    assert (closed, traces.ends) == ([True], [False])


def test_length_and_its_absence_are_kept(traces: Recorded):
    class Sized(list):
        pass

    sized, _ = served(lambda *_: Sized([b"a"]), traces)
    endless, _ = served(lambda *_: iter([b"a"]), traces)

    assert len(sized) == 1
    assert not hasattr(endless, "__len__")


PLACES = ("call", "stream", "close")


@pytest.mark.parametrize(("error", "failed"), [(ValueError, True), (KeyboardInterrupt, False), (SystemExit, False)])
@pytest.mark.parametrize("place", PLACES)
def test_an_exception_passes_through(traces: Recorded, place: str, error: type[BaseException], failed):
    raised = error("the host's")

    class Response:
        def __iter__(self):
            if place == "stream":
                raise raised
            yield b""

        def close(self):
            if place == "close":
                raise raised

    def app(*_):
        if place == "call":
            raise raised
        return Response()

    def server():
        response, _ = served(app, traces)
        try:
            list(response)
        finally:
            response.close()

    with pytest.raises(error) as seen:
        server()

    assert seen.value is raised
    assert seen.value.__context__ is None
    assert traces.left is (raised if failed else None)
    assert traces.ends == [failed]


HEADERS = {
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": "0af7651916cd43dd8448eb211c80319c",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01": None,
    "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": None,
    "00-0af7651916cd43dd8448eb211c80319c": None,
    "": None,
    "\x00-" * 1000: None,
}


@pytest.mark.parametrize(("header", "expected"), HEADERS.items())
def test_the_trace_is_that_of_traceparent(traces: Recorded, header: str, expected: str | None):
    served(lambda *_: [], traces, {"HTTP_TRACEPARENT": header})
    scope = {"type": "http", "headers": [(b"host", b"x"), (b"traceparent", header.encode())]}
    asyncio.run(asked(quiet, traces, scope))

    assert traces.ids == [expected, expected]


async def quiet(*_):
    pass


async def asked(app, traces: Recorded, scope):
    """What the server is sent and what comes back."""
    sent = []

    async def send(message):
        sent.append(message)
        return "sent"

    async def receive():
        return "received"

    return await middleware.asgi(app, begin=traces.begin)(scope, receive, send), sent


@pytest.mark.parametrize(("status", "failed"), [(200, False), (404, False), (500, True), (503, True), ("x", False)])
def test_asgi_messages_go_through(traces: Recorded, status, failed):
    messages = [{"type": "http.response.start", "status": status}, {"type": "http.response.body", "body": b"a"}]

    async def app(scope, receive, send):
        assert scope is given
        assert await receive() == "received"
        assert [await send(message) for message in messages] == ["sent", "sent"]
        return "result"

    given = {"type": "http", "headers": []}
    result, sent = asyncio.run(asked(app, traces, given))

    assert (result, traces.ends) == ("result", [failed])
    assert all(one is other for one, other in zip(messages, sent, strict=True))


@pytest.mark.parametrize("kind", ["websocket", "lifespan", None])
def test_other_asgi_scopes_are_handed_on(traces: Recorded, kind):
    seen = []

    async def app(*arguments):
        seen.append(arguments)

    async def main():
        arguments = ({"type": kind}, object(), object())
        await middleware.asgi(app, begin=traces.begin)(*arguments)
        assert seen == [arguments]

    asyncio.run(main())
    assert traces.ids == []


@pytest.mark.parametrize(("error", "failed"), [(ValueError, True), (asyncio.CancelledError, False)])
def test_an_asgi_exception_passes_through(traces: Recorded, error: type[BaseException], failed):
    raised = error("the host's")

    async def app(*_):
        raise raised

    async def main():
        with pytest.raises(error) as seen:
            await asked(app, traces, {"type": "http"})
        assert seen.value is raised

    asyncio.run(main())
    assert traces.ends == [failed]


def test_servers_see_a_coroutine_function():
    assert inspect.iscoroutinefunction(middleware.asgi(quiet).__call__)


def test_without_tracking_everything_is_handed_on_as_it_came():
    body, seen = iter([b""]), []

    def app(*arguments):
        seen.append(arguments)
        return body

    environ, start_response = {}, object()

    assert middleware.wsgi(app)(environ, start_response) is body
    assert seen == [(environ, start_response)]


def test_a_decorated_function_is_itself_to_others():
    @trace()
    def work(first, *, second=2):
        """Works."""
        return first, second

    @trace("id")
    async def work_async(value):
        return value

    assert work(1, second=3) == (1, 3)
    assert (work.__name__, work.__doc__, str(inspect.signature(work))) == ("work", "Works.", "(first, *, second=2)")
    assert inspect.iscoroutinefunction(work_async)
    assert asyncio.run(work_async(5)) == 5


@can_track
def test_a_worker_and_servers_write_what_ran(tmp_path: Path):
    outcome: Outcome = program(
        tmp_path,
        """
        import asyncio
        from aiprov_runtime.middleware import asgi, wsgi
        @a.trace("1")
        def task():
            shop.person("x")
        @a.trace("2")
        async def coroutine():
            return await shop.fetch()
        def app(environ, start_response):
            start_response("200 OK", [])
            yield from shop.lines()
        async def app3(scope, receive, send):
            await send({"type": "http.response.start", "status": 503})
            await shop.fetch()
        async def send(message):
            pass
        try:
            task()
        except ValueError:
            pass
        asyncio.run(coroutine())
        response = wsgi(app)({"HTTP_TRACEPARENT": f"00-{'a' * 32}-{'b' * 16}-01"}, lambda *_: None)
        list(response), response.close()
        asyncio.run(asgi(app3)({"type": "http", "headers": []}, None, send))
        for line in open("sink.jsonl"):
            found = json.loads(line)
            print(found["schema"], found["trace"], found["failed"], found["executed"], found["weight"])
        """,
        AIPROV_SINK="sink.jsonl",
        AIPROV_TRACK_SAMPLE="1",
    )

    fetched = ["shop.py::fetch", "shop.py::parse"]
    assert outcome == printed(
        "aiprov.trace/1 1 True ['shop.py::parse'] 1.0",
        f"aiprov.trace/1 2 False {fetched} 1.0",
        f"aiprov.trace/1 {'a' * 32} False ['shop.py::lines'] 1.0",
        f"aiprov.trace/1 None True {fetched} 1.0",
    )


@can_track
def test_one_statement_in_several_tasks_keeps_their_traces_apart(tmp_path: Path):
    outcome = program(
        tmp_path,
        """
        import asyncio
        unit = a.trace()
        async def fail(entered, other_ran):
            with unit:
                entered.set()
                await other_ran.wait()
                raise KeyError
        async def work(entered, ran):
            await entered.wait()
            with unit:
                shop.parse("1")
                ran.set()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                print(a.executed())
        async def main():
            entered, ran = asyncio.Event(), asyncio.Event()
            await asyncio.gather(fail(entered, ran), work(entered, ran), return_exceptions=True)
        asyncio.run(main())
        for line in open("sink.jsonl"):
            found = json.loads(line)
            print(found["failed"], found["executed"])
        """,
        AIPROV_SINK="sink.jsonl",
        AIPROV_TRACK_SAMPLE="1",
    )

    assert outcome == printed("('shop.py::parse',)", "True []", "False ['shop.py::parse']")
