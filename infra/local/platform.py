"""The simulated national platform: takes the service's signed messages, drops repeats, acknowledges.

`POST /messages` is its face to the service; `/control` is for people and tests: `GET /control/received`,
`GET /control/state`, `PUT /control/mode`. What it took and what it acknowledged is kept in append-only files,
so it knows repeats after a restart too.
"""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from infra.local.keys import ALGORITHM, KeyPair, key_pairs
from infra.local.layout import (
    FOLDER,
    HOST,
    PLATFORM_PORT,
    PLATFORM_STATE,
    PLATFORM_URL,
    SERVICE_KEYS_FILE,
    STACK_FILE,
)
from infra.local.process import Service

PLATFORM: Final = Service(module="infra.local.platform", alive_url=f"{PLATFORM_URL}/control/alive")
SIGNATURE_HEADER: Final = "X-Message-Signature"
SERVICE_NAME: Final = "voucher-service"
PLATFORM_NAME: Final = "national-platform"
MODES: Final = ("ok", "down", "slow", "reject")

_LIFETIME_MAX_SECONDS: Final = 300
_SLOW_SECONDS: Final = 5
_BATCH_MAX: Final = 100
_BATCH_SECONDS: Final = 0.5
_PAUSE_MAX_SECONDS: Final = 20.0
_REFUSALS_MAX: Final = 5
_BODY_MAX_BYTES: Final = 1024 * 1024
_FIELDS: Final = ("message_id", "subject", "sequence", "event", "body", "occurred_at")


class NotTaken(Exception):
    """The platform does not take a message."""

    def __init__(self, status: HTTPStatus, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class Ledger:
    """What was received and what was acknowledged, in two files that only grow."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._received_file = folder / "received.jsonl"
        self._settled_file = folder / "acknowledged.jsonl"
        self._lock = threading.Lock()
        self.received = _read_lines(self._received_file)
        self._known = {item["message_id"] for item in self.received}
        self.settled = {item["message_id"]: item["outcome"] for item in _read_lines(self._settled_file)}

    def take(self, item: dict[str, Any]) -> bool:
        """Record a message; tell whether it was new."""
        with self._lock:
            if item["message_id"] in self._known:
                return False
            _append(self._received_file, item)
            self._known.add(item["message_id"])
            self.received.append(item)
            return True

    def settle(self, message_ids: list[str], outcome: str) -> None:
        """Record that the service knows of these, or does not want to."""
        with self._lock:
            for message_id in message_ids:
                _append(self._settled_file, {"message_id": message_id, "outcome": outcome})
                self.settled[message_id] = outcome

    def pending(self) -> list[str]:
        """Give the messages still to be acknowledged, oldest first."""
        with self._lock:
            return [item["message_id"] for item in self.received if item["message_id"] not in self.settled]


def _read_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    found = []
    for line in path.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:  # the line that a kill cut short
            continue
    return found


def _append(path: Path, item: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(item, ensure_ascii=False) + "\n")


class Platform:
    """The platform's rules: who may send, what is taken, what is acknowledged."""

    def __init__(self, ledger: Ledger, key: KeyPair) -> None:
        self.ledger = ledger
        self.mode = "ok"
        self.refused = 0
        self._key = key
        self._refusals: dict[str, int] = {}

    def receive(self, raw: bytes, signature: str) -> dict[str, str]:
        """Take one message of the service, or a repeat of it.

        Raises:
            NotTaken: bad signature or form, or the mode says so.

        """
        if self.mode == "slow":
            time.sleep(_SLOW_SECONDS)
        if self.mode == "down":
            raise NotTaken(HTTPStatus.SERVICE_UNAVAILABLE, "down")
        if self.mode == "reject":
            raise NotTaken(HTTPStatus.UNPROCESSABLE_ENTITY, "rejected")
        message = _parse(raw)
        self._verify(raw, signature, message["message_id"])
        item = {"received_at": datetime.now(UTC).isoformat(), **{name: message[name] for name in _FIELDS}}
        status = "accepted" if self.ledger.take(item) else "repeat"
        return {"status": status, "message_id": message["message_id"]}

    def _verify(self, raw: bytes, signature: str, message_id: str) -> None:
        try:
            keys = KeySet.import_key_set(json.loads(SERVICE_KEYS_FILE.read_text()))
            claims = jwt.decode(signature, keys, algorithms=["EdDSA", "Ed25519"]).claims
        except (JoseError, ValueError, OSError) as error:
            raise NotTaken(HTTPStatus.UNAUTHORIZED, f"signature: {error}") from error
        now = time.time()
        right = (
            claims.get("iss") == SERVICE_NAME
            and claims.get("aud") == PLATFORM_NAME
            and claims.get("jti") == message_id
            and claims.get("body_sha256") == hashlib.sha256(raw).hexdigest()
            and 0 < claims.get("exp", 0) - claims.get("iat", 0) <= _LIFETIME_MAX_SECONDS
            and claims["exp"] > now
        )
        if not right:
            raise NotTaken(HTTPStatus.UNAUTHORIZED, "signature: wrong claims")

    def acknowledge_forever(self) -> None:
        """Tell the service what was taken, in batches; a service that is away is asked again, ever slower."""
        pause_seconds = _BATCH_SECONDS
        while True:
            time.sleep(pause_seconds)
            batch = self.ledger.pending()[:_BATCH_MAX]
            if not batch or not STACK_FILE.exists():
                pause_seconds = _BATCH_SECONDS
                continue
            try:
                self._send(batch)
            except urllib.error.HTTPError as error:
                self._note_refusal(batch, error)
                pause_seconds = min(pause_seconds * 2, _PAUSE_MAX_SECONDS)
            except OSError:
                pause_seconds = min(pause_seconds * 2, _PAUSE_MAX_SECONDS)
            else:
                self.ledger.settle(batch, "accepted")
                pause_seconds = _BATCH_SECONDS

    def _note_refusal(self, batch: list[str], error: urllib.error.HTTPError) -> None:
        _say(f"acknowledgement refused: {error.code} {error.read()[:300]!r}")
        if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return
        for message_id in batch:
            self._refusals[message_id] = self._refusals.get(message_id, 0) + 1
        self.ledger.settle([one for one in batch if self._refusals[one] >= _REFUSALS_MAX], "refused")

    def _send(self, batch: list[str]) -> None:
        api_url = json.loads(STACK_FILE.read_text())["api_url"]
        body = json.dumps({"items": [{"message_id": one, "outcome": "accepted"} for one in batch]}).encode()
        request = urllib.request.Request(  # noqa: S310 - the address of the local stack
            f"{api_url}/v1/exchange/acknowledgements",
            data=body,
            headers={"Content-Type": "application/json", SIGNATURE_HEADER: self._sign(body)},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the address of the local stack
            answer.read()

    def _sign(self, body: bytes) -> str:
        now = int(time.time())
        claims = {
            "iss": PLATFORM_NAME,
            "aud": SERVICE_NAME,
            "iat": now,
            "exp": now + _LIFETIME_MAX_SECONDS,
            "jti": uuid.uuid4().hex,
            "body_sha256": hashlib.sha256(body).hexdigest(),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key.key)

    def state(self) -> dict[str, Any]:
        """Count what happened."""
        outcomes = list(self.ledger.settled.values())
        return {
            "mode": self.mode,
            "received": len(self.ledger.received),
            "acknowledged": outcomes.count("accepted"),
            "acknowledgements_refused": outcomes.count("refused"),
            "pending": len(self.ledger.pending()),
            "refused": self.refused,
        }


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        message = json.loads(raw)
        missing = [name for name in _FIELDS if name not in message]
    except (ValueError, TypeError) as error:
        raise NotTaken(HTTPStatus.BAD_REQUEST, "malformed") from error
    if missing or not isinstance(message, dict):
        raise NotTaken(HTTPStatus.BAD_REQUEST, f"missing: {missing}")
    return message


class Handler(BaseHTTPRequestHandler):
    """The HTTP face of the platform."""

    platform: ClassVar[Platform]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer what people and tests ask for."""
        path, query = self._target()
        if path == "/control/received":
            subject = query.get("subject", [None])[0]
            items = [one for one in self.platform.ledger.received if subject in {None, one["subject"]}]
            self._answer(HTTPStatus.OK, {"items": items})
        elif path == "/control/state":
            self._answer(HTTPStatus.OK, self.platform.state())
        elif path == "/control/alive":
            self._answer(HTTPStatus.OK, str(FOLDER).encode())
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"code": "not_found"})

    def do_PUT(self) -> None:
        """Change the mode."""
        body = self._body()
        try:
            mode = json.loads(body)["mode"]
        except (ValueError, KeyError, TypeError):
            mode = None
        if self._target()[0] != "/control/mode":
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
            _say(f"not taken: {reason.status} {reason.code}")
            self._answer(reason.status, {"status": "refused", "code": reason.code})
        else:
            self._answer(HTTPStatus.OK, answer)

    def _target(self) -> tuple[str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        return parts.path.rstrip("/"), parse_qs(parts.query)

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


def _say(text: str) -> None:
    print(f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}", flush=True)


def main() -> None:
    """Serve until told to stop."""
    platform = Platform(Ledger(PLATFORM_STATE), key_pairs()["platform"])
    threading.Thread(target=platform.acknowledge_forever, daemon=True).start()
    Handler.platform = platform
    server = ThreadingHTTPServer((HOST, PLATFORM_PORT), Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
