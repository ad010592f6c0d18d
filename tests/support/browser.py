"""Debian's Chromium, driven over the W3C WebDriver protocol, and a server that puts the in-process service before it."""

import base64
import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
WIDE, PHONE = (1366, 768), (390, 844)
KEYS = {"tab": "\ue004", "enter": "\ue007", "space": " "}


def is_there() -> bool:
    """Tell whether Chromium and its driver are installed (Debian: chromium, chromium-driver)."""
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def served(
    api: Any, *, at: datetime | Callable[[], datetime] | None = None, cut: threading.Event | None = None
) -> Iterator[str]:
    """Serve the in-process gateway on loopback; while `cut` is set, the network is down.

    `at` is a moment that stands still, or a clock that is asked for each request.
    """
    gateway = api()._gateway
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if cut is not None and cut.is_set():
                self.connection.close()
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            if at is not None:
                headers["X-Local-Now"] = (at() if callable(at) else at).isoformat()
            with lock:
                answer = gateway.handle_request(self.command, self.path, headers, raw)
            body = answer["body"]
            sent = body if isinstance(body, bytes) else str(body).encode()
            self.send_response(int(answer["statusCode"]))
            for name, value in answer["headers"].items():
                if name.lower() not in ("content-length", "strict-transport-security"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Browser:
    """One window of Chromium."""

    def __init__(self, driver: str, session: str) -> None:
        self._driver, self._session = driver, session

    @classmethod
    @contextlib.contextmanager
    def open(
        cls, *, dark: bool = False, size: tuple[int, int] = WIDE, film: Path | None = None
    ) -> Iterator["Browser"]:
        """Start a driver and a window of this size; its camera sees a film (y4m), again and again."""
        port = free_port()
        with tempfile.TemporaryDirectory() as home:
            process = subprocess.Popen(
                ["chromedriver", f"--port={port}", "--silent"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                driver = f"127.0.0.1:{port}"
                _await(driver)
                flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={home}"]
                flags += ["--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb"]
                flags += [f"--window-size={size[0]},{size[1]}", "--lang=zh-CN", "--accept-lang=zh-CN"]
                if film is not None:
                    flags += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
                    flags.append(f"--use-file-for-fake-video-capture={film}")
                if dark:
                    flags.append("--blink-settings=preferredColorScheme=0")
                wanted = {
                    "browserName": "chrome",
                    "goog:chromeOptions": {"args": flags},
                    "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                }
                made = _call(driver, "POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
                browser = cls(driver, made["sessionId"])
                browser._metrics(size)
                try:
                    yield browser
                finally:
                    _call(driver, "DELETE", f"/session/{browser._session}")
            finally:
                process.terminate()
                process.wait()

    def _metrics(self, size: tuple[int, int]) -> None:
        facts = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        self.devtools("Emulation.setDeviceMetricsOverride", **facts)

    def colours(self, *, dark: bool) -> None:
        """Let pages take it that people want them dark, or light."""
        wanted = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[wanted])

    def _do(self, method: str, path: str, body: Any = None) -> Any:
        return _call(self._driver, method, f"/session/{self._session}{path}", body)

    def devtools(self, command: str, **facts: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self._do("POST", "/goog/cdp/execute", {"cmd": command, "params": facts})

    def go(self, address: str) -> None:
        self._do("POST", "/url", {"url": address})

    @property
    def address(self) -> str:
        return str(self._do("GET", "/url"))

    def run(self, script: str, *arguments: Any) -> Any:
        return self._do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_until_told(self, script: str, *arguments: Any) -> Any:
        """Run a script that calls its last argument once it is done; give what it calls it with."""
        return self._do("POST", "/execute/async", {"script": script, "args": list(arguments)})

    @property
    def text(self) -> str:
        return str(self.run("return document.body.innerText"))

    def find(self, css: str) -> Any:
        return self._do("POST", "/element", {"using": "css selector", "value": css})

    def type(self, css: str, text: str) -> None:
        element = self.find(css)[ELEMENT]
        self._do("POST", f"/element/{element}/clear", {})
        self._do("POST", f"/element/{element}/value", {"text": text})

    def press(self, css: str) -> None:
        self._do("POST", f"/element/{self.find(css)[ELEMENT]}/click", {})

    def keys(self, *names: str) -> None:
        """Press keys one after the other, where the focus is."""
        actions = [
            {"type": kind, "value": KEYS.get(name, name)} for name in names for kind in ("keyDown", "keyUp")
        ]
        self._do("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def attach(self, css: str, file: Path) -> None:
        """Choose a file."""
        element = self.find(css)[ELEMENT]
        self._do("POST", f"/element/{element}/value", {"text": str(file)})

    def accept(self) -> str:
        """Say yes to a question of the page, and tell what it asked."""
        asked = str(self._do("GET", "/alert/text"))
        self._do("POST", "/alert/accept", {})
        return asked

    def cookie(self, name: str, value: str) -> None:
        self._do("POST", "/cookie", {"cookie": {"name": name, "value": value, "path": "/"}})

    def complaints(self) -> list[str]:
        """Give what the console complained of since last asked."""
        log = self._do("POST", "/se/log", {"type": "browser"})
        return [line["message"] for line in log if line["level"] in ("SEVERE", "WARNING")]

    def requested(self) -> list[str]:
        """Give the addresses that were asked for over a network since last asked."""
        log = self._do("POST", "/se/log", {"type": "performance"})
        told = [json.loads(line["message"])["message"] for line in log]
        asked = [
            one["params"]["request"]["url"] for one in told if one["method"] == "Network.requestWillBeSent"
        ]
        return [address for address in asked if address.startswith(("http:", "https:", "ws:", "wss:"))]

    def named(self, *roles: str) -> list[str]:
        """Give the names of what has these roles, as a screen reader tells them, in order."""
        tree = self.devtools("Accessibility.getFullAXTree")["nodes"]
        wanted = [node for node in tree if not node["ignored"] and node["role"]["value"] in roles]
        return [node.get("name", {}).get("value", "") for node in wanted]

    def shot(self, file: Path) -> None:
        """Save a picture of the whole page."""
        size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 2400), "scale": 1}
        taken = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(taken["data"]))

    def until(self, script: str, *, seconds: float = 10) -> None:
        """Wait until a script gives true."""
        ends = time.monotonic() + seconds
        while not self.run(f"return Boolean({script})"):
            assert time.monotonic() < ends, f"never: {script}\n{self.text[:600]}"
            time.sleep(0.05)


def _await(driver: str) -> None:
    ends = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError, AssertionError):
            if _call(driver, "GET", "/status")["ready"]:
                return
        assert time.monotonic() < ends, "the driver did not start"
        time.sleep(0.05)


def _call(driver: str, method: str, path: str, body: Any = None) -> Any:
    connection = http.client.HTTPConnection(driver, timeout=60)
    try:
        sent = json.dumps(body).encode() if body is not None else None
        connection.request(method, path, sent, {"Content-Type": "application/json"} if sent else {})
        told = json.loads(connection.getresponse().read())["value"]
    finally:
        connection.close()
    assert not (isinstance(told, dict) and "error" in told), f"{told['error']}: {told['message'][:300]}"
    return told
