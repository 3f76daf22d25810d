"""`python -m shop [PORT]`: serve on loopback; without a port the system picks one, which is printed."""

import sys

from werkzeug.serving import WSGIRequestHandler, make_server

from shop.app import create_app


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open between requests
    disable_nagle_algorithm = True  # or each answer on an open connection waits for an acknowledgement

    def log_request(self, *_: object, **__: object) -> None:
        """Errors are logged by the application; one line for every request would drown them."""


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = make_server("127.0.0.1", port, create_app(), threaded=True, request_handler=Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201  # whoever started us waits for it
    server.serve_forever()


if __name__ == "__main__":
    main()
