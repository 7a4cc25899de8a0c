"""Build the book and serve it on localhost: python -m tools.serve [PORT]"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tools.book import HTML, build
from tools.site import address

FIRST_PORT = 8000


class BookHandler(SimpleHTTPRequestHandler):
    """The built book as GitHub Pages serves it."""

    def log_message(self, *_) -> None:
        """Say nothing: a line for each request would bury the address."""

    def translate_path(self, path: str) -> str:
        """The file behind an address, which may begin as on the published site."""
        public = urlsplit(address()).path
        return super().translate_path(f"/{path.removeprefix(public)}")

    def send_error(self, code: int, *rest) -> None:
        """The book's own page for a wrong address."""
        missing = HTML / "404.html"
        if code != 404 or not missing.exists():
            return super().send_error(code, *rest)
        body = missing.read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class BookServer(ThreadingHTTPServer):
    def handle_error(self, *who) -> None:
        """A reader who leaves in the middle is none."""
        if not issubclass(sys.exc_info()[0], ConnectionError):
            super().handle_error(*who)


def bind(port: int, handler=BookHandler) -> ThreadingHTTPServer:
    """A server for the built book on `port`; 0 lets the system choose."""
    return BookServer(("127.0.0.1", port), partial(handler, directory=HTML))


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[str]:
    """Its address, while it serves in the background."""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def bind_from(wanted: int) -> ThreadingHTTPServer:
    """The same on the first free port from `wanted` on."""
    for port in range(wanted, min(wanted + 100, 65536)):
        try:
            server = bind(port)
        except OSError:
            continue
        if port != wanted:
            print(f"Port {wanted} is taken, so the book is on {port}.")
        return server
    print(f"No port from {wanted} on is free; choose another PORT.", file=sys.stderr)
    sys.exit(2)


def read_port(arguments: list[str]) -> int:
    text = arguments[0] if arguments and arguments[0] else str(FIRST_PORT)
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    print(f"PORT is {text!r}, not a number from 1 to 65535.", file=sys.stderr)
    sys.exit(2)


def main() -> None:
    port = read_port(sys.argv[1:])  # said before the build, not minutes later
    if not build():
        sys.exit(1)
    with bind_from(port) as server:
        port = server.server_address[1]
        print(f"Read it at http://localhost:{port}/ (Ctrl-C to stop)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
