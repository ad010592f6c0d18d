"""What stands in tables, queues and buckets: kept, put back, and told in a form that two runs can share."""

import copy
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from chalicelib.aws.settings import settings
from tests.support.in_process import Emulator
from tests.support.plugin import forget_what_is_known

LATER = timedelta(seconds=2)
HOW_OFTEN_LOCKED = ("duties",)
"""Tables whose version says how often somebody began to decide on a person's duties, not what was decided."""
KEPT_ELSEWHERE = ("attempts", "idempotency", "personal-data-accesses")
"""Tables that tell of the tries themselves: of passwords, and of keys; who was shown something sealed, each time."""


def forget_everything() -> None:
    """Begin as a fresh process: with no row, key or secret in memory."""
    from chalicelib.aws.crypto import forget_data_keys
    from chalicelib.aws.keys import forget_keys

    forget_what_is_known()
    forget_data_keys()
    forget_keys()


class State:
    """The emulated cloud as a whole."""

    def __init__(self, emulator: Emulator) -> None:
        from moto.backends import get_backend

        self._emulator = emulator
        self._buckets = get_backend("s3")["123456789012"]["aws-cn"].buckets

    def keep(self) -> Any:
        """Give a copy of everything."""
        waiting = {name: copy.deepcopy(queue["messages"]) for name, queue in self._emulator.queues.items()}
        objects = {name: _versions(bucket) for name, bucket in self._buckets.items()}
        return self._emulator.keep(), waiting, objects

    def restore(self, kept: Any) -> None:
        """Put everything back to a copy, and forget what this process knows."""
        items, waiting, objects = kept
        self._emulator.restore(items)
        for name, queue in self._emulator.queues.items():
            queue["messages"][:] = copy.deepcopy(waiting[name])
        for name, bucket in self._buckets.items():
            bucket.keys.clear()
            for key, versions in objects[name]:
                bucket.keys.setlist(key, list(versions))
        forget_everything()

    def told(self, at: datetime | None, *, own_ids: bool, versions: bool = True) -> Counter[str]:
        """Count what stands there: each thing in its state and version, each message and object by name.

        Without `own_ids` the ids that a run drew for itself are left out.
        """
        told: Counter[str] = Counter()
        for table in _tables():
            name = table.Meta.table_name.removeprefix(settings().table_prefix)
            if name in KEPT_ELSEWHERE:
                continue
            for record in self._emulator.rows(table):
                key = [getattr(record, part, "") for part in table.key_names()]
                facts = ("status", "version") if versions and name not in HOW_OFTEN_LOCKED else ("status",)
                state = [getattr(record, fact, None) for fact in facts]
                told[f"{name} {key} {state}"] += 1
        for name, queue in self._emulator.queues.items():
            bodies = {_message(message) for message in queue["messages"]}
            told.update(f"queue {name.rpartition('/')[2]} {body}" for body in bodies)
        for name, bucket in self._buckets.items():
            left_out = [key for key in bucket.keys if _DRAFT.fullmatch(key) or _MANIFEST.fullmatch(key)]
            told.update(f"object {name} {key}" for key in bucket.keys if key not in left_out)
            told.update(_manifests(bucket))
        merged: Counter[str] = Counter()
        for text, count in told.items():
            merged[_plain(text, at, own_ids=own_ids)] += count
        return merged


def _versions(bucket: Any) -> list[tuple[str, list[Any]]]:
    return [(key, list(bucket.keys.getlist(key))) for key in bucket.keys]


def _tables() -> list[Any]:
    from chalicelib.aws.table import all_tables

    return [table for table in all_tables() if table.__module__.startswith("chalicelib.")]


def _manifests(bucket: Any) -> Iterator[str]:
    """Tell of each lesson what its last manifest lists, and which one tells nothing new or breaks the chain."""
    lessons: dict[str, list[tuple[str, bytes]]] = {}
    for key in sorted(bucket.keys):
        if found := _MANIFEST.fullmatch(key):
            lessons.setdefault(found.group(1), []).append((key, bucket.keys[key].value))
    for lesson, manifests in lessons.items():
        before: tuple[Any, bytes] | None = None
        for key, raw in manifests:
            told = json.loads(raw)
            if before is not None and before[0] == told["evidence"]:
                yield f"manifest {key} tells nothing new"
            if told["previous_sha256"] != (None if before is None else hashlib.sha256(before[1]).hexdigest()):
                yield f"manifest {key} does not follow the one before"
            before = (told["evidence"], raw)
        assert before is not None
        came = [one for one in before[0]["footage"] if one["status"] not in _NEVER_CAME]
        listed = sorted(f"{one['sha256'][:12]} {one['status']}" for one in came)
        yield f"manifest of {lesson}: {listed}"


def _message(message: Any) -> str:
    try:
        body = json.loads(message["body"])
    except ValueError:
        return str(message["body"])
    body.pop("now", None)
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


_MANIFEST = re.compile(r"lessons/(\w[\w-]*)/manifest-\d+\.json")
"""How many manifests a lesson has depends on when somebody looked; what the last one tells does not."""
_NEVER_CAME = ("awaiting_upload", "missing")
"""What was announced and is not there: evidence of nothing, told in a manifest only on the way."""
_DRAFT = re.compile(r"imports/imp_\w+/[A-Za-z0-9_-]{16}/(raw|judged|marks|repeats)-\d+")
"""What one reading of a list left for its own steps; the bucket forgets it, whoever died."""
_TIMES = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+\d\d:\d\d)")
_OWN = re.compile(r"\b([a-z]{2,4})_[a-z2-7]{24}(?![a-z2-7])")
"""Ids that are drawn; those derived from what they stand for are told as they are, if they are of another form."""


def without_ids(told: Any) -> Any:
    """Leave out of an answer which ids things have."""
    return json.loads(_OWN.sub(r"\1_…", json.dumps(told)))


def _plain(text: str, at: datetime | None, *, own_ids: bool) -> str:
    text = _TIMES.sub(lambda match: _now(match.group(), at), text)
    if at is not None:
        for moment in (at, at + LATER):
            text = text.replace(str(int(moment.timestamp() * 1_000_000)), "now")
    return text if own_ids else _OWN.sub(r"\1_…", text)


def _now(text: str, at: datetime | None) -> str:
    moment = datetime.fromisoformat(text)
    return "now" if at is None or at <= moment <= at + LATER else text
