"""What the platform took, what it made of it, and how each subject stands: one file that only grows."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

Item = dict[str, Any]
PENDING: Final = "pending"
"""Taken, and not answered yet."""
ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"


class Ledger:
    """Every message that was taken, by its id, and the last accepted one of each subject.

    A message that was refused may come again, and is then looked at anew; one that was accepted is a repeat.
    `disorder` names what came after a later number of its subject: the service must never do that.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "messages.jsonl"
        self._lock = threading.RLock()
        self.received: list[Item] = []
        self.outcomes: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.subjects: dict[str, Item] = {}
        self.history: dict[str, list[int]] = {}
        self.disorder: list[str] = []
        self.repeats: Counter[str] = Counter()
        self._unanswered: dict[str, None] = {}
        self._by_id: dict[str, Item] = {}
        for entry in _read_lines(self._file):
            self._apply(entry)

    def take(self, item: Item) -> bool:
        """Record a message; tell whether it was new, or refused before."""
        with self._lock:
            known = self.outcomes.get(item["message_id"])
            if known in (PENDING, ACCEPTED):
                self.repeats[item["message_id"]] += 1
                if known == ACCEPTED:
                    self._unanswered[item["message_id"]] = None  # the answer may have been lost
                return False
            self._write({"what": "taken", "item": item})
            return True

    def answer(self, message_id: str, outcome: str, reason: str = "") -> None:
        """Decide on a message that was taken."""
        with self._lock:
            self._write({"what": outcome, "message_id": message_id, "reason": reason})

    def answered(self, message_ids: list[str]) -> None:
        """Note that the service was told of these; after a restart those that are decided are told again."""
        with self._lock:
            for message_id in message_ids:
                self._unanswered.pop(message_id, None)

    def unanswered(self, most: int) -> list[tuple[Item, str]]:
        """Give messages that the service has to be told of, oldest first, each with its outcome."""
        with self._lock:
            names = list(self._unanswered)[:most]
            return [(self._by_id[name], self.outcomes[name]) for name in names]

    def vouchers(self) -> Iterator[tuple[str, Item]]:
        """Give every voucher as it stands, by its id."""
        with self._lock:
            told = list(self.subjects.items())
        return (
            (subject, item)
            for subject, item in told
            if item["event"].startswith("voucher.") and subject.startswith("vch_")
        )

    def forget_subject(self, subject: str) -> None:
        """Lose what is known of a subject, as a platform does that restores an old backup."""
        with self._lock:
            self._write({"what": "lost", "subject": subject})

    def _write(self, entry: Item) -> None:
        with self._file.open("a") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._apply(entry)

    def _apply(self, entry: Item) -> None:
        match entry["what"]:
            case "taken":
                item = entry["item"]
                self.received.append(item)
                self._by_id[item["message_id"]] = item
                self.outcomes[item["message_id"]] = PENDING
                self._unanswered[item["message_id"]] = None
            case "lost":
                self.subjects.pop(entry["subject"], None)
                for name in [
                    name for name, item in self._by_id.items() if item["subject"] == entry["subject"]
                ]:
                    self.outcomes.pop(name, None)
                    self._unanswered.pop(name, None)
                self.history.pop(entry["subject"], None)
            case outcome:
                self.outcomes[entry["message_id"]] = outcome
                self.reasons[entry["message_id"]] = entry.get("reason", "")
                if outcome == ACCEPTED:
                    self._stand(self._by_id[entry["message_id"]])

    def _stand(self, item: Item) -> None:
        told = self.history.setdefault(item["subject"], [])
        if told and item["sequence"] <= told[-1]:
            self.disorder.append(item["message_id"])
            return
        told.append(item["sequence"])
        self.subjects[item["subject"]] = item


def _read_lines(path: Path) -> list[Item]:
    if not path.exists():
        return []
    found = []
    for line in path.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:  # the line that a kill cut short
            continue
    return found
