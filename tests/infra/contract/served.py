"""The program behind an HTTP port, in this process: for tools that know nothing but an address."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chalice.config import Config
from chalice.local import ForbiddenError, LocalGateway, LocalGatewayException

from tests.support import keys

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")
SIGN = "sign-it"
"""A message that bears this signature is signed as the platform does, on its way."""
_ONE_AT_A_TIME = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    """Hands a request to the program as the gateway does; see `SIGN`."""

    protocol_version = "HTTP/1.1"
    gateway: LocalGateway

    def _answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = dict(self.headers.items())
        if self.headers.get("X-Message-Signature") == SIGN:
            from chalicelib.edge import tokens

            claims = {
                "iss": tokens.PLATFORM_ISSUER,
                "aud": tokens.SERVICE_ISSUER,
                **keys.call_of(self.path, self.command),
                "body_sha256": tokens.body_digest(raw),
            }
            headers["X-Message-Signature"] = keys.sign(keys.PLATFORM_KEY, claims)
        with _ONE_AT_A_TIME:
            status, told, body = self._asked(headers, raw)
        self.send_response(status)
        for name, value in told.items():
            if name.lower() not in {"content-length", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _asked(self, headers: dict[str, str], raw: bytes) -> tuple[int, dict[str, str], bytes]:
        try:
            got = self.gateway.handle_request(self.command, self.path, headers, raw)
        except LocalGatewayException as failure:
            status = 403 if isinstance(failure, ForbiddenError) else 500
            return status, {"Content-Type": "text/plain"}, str(failure).encode()
        body = got["body"]
        return (
            int(got["statusCode"]),
            dict(got["headers"]),
            body if isinstance(body, bytes) else body.encode(),
        )

    def log_message(self, *_: Any) -> None:
        """Say nothing of each request."""


for _method in _METHODS:
    setattr(_Handler, f"do_{_method}", _Handler._answer)


@contextmanager
def served() -> Iterator[str]:
    """Serve the program; gives its address."""
    import app

    handler = type("Handler", (_Handler,), {"gateway": LocalGateway(app.app, Config())})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
