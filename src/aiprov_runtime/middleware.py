"""Where a request or task begins and ends, for programs whose telemetry does not say: WSGI, ASGI and workers.

Nothing of the host's is changed, and while functions are not tracked its calls are handed on as they came.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import wraps
from types import NoneType, TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from aiprov_runtime._guard import guard, guarded
from aiprov_runtime._runtime import begin_trace
from aiprov_runtime._tracking import Trace

P = ParamSpec("P")
T = TypeVar("T")
Begin = Callable[[str | None], Trace | None]
_SERVER_ERROR = 500


class trace:  # noqa: N801  # reads as the statement it is used in
    """`with trace():` or `@trace()` around what a worker does for one task; one that an Exception leaves has failed.

    Around functions and coroutine functions: what a generator function does begins after it has returned.
    """

    def __init__(self, trace_id: str | None = None) -> None:
        self._id = trace_id
        self._open: list[Trace | None] = []

    def __enter__(self) -> Self:
        self._open.append(begin_trace(self._id))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        found = self._close()
        if found is not None:
            if isinstance(error, Exception):
                found.left_by(error)
            found.finish(failed=isinstance(error, Exception))

    def _close(self) -> Trace | None:
        """The one that is open in this context, as one object may serve several threads and tasks at once."""
        for one in self._open[::-1]:
            if one is not None and one.is_current:
                with suppress(ValueError):
                    self._open.remove(one)
                return one
        return self._open.pop()

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def call_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with trace(self._id):
                    return await function(*args, **kwargs)

            return cast("Callable[P, T]", call_async)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            with trace(self._id):
                return function(*args, **kwargs)

        return call


class wsgi:  # noqa: N801  # wraps an application, as a function would
    """`application = wsgi(application)`: a request lasts until its response is closed."""

    def __init__(self, app: Callable[..., Iterable[bytes]], *, begin: Begin = begin_trace) -> None:
        self.app = app
        self._begin = begin

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = self._begin(_trace_id(environ.get("HTTP_TRACEPARENT")))
        if found is None:
            return self.app(environ, start_response)
        request = _Request(found)

        def started(status: str, *arguments: Any, **named: Any) -> Any:
            request.failed |= _is_server_error(status)
            return start_response(status, *arguments, **named)

        response = None
        try:
            with request:
                response = self.app(environ, started)
        finally:
            is_complete = _is_complete(response, environ.get("wsgi.file_wrapper"))
            if is_complete:
                request.finish()
        if is_complete:
            return response
        return (_SizedBody if hasattr(type(response), "__len__") else _Body)(response, request)


class asgi:  # noqa: N801  # as above
    """`app = asgi(app)`: an HTTP request lasts until the application returns; sockets and lifespan pass through."""

    def __init__(self, app: Callable[..., Awaitable[Any]], *, begin: Begin = begin_trace) -> None:
        self.app = app
        self._begin = begin

    async def __call__(
        self, scope: Mapping[str, Any], receive: Callable[..., Awaitable[Any]], send: Callable[..., Awaitable[Any]]
    ) -> Any:
        found = self._begin(_trace_of(scope)) if scope.get("type") == "http" else None
        if found is None:
            return await self.app(scope, receive, send)
        request = _Request(found)

        async def sent(message: Mapping[str, Any]) -> Any:
            if message.get("type") == "http.response.start":
                request.failed |= _is_server_error(message.get("status"))
            return await send(message)

        try:
            with request:
                return await self.app(scope, receive, sent)
        finally:
            request.finish()


class _Request:
    """As a `with` statement it notes what goes through, and ends nothing: whoever reports it still has the trace."""

    __slots__ = ("_trace", "failed")

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.failed = False

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if isinstance(error, Exception):
            self.failed = True
            self._trace.left_by(error)

    def finish(self) -> None:
        self._trace.finish(failed=self.failed)


class _Body:
    """A response that is made while the server reads it."""

    def __init__(self, response: Iterable[bytes], request: _Request) -> None:
        self._response = response
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        with self._request:
            yield from self._response

    def close(self) -> None:
        try:
            with self._request:
                close = getattr(self._response, "close", None)
                if close is not None:
                    close()
        finally:
            self._request.finish()


class _SizedBody(_Body):
    def __len__(self) -> int:
        return len(cast("list[bytes]", self._response))


def _is_complete(response: object, file_wrapper: object) -> bool:
    """Nothing of the application runs any more: a list, nothing, or a file that the server may hand to the kernel."""
    return type(response) in (list, tuple, NoneType) or (
        isinstance(file_wrapper, type) and isinstance(response, file_wrapper)
    )


@guarded("middleware")
def _trace_of(scope: Mapping[str, Any]) -> str | None:
    header = next((value for name, value in scope.get("headers") or () if name == b"traceparent"), b"")
    return _trace_id(header.decode("latin-1"))


def _trace_id(header: object) -> str | None:
    """The trace's id in W3C's `traceparent`: `00-<32 hex>-<16 hex>-01`."""
    parts = header.strip().split("-") if isinstance(header, str) else []
    is_one = len(parts) >= 4 and len(parts[1]) == 32 and set(parts[1]) <= set("0123456789abcdef")  # noqa: PLR2004  # as above
    return parts[1] if is_one and parts[1].strip("0") else None


def _is_server_error(status: object) -> bool:
    with guard("middleware"):
        code = str(status)[:3]
        return code.isdecimal() and int(code) >= _SERVER_ERROR
    return False
