"""A national platform in a thread: takes signed messages, and fails on demand."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.keys import opened


class FakePlatform:
    """What it was sent stands in `messages` with its headers; `answers` are given first, then 200."""

    def __init__(self) -> None:
        platform = self
        self.messages: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.always: int | None = None
        self.refused_subjects: dict[str, int] = {}
        self.pause_seconds = 0.0
        self.connections = 0

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                platform.connections += 1
                super().setup()

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(platform.pause_seconds)
                message = json.loads(raw)
                status = platform.always or platform.refused_subjects.get(message["subject"], 200)
                if platform.answers:
                    status = platform.answers.pop(0)
                if status == 200:
                    headers = dict(self.headers.items())
                    told = {**message, "body": opened(message["sealed_body"])}
                    platform.messages.append({**told, "path": self.path, "headers": headers, "raw": raw})
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
