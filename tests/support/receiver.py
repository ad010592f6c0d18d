"""A program's own server in a thread: takes what it is told, and fails on demand."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any


class FakeReceiver:
    """What it took stands in `taken`; `answers` are given first, then `always`; `refused` names things.

    It listens on `place`, or on any free port.
    """

    def __init__(self, tls: SSLContext | None = None, *, place: str = "127.0.0.1:0") -> None:
        receiver = self
        self.taken: list[dict[str, Any]] = []
        self.asked = 0
        self.answers: list[int] = []
        self.always = 204
        self.refused: set[str] = set()
        self.pause_seconds = 0.0
        self.drips = False
        self.location = ""

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.asked += 1
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(receiver.pause_seconds)
                message = json.loads(raw)
                status = receiver.answers.pop(0) if receiver.answers else receiver.always
                if message["data"]["id"] in receiver.refused:
                    status = 500
                if 200 <= status < 300:
                    headers = dict(self.headers.items())
                    receiver.taken.append({**message, "path": self.path, "headers": headers, "raw": raw})
                if receiver.drips:
                    self._drip()
                    return
                self.send_response(status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _drip(self) -> None:
                try:
                    self.wfile.write(b"HTTP/1.1 200 ")
                    for _ in range(200):
                        self.wfile.write(b"O")
                        self.wfile.flush()
                        time.sleep(0.05)
                except OSError:
                    return

            def log_message(self, *_: Any) -> None:
                pass

        host, _, port = place.partition(":")
        self._server = ThreadingHTTPServer((host, int(port)), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.place = f"127.0.0.1:{self.port}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
