"""Whatever is sent: refused with a reason or done, never a failure of ours.

Each route's own example is changed at one or several places: bodies, their bytes, ids in paths, queries, cursors,
keys, tokens. `FUZZ_REQUESTS` says how many; sheets, QR tokens and signatures have tests of their own
(`tests/sheets/test_fuzz.py`, `tests/vouchers/card`, `tests/edge/test_tokens.py`).
"""

import copy
import json
import random
from collections import Counter
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from chalicelib.edge.endpoints import ENDPOINTS
from tests.proof.pairs.operations import Operation
from tests.proof.sharing import ASKED_FOR, SEED, number_of, told_at_the_end
from tests.support.depth import size_of
from tests.support.people import STAFF

ASKED_MAX = number_of("FUZZ_REQUESTS", usual=10_000, full=100_000)
REQUESTS = ASKED_MAX if ASKED_FOR else size_of("FUZZ_REQUESTS", usual=1_000, full=10_000)
"""Ten thousand take half a minute of one core."""
DRAWN_BY = SEED if ASKED_FOR else 20261129
"""A run of everything always sends the same: a new seed a commit would redden one that did nothing."""
ODD: tuple[Any, ...] = (
    *(None, "", " ", 0, -1, 2**31, 2**63, 10**30, 1e308, -0.0, True, [], {}, [[]], [None], {"": None}),
    *(
        "\u0000",
        "\u202e",
        "\ufeff",
        "\U0001f600",
        "a" * 5_000,
        "张" * 300,
        "../..",
        "' OR 1=1",
        "<script>",
        "%00",
    ),
    *(
        "2026-02-30",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
        "NaN",
        "١٢٣",
    ),
)
LISTS = [endpoint.path for endpoint in ENDPOINTS if endpoint.method == "GET" and "{" not in endpoint.path]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, part in inner for place in _places(part, (*path, name)))]


def _changed(body: Any, chance: random.Random) -> Any:
    """Change a body at one to three places: another value, a field too few or one too many."""
    body = copy.deepcopy(body)
    for _ in range(chance.randint(1, 3)):
        *way, last = chance.choice(_places(body)) or ("",)
        part = body
        try:
            for name in way:
                part = part[name]
            match chance.randrange(4):
                case 0 if isinstance(part, dict):
                    part.pop(last, None)
                case 1 if isinstance(part, dict):
                    part[chance.choice(("x", "", "id", "version", "\u0000"))] = copy.deepcopy(
                        chance.choice(ODD)
                    )
                case _:
                    part[last] = copy.deepcopy(chance.choice(ODD))
        except (KeyError, IndexError, TypeError):
            return copy.deepcopy(chance.choice(ODD))
    return body


def _raw(body: Any, chance: random.Random) -> bytes:
    """Change some bytes of a body."""
    raw = bytearray(json.dumps(body, ensure_ascii=chance.random() < 0.5).encode())
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(raw) + 1)
        raw[place : place + chance.randrange(3)] = bytes(chance.choices(range(256), k=chance.randrange(3)))
    return bytes(raw)


def test_whatever_is_sent_is_refused_or_done(emulator: Any, world: Any, operations: list[Operation]) -> None:
    chance, told, failed = random.Random(DRAWN_BY), Counter[int](), list[str]()
    for name in STAFF:
        world.api(name)  # their accounts
    kept = emulator.keep()
    for number in range(REQUESTS):
        if number % 200 == 0:
            emulator.restore(kept)
        use = chance.choice(operations).use
        options: dict[str, Any] = {key: value for key, value in use.options.items() if key == "source"}
        body, path = use.body, use.path
        match chance.randrange(6):
            case 0 | 1 if body is not None:
                body = _changed(body, chance)
            case 2 if body is not None:
                options["raw"] = _raw(body, chance)
            case 3:
                parts = path.split("/")
                parts[chance.randrange(2, len(parts))] = quote(str(chance.choice(ODD))[:200] or "x", safe="")
                path = "/".join(parts)
            case 4:
                query = quote(str(chance.choice(ODD))[:500])
                name = chance.choice(("cursor", "limit", "status", "division", "x", "at"))
                path = f"{chance.choice(LISTS)}?{name}={query}"
                use, body = replace(use, method="GET"), None
            case _:
                key = str(chance.choice(ODD))[:80]
                name = chance.choice(
                    ("Idempotency-Key", "Authorization", "Content-Type", "X-Device-Id", "If-None-Match")
                )
                options["headers"] = {name: key.encode("latin-1", "ignore").decode("latin-1")}
        answer = use.client.send(use.method, path, body, at=use.at, **options)
        told[answer.status] += 1
        if answer.status >= 500:
            failed.append(f"{use.method} {path} {body!r} {options!r}: {answer.text[:200]}"[:900])
    told_at_the_end("fuzz", f"{REQUESTS} requests, {dict(sorted(told.items()))}")
    assert not failed, f"PROOF_SEED={DRAWN_BY}\n" + "\n".join(failed[:20])
    assert told[400], "nothing was malformed"
