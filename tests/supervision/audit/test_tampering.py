"""Of 1,000 random single tamperings with a chain of 1,000 records, every one is found."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from chalicelib.supervision.audit.model import (
    AuditRecord,
    ChainBreak,
    ChainHead,
    Walk,
    first_bad,
    head_after,
    link,
)

CHAIN = "3401"
RECORDS = 1_000
TAMPERINGS = 1_000
START = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)


def relinked(records: list[AuditRecord], *, start: int) -> list[AuditRecord]:
    """Compute every digest from a place on anew, as someone would who knows how."""
    head = head_after(records[start - 1]) if start else ChainHead(chain=CHAIN)
    kept = records[:start]
    for record in records[start:]:
        kept.append(link(record, head))
        head = head_after(kept[-1])
    return kept


def a_record(number: int) -> AuditRecord:
    return AuditRecord(
        subject=f"vch_{number % 97:04d}",
        entry=f"{number:08d}",
        chain=CHAIN,
        seq=0,
        table="vouchers",
        division="340111",
        at=START + timedelta(minutes=number),
        actor=f"acc_{number % 7}",
        role="clerk",
        action="voucher.revoke",
        request_id=f"req_{number}",
        reason="why" if number % 3 else None,
        before={"status": "issued", "n": number},
        after={"status": "revoked", "n": number},
    )


CHAIN_OF_1000 = relinked([a_record(number) for number in range(RECORDS)], start=0)
HEAD = head_after(CHAIN_OF_1000[-1])
ROOTS = [head_after(CHAIN_OF_1000[place]) for place in range(99, RECORDS, 100)]

Tampered = tuple[list[AuditRecord], ChainHead, int, int | None]
"""Records, head, and the bad number that must be named: exactly, or at the earliest."""


def _other(value: Any, dice: random.Random) -> Any:
    match value:
        case None:
            return "because"
        case str():
            place = dice.randrange(len(value))
            return value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
        case int():
            return value + dice.choice((-1, 1))
        case datetime():
            return value + timedelta(microseconds=dice.choice((-1, 1)))
        case dict():
            name = dice.choice(sorted(value))
            return {**value, name: _other(value[name], dice)}
    raise AssertionError(value)


def _sure(place: int) -> int:
    """Give the earliest number to be named: where a root is sealed, the root speaks before the next record."""
    return place // 100 * 100 + 1 if (place + 1) % 100 == 0 else place + 1


def edit(dice: random.Random) -> Tampered:
    records, place = list(CHAIN_OF_1000), dice.randrange(RECORDS)
    field = dice.choice([name for name in AuditRecord.__struct_fields__ if name != "seq"])
    old = records[place]
    records[place] = msgspec.structs.replace(old, **{field: _other(getattr(old, field), dice)})
    return records, HEAD, place + 1, place + 1


def edit_and_rehash(dice: random.Random) -> Tampered:
    """The edited record's own digest is right again; the next one's is not."""
    records, place = list(CHAIN_OF_1000), dice.randrange(RECORDS - 1)
    forged = msgspec.structs.replace(records[place], actor="acc_innocent")
    records[place] = link(forged, head_after(records[place - 1]) if place else ChainHead(chain=CHAIN))
    return records, HEAD, _sure(place), place + 2


def delete(dice: random.Random) -> Tampered:
    place = dice.randrange(RECORDS)
    return CHAIN_OF_1000[:place] + CHAIN_OF_1000[place + 1 :], HEAD, place + 1, place + 1


def insert(dice: random.Random) -> Tampered:
    """A forged record, well linked to the one before it, under the number of the one after."""
    place = dice.randrange(1, RECORDS)
    forged = link(a_record(dice.randrange(RECORDS, 10_000)), head_after(CHAIN_OF_1000[place - 1]))
    return [*CHAIN_OF_1000[:place], forged, *CHAIN_OF_1000[place:]], HEAD, _sure(place), place + 2


def repeat(dice: random.Random) -> Tampered:
    place = dice.randrange(RECORDS)
    return CHAIN_OF_1000[: place + 1] + CHAIN_OF_1000[place:], HEAD, place + 1, place + 2


def swap(dice: random.Random) -> Tampered:
    """Two records change places, and their numbers."""
    records = list(CHAIN_OF_1000)
    one, other = sorted(dice.sample(range(RECORDS), 2))
    first, second = records[one], records[other]
    records[one] = msgspec.structs.replace(second, seq=first.seq)
    records[other] = msgspec.structs.replace(first, seq=second.seq)
    return records, HEAD, one + 1, one + 1


def truncate(dice: random.Random) -> Tampered:
    kept = dice.randrange(RECORDS)
    return CHAIN_OF_1000[:kept], HEAD, kept + 1, kept + 1


def truncate_with_its_head(dice: random.Random) -> Tampered:
    kept = dice.randrange(1, RECORDS)
    return CHAIN_OF_1000[:kept], head_after(CHAIN_OF_1000[kept - 1]), kept + 1, kept + 1


def rewrite(dice: random.Random) -> Tampered:
    """Everything from the edited record on is computed anew, the head too: only the roots know."""
    records, place = list(CHAIN_OF_1000), dice.randrange(RECORDS)
    records[place] = msgspec.structs.replace(records[place], reason="nothing")
    records = relinked(records, start=place)
    return records, head_after(records[-1]), place // 100 * 100 + 1, place + 1


def drop_and_renumber(dice: random.Random) -> Tampered:
    place = dice.randrange(RECORDS)
    records = relinked(CHAIN_OF_1000[:place] + CHAIN_OF_1000[place + 1 :], start=place)
    head = head_after(records[-1])
    return records, head, place // 100 * 100 + 1, RECORDS


KINDS = (
    edit,
    edit_and_rehash,
    delete,
    insert,
    repeat,
    swap,
    truncate,
    truncate_with_its_head,
    rewrite,
    drop_and_renumber,
)


def test_an_untouched_chain_holds() -> None:
    assert first_bad(CHAIN, CHAIN_OF_1000, HEAD, roots=ROOTS) is None
    assert first_bad(CHAIN, [], ChainHead(chain=CHAIN)) is None


@pytest.mark.parametrize("part", range(4))
def test_each_of_1000_random_tamperings_is_found_and_named(part: int) -> None:
    tamperings: Counter[str] = Counter()
    for number in range(part, TAMPERINGS, 4):
        dice = random.Random(number)
        kind = dice.choice(KINDS)
        records, head, earliest, latest = kind(dice)
        bad = first_bad(CHAIN, records, head, roots=ROOTS)
        assert bad is not None, (number, kind.__name__)
        assert earliest <= bad.seq <= (latest or RECORDS), (number, kind.__name__, bad)
        tamperings[kind.__name__] += 1
    assert tamperings.total() == TAMPERINGS // 4
    assert len(tamperings) == len(KINDS), "every kind has its turn"


def test_without_roots_a_rewritten_chain_would_pass() -> None:
    """What the daily root is for."""
    records = relinked(
        [msgspec.structs.replace(CHAIN_OF_1000[0], actor="acc_innocent"), *CHAIN_OF_1000[1:]], start=0
    )
    head = head_after(records[-1])
    assert first_bad(CHAIN, records, head) is None
    assert first_bad(CHAIN, records, head, roots=ROOTS) == ChainBreak(1, None)


def test_a_walk_goes_on_where_it_stopped() -> None:
    half = head_after(CHAIN_OF_1000[499])
    walk = Walk(CHAIN, roots=ROOTS, at=half)
    assert all(walk.follow(record) for record in CHAIN_OF_1000[500:])
    assert walk.end(HEAD) is None
    wrong = Walk(CHAIN, at=ChainHead(chain=CHAIN, seq=500, hash="0" * 64))
    assert not wrong.follow(CHAIN_OF_1000[500])
