"""Chance has few places: what a call under a key makes has to be the same in each of its runs."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = {"random", "secrets", "uuid", "urandom"}
DRAWN_AT_RANDOM = {
    "chalicelib/accounts/sign_in/service.py": "sessions and second factors: sign-in knows no key",
    "chalicelib/aws/crypto.py": "a nonce of sealing is never used twice",
    "chalicelib/aws/writes.py": "the SDK's token of one transaction, and how long a conflict waits",
    "chalicelib/console/staff/session.py": "ids of visits, and keys of forms: a call gets its key from these",
    "chalicelib/edge/cursors.py": "a nonce of sealing",
    "chalicelib/exchange/sending.py": "how long what failed waits",
    "chalicelib/kernel/ids.py": "marks of writes that no call under a key makes",
    "chalicelib/kernel/repeats.py": "ids of calls without a key",
    "chalicelib/people/lists/work.py": "a worker's own key",
    "chalicelib/supervision/audit/service.py": "how long a worker waits",
}
MARKED_AT_RANDOM = {
    "chalicelib/accounts/sign_in/attempts/store.py": "each try is one by itself: sign-in knows no key",
    "chalicelib/accounts/sign_in/store.py": "sessions: sign-in knows no key",
    "chalicelib/accounts/disclosures/service.py": "each opening of something sealed is one by itself",
    "chalicelib/aws/writes.py": "writes that no call under a key makes",
    "chalicelib/edge/idempotency/service.py": "each run of a call holds the key by itself",
    "chalicelib/edge/idempotency/store.py": "the mark of what is seen once",
    "chalicelib/people/lists/work.py": "a worker's reading",
    "chalicelib/vouchers/batches/chunks/store.py": "a worker's file",
}


def users_of(names: set[str]) -> dict[str, set[str]]:
    """Find who imports a module, or calls a function, of these names."""
    users: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "chalicelib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Import():
                    used = {alias.name.partition(".")[0] for alias in node.names}
                case ast.ImportFrom():
                    used = {str(node.module).partition(".")[0], *(alias.name for alias in node.names)}
                case ast.Attribute():
                    used = {node.attr}
                case _:
                    continue
            if used & names:
                users[str(path.relative_to(ROOT))] |= used & names
    return users


def test_ids_and_secrets_are_drawn_in_one_place() -> None:
    drawing = {path for path, used in users_of(SOURCES).items() if used & SOURCES}
    assert drawing == set(DRAWN_AT_RANDOM)


def test_marks_are_given_in_one_place() -> None:
    assert set(users_of({"new_operation_id"})) == set(MARKED_AT_RANDOM)
