"""The platform's rules: who may send, what is taken, what is accepted, and how it fails on demand."""

from __future__ import annotations

import hashlib
import json
import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped] # it has no types
from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from infra.local.platform.ledger import ACCEPTED, PENDING, REFUSED, Ledger

SIGNATURE_HEADER: Final = "X-Message-Signature"
SERVICE_NAME: Final = "voucher-service"
PLATFORM_NAME: Final = "national-platform"
ALGORITHM: Final = "ES256"
FORMS: Final = Path(__file__).parents[2] / "contract/messages"
"""The published forms, as they are handed out."""

OK: Final = "ok"
MODES: Final = (
    OK,
    "down",
    "slow",
    "reject",
    "500",
    "drop",
    "refuse_some",
    "forget",
    "duplicate_acks",
    "late_acks",
    "chaos",
)
"""`down`: 503. `reject`: 422, all. `drop`: the line is cut without an answer, before or after it was taken.
`refuse_some`: a third is taken and refused later, with a reason. `forget`: a third is answered 200 and lost.
`duplicate_acks`: each word is sent twice. `late_acks`: words come in a random order, some later. `chaos`: one
of them by lot, each time."""
_BY_LOT: Final = (OK, OK, OK, "down", "500", "drop", "refuse_some", "forget", "duplicate_acks", "late_acks")
_LIFETIME_MAX_SECONDS: Final = 300
_SLOW_SECONDS: Final = 5
_SHARE: Final = 3
_BATCH_MAX: Final = 100
_ALGORITHMS: Final = ["ECDH-ES+A256KW", "A256GCM"]
_STATES_LIST_MAX: Final = 1000


Call = tuple[str, str, dict[str, str]]
"""Method, path below the address of who is called, and query; all of it decoded."""
MESSAGES: Final[Call] = ("POST", "/messages", {})


class NotTaken(Exception):
    """The platform does not take a message."""

    def __init__(self, status: HTTPStatus, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class LineCut(Exception):
    """The platform hangs up without an answer."""


class Platform:
    """One platform: its ledger, its keys, and how it behaves now."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        signing: ECKey,
        opening: ECKey,
        service_keys: Callable[[], Any],
        slow_seconds: float = _SLOW_SECONDS,
        seed: int = 1,
    ) -> None:
        self.ledger = ledger
        self.mode = OK
        self.refused = 0
        self._signing = signing
        self._opening = opening
        self._service_keys = service_keys
        self._slow_seconds = slow_seconds
        self._chance = random.Random(seed)  # noqa: S311 - a simulation that can be repeated
        self._forms: dict[str, Any] = {}

    # ------------------------------------------------------------------ taking

    def receive(self, raw: bytes, signature: str, call: Call = MESSAGES) -> dict[str, str]:
        """Take one message of the service, or a repeat of it.

        Raises:
            NotTaken: bad signature or form, or the mode says so.
            LineCut: the mode says so.

        """
        mode = self._chance.choice(_BY_LOT) if self.mode == "chaos" else self.mode
        if mode == "slow":
            time.sleep(self._slow_seconds)
        if mode == "down":
            raise NotTaken(HTTPStatus.SERVICE_UNAVAILABLE, "down")
        if mode == "500":
            raise NotTaken(HTTPStatus.INTERNAL_SERVER_ERROR, "broken")
        if mode == "reject":
            raise NotTaken(HTTPStatus.UNPROCESSABLE_ENTITY, "rejected")
        message = self._parsed(raw)
        self.verify(raw, signature, call, message["message_id"])
        if mode == "drop" and self._chance.random() < 0.5:  # noqa: PLR2004 - half of them before
            raise LineCut
        if mode == "forget" and self._drawn():
            return {"status": "accepted", "message_id": message["message_id"]}
        is_new = self.ledger.take(self._opened(message))
        if is_new and mode == "refuse_some" and self._drawn():
            self.ledger.answer(message["message_id"], REFUSED, "字段校验未通过")
        if mode == "drop":
            raise LineCut
        return {"status": "accepted" if is_new else "repeat", "message_id": message["message_id"]}

    def _drawn(self) -> bool:
        return self._chance.randrange(_SHARE) == 0

    def verify(self, raw: bytes, signature: str, call: Call, message_id: str | None = None) -> None:
        """Prove that the service sent exactly this, by this very call.

        Raises:
            NotTaken: it did not, or too long ago.

        """
        try:
            keys = KeySet.import_key_set(self._service_keys())
            claims = jwt.decode(signature, keys, algorithms=["EdDSA", "Ed25519"]).claims
        except (JoseError, ValueError, OSError) as error:
            raise NotTaken(HTTPStatus.UNAUTHORIZED, f"signature: {error}") from error
        right = (
            claims.get("iss") == SERVICE_NAME
            and claims.get("aud") == PLATFORM_NAME
            and message_id in (None, claims.get("jti"))
            and claims.get("body_sha256") == hashlib.sha256(raw).hexdigest()
            and (claims.get("method"), claims.get("path"), claims.get("query")) == call
            and 0 < claims.get("exp", 0) - claims.get("iat", 0) <= _LIFETIME_MAX_SECONDS
            and claims["exp"] > time.time()
        )
        if not right:
            raise NotTaken(HTTPStatus.UNAUTHORIZED, "signature: wrong claims")

    def _parsed(self, raw: bytes) -> dict[str, Any]:
        try:
            message = json.loads(raw)
            self._validator("message.1").validate(message)
        except (ValueError, jsonschema.ValidationError) as error:
            raise NotTaken(HTTPStatus.BAD_REQUEST, f"malformed: {str(error)[:100]}") from error
        told: dict[str, Any] = message
        return told

    def _opened(self, message: dict[str, Any]) -> dict[str, Any]:
        """Open the body, and hold it against its form.

        Raises:
            NotTaken: it cannot be opened, or is not of its form.

        """
        try:
            plain = jwe.decrypt_compact(message["sealed_body"], self._opening, algorithms=_ALGORITHMS)
            body = json.loads(plain.plaintext or b"")
            self._validator(message["form"]).validate(body)
        except (JoseError, ValueError) as error:
            raise NotTaken(HTTPStatus.BAD_REQUEST, "sealed: cannot be opened") from error
        except jsonschema.ValidationError as error:
            raise NotTaken(
                HTTPStatus.UNPROCESSABLE_ENTITY, f"{error.json_path}: {error.message[:80]}"
            ) from error
        kept = {name: value for name, value in message.items() if name != "sealed_body"}
        return {"received_at": datetime.now(UTC).isoformat(), **kept, "body": body}

    def _validator(self, form: str) -> Any:
        if form not in self._forms:
            path = FORMS / f"{form}.json"
            if not path.is_file():
                raise NotTaken(HTTPStatus.UNPROCESSABLE_ENTITY, f"unknown form {form[:40]}")
            schema = json.loads(path.read_text())
            self._forms[form] = jsonschema.Draft202012Validator(schema)
        return self._forms[form]

    # ------------------------------------------------------------------ its word

    def words(self) -> list[list[dict[str, str]]]:
        """Give what is to be told to the service now, in the batches in which it is told."""
        batch = self.ledger.unanswered(_BATCH_MAX)
        if self.mode in ("late_acks", "chaos"):
            batch = [entry for entry in batch if self._chance.random() < 0.7]  # noqa: PLR2004 - the rest later
            self._chance.shuffle(batch)
        words = []
        for item, known in batch:
            outcome = ACCEPTED if known == PENDING else known
            if outcome != known:
                self.ledger.answer(item["message_id"], outcome)
            word = {"message_id": item["message_id"], "outcome": outcome}
            reason = self.ledger.reasons.get(item["message_id"]) if outcome == REFUSED else None
            words.append(word | ({"reason": reason} if reason else {}))
        if not words:
            return []
        return [words, words] if self.mode in ("duplicate_acks", "chaos") else [words]

    def told(self, words: list[dict[str, str]]) -> None:
        """Note that the service has taken these."""
        self.ledger.answered([word["message_id"] for word in words])

    def signed(self, raw: bytes, path: str) -> str:
        """Sign what is posted to a path of the service."""
        now = int(time.time())
        claims = {
            "iss": PLATFORM_NAME,
            "aud": SERVICE_NAME,
            "iat": now,
            "exp": now + _LIFETIME_MAX_SECONDS,
            "jti": uuid.uuid4().hex,
            "method": "POST",
            "path": path,
            "query": {},
            "body_sha256": hashlib.sha256(raw).hexdigest(),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._signing.kid}, claims, self._signing)

    # ------------------------------------------------------------------ its figures

    def figures(self) -> dict[str, Any]:
        """Count and add up the vouchers it has, by division and state."""
        sums: dict[tuple[str, str], dict[str, int]] = {}
        for _, item in self.ledger.vouchers():
            body = item["body"]
            place = sums.setdefault(
                (body["division"], body["status"]),
                {"count": 0, "face_value_fen": 0, "paid_fen": 0, "reversed_fen": 0},
            )
            place["count"] += 1
            for name in ("face_value_fen", "paid_fen", "reversed_fen"):
                place[name] += body.get(name, 0)
        told = [
            {"division": division, "status": status, **place}
            for (division, status), place in sorted(sums.items())
        ]
        return {"as_of": datetime.now(UTC).isoformat(), "figures": told}

    def vouchers(self, division: str, after: str) -> dict[str, Any]:
        """List the vouchers it has of a division, in the order of their ids."""
        held = sorted(
            (subject, item)
            for subject, item in self.ledger.vouchers()
            if item["body"]["division"] == division and subject > after
        )
        shown = held[:_STATES_LIST_MAX]
        told = [
            {
                "id": subject,
                "sequence": item["sequence"],
                "status": item["body"]["status"],
                "paid_fen": item["body"].get("paid_fen", 0),
                "reversed_fen": item["body"].get("reversed_fen", 0),
            }
            for subject, item in shown
        ]
        return {"vouchers": told, "next": shown[-1][0] if len(held) > len(shown) else None}

    def state(self) -> dict[str, Any]:
        """Count what happened."""
        outcomes = list(self.ledger.outcomes.values())
        return {
            "mode": self.mode,
            "received": len(self.ledger.received),
            "acknowledged": outcomes.count(ACCEPTED),
            "acknowledgements_refused": outcomes.count(REFUSED),
            "pending": len(self.ledger.unanswered(10**9)),
            "repeats": sum(self.ledger.repeats.values()),
            "disorder": list(self.ledger.disorder),
            "refused": self.refused,
        }
