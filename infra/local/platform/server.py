"""The platform's HTTP face, and the thread that tells the service its word."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, urlsplit

from infra.local.platform.rules import MODES, SIGNATURE_HEADER, LineCut, NotTaken, Platform

_BATCH_SECONDS: Final = 0.5
_PAUSE_MAX_SECONDS: Final = 20.0
_BODY_MAX_BYTES: Final = 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """The HTTP face of the platform."""

    platform: ClassVar[Platform]
    alive: ClassVar[bytes] = b""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer the service's questions, and what people and tests ask for."""
        path, query = self._target()
        asked = {name: values[0] for name, values in query.items()}
        try:
            if path in ("/figures", "/vouchers"):
                signature = self.headers.get(SIGNATURE_HEADER, "")
                self.platform.verify(self._body(), signature, ("GET", path, asked))
            told = self._told(path, asked)
        except NotTaken as reason:
            self._answer(reason.status, {"code": reason.code})
        else:
            status = HTTPStatus.OK if told is not None else HTTPStatus.NOT_FOUND
            self._answer(status, told if told is not None else {"code": "not_found"})

    def _told(self, path: str, asked: dict[str, str]) -> Any:
        ledger, subject = self.platform.ledger, asked.get("subject")
        answers: dict[str, Callable[[], Any]] = {
            "/figures": self.platform.figures,
            "/vouchers": lambda: self.platform.vouchers(asked.get("division", ""), asked.get("after", "")),
            "/control/received": lambda: {
                "items": [item for item in ledger.received if subject in {None, item["subject"]}]
            },
            "/control/subjects": lambda: {"items": ledger.history},
            "/control/state": self.platform.state,
            "/control/alive": lambda: self.alive,
        }
        return answers[path]() if path in answers else None

    def do_PUT(self) -> None:
        """Change the mode, or have a subject forgotten."""
        body = self._body()
        path = self._target()[0]
        try:
            asked = json.loads(body)
            mode = asked.get("mode")
        except (ValueError, AttributeError):
            asked, mode = {}, None
        if path == "/control/forget" and isinstance(asked.get("subject"), str):
            self.platform.ledger.forget_subject(asked["subject"])
            self._answer(HTTPStatus.OK, {"forgotten": asked["subject"]})
        elif path != "/control/mode":
            self._answer(HTTPStatus.NOT_FOUND, {"code": "not_found"})
        elif mode not in MODES:
            self._answer(HTTPStatus.BAD_REQUEST, {"code": "unknown_mode", "modes": MODES})
        else:
            self.platform.mode = mode
            self._answer(HTTPStatus.OK, {"mode": mode})

    def do_POST(self) -> None:
        """Take a message of the service."""
        body = self._body()
        if self._target()[0] != "/messages":
            self._answer(HTTPStatus.NOT_FOUND, {"code": "not_found"})
            return
        try:
            answer = self.platform.receive(body, self.headers.get(SIGNATURE_HEADER, ""))
        except NotTaken as reason:
            self.platform.refused += 1
            say(f"not taken: {reason.status} {reason.code}")
            self._answer(reason.status, {"status": "refused", "code": reason.code})
        except LineCut:
            self.close_connection = True
        else:
            self._answer(HTTPStatus.OK, answer)

    def _target(self) -> tuple[str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        return parts.path.rstrip("/"), parse_qs(parts.query, keep_blank_values=True)

    def _body(self) -> bytes:
        size = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(min(size, _BODY_MAX_BYTES))

    def _answer(self, status: HTTPStatus, value: Any) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing of requests that went well."""


def server_of(platform: Platform, address: tuple[str, int], *, alive: bytes = b"") -> ThreadingHTTPServer:
    """Give a server for one platform."""
    handler = type("PlatformHandler", (Handler,), {"platform": platform, "alive": alive})
    server = ThreadingHTTPServer(address, handler)
    server.daemon_threads = True
    return server


def tell_forever(platform: Platform, api_url: Callable[[], str | None]) -> None:
    """Tell the service what became of what was taken; one that is away is asked again, ever slower."""
    pause_seconds = _BATCH_SECONDS
    while True:
        time.sleep(pause_seconds)
        url = api_url()
        pause_seconds = _BATCH_SECONDS
        for words in platform.words() if url is not None else []:
            try:
                _tell(platform, str(url), "/v1/exchange/acknowledgements", words)
            except urllib.error.HTTPError as error:
                say(f"word refused: {error.code} {error.read()[:300]!r}")
                pause_seconds = _PAUSE_MAX_SECONDS
            except OSError:
                pause_seconds = _PAUSE_MAX_SECONDS
            else:
                platform.told(words)


def _tell(platform: Platform, url: str, path: str, words: list[dict[str, str]]) -> None:
    body = json.dumps({"items": words}).encode()
    request = urllib.request.Request(  # noqa: S310 - the address of the local stack
        url + path,
        data=body,
        headers={"Content-Type": "application/json", SIGNATURE_HEADER: platform.signed(body, path)},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the address of the local stack
        answer.read()


def say(text: str) -> None:
    """Write a line into the log."""
    print(f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}", flush=True)
