"""What is sealed where, and how a table or a folder of objects is walked to seal it anew.

Every sealed attribute of every table stands here with the item it is sealed for; a test proves that none is
missing. Of sealed objects those are walked that are kept. The others (rows of uploaded lists) are gone after
thirty days, so the KMS key before must stay enabled so long.
"""

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any, Final

from chalicelib.accounts.persons.store import PersonIndexRow
from chalicelib.aws import crypto, objects
from chalicelib.aws.settings import settings
from chalicelib.aws.table import table_named
from chalicelib.aws.writes import ConditionFailed, insert, update
from chalicelib.kernel.principal import Change

PAGE_ITEMS: Final = 100
PURPOSE: Final = "seal with the new key"
SEALED: Final[Mapping[str, Mapping[str, str]]] = {
    "person-index": {"sealed": "person-index:{person_key}"},
    "people": {"sealed": "person:{person_key}"},
    "institutions": {"sealed_bank_account": "institution:{uscc}"},
    "payee-accounts": {"sealed_number": "payee-account:{institution}:{id}"},
    "classes": {"trainers[].sealed": "trainer:{id}:{person_key}"},
    "objections": {"sealed_reason": "{id}", "sealed_contact": "{id}"},
    "settlement-payees": {"sealed_account": "payee:{batch_id}:{institution}"},
    "accounts": {"sealed_name": "{id}", "sealed_totp": "totp:{id}"},
}
"""Table → attribute → item. `a[].b` is the attribute `b` of every element of the list `a`."""
SEALED_OBJECTS: Final = ("payment-files/",)
"""Folders of the evidence bucket whose objects are kept; each is sealed for its own name."""
NOT_RESEALED: Final = frozenset({("idempotency", "sealed_body")})
"""First answers live a day."""


def page_of_rows(name: str, after: dict[str, Any] | None) -> tuple[list[Any], dict[str, Any] | None]:
    """Read the next rows of a table, and where to go on.

    The one scan of the program: every row read is to be written, so no index could read fewer.
    """
    rows = table_named(name).scan(
        limit=PAGE_ITEMS, page_size=PAGE_ITEMS, last_evaluated_key=after, consistent_read=True
    )
    page = list(rows)
    return page, rows.last_evaluated_key


def reseal(name: str, row: Any, *, facts: Mapping[str, Any], change: Change) -> bool:
    """Seal a row's values with the current data key and set these facts with them.

    Gives False where there was nothing to do: no sealed value, or somebody has just written the row, and so
    with the current key.
    """
    table: Any = table_named(name)
    values: dict[str, Any] = {}
    for path, item in SEALED[name].items():
        attribute, _, part = path.partition("[].")
        old = getattr(row, attribute)
        if not old:
            continue
        known = row.attribute_values
        values[attribute] = (
            [
                {**element, part: crypto.reseal(element[part], item=item.format_map({**known, **element}))}
                for element in old
            ]
            if part
            else crypto.reseal(old, item=item.format_map(known))
        )
    if not values:
        return False
    unchanged = [getattr(table, attribute) == getattr(row, attribute) for attribute in values]
    condition = functools.reduce(operator.and_, unchanged)
    actions = [getattr(table, attribute).set(value) for attribute, value in {**values, **facts}.items()]
    key = tuple(getattr(row, name) for name in table.key_names())
    try:
        update(table, key, actions, condition=condition, change=change)
    except ConditionFailed:
        return False
    return True


def page_of_objects(folder: str, after: dict[str, Any] | None) -> tuple[list[str], dict[str, Any] | None]:
    """Give the next names of a folder of sealed objects, and where to go on."""
    names, last = objects.keys_under(
        settings().evidence_bucket, folder, after=after["name"] if after else None, limit=PAGE_ITEMS
    )
    return names, {"name": last} if last is not None else None


def reseal_object(name: str) -> bool:
    """Put an object, sealed with the current data key, over what it was; it stays locked until the same day.

    Gives False where no version is what was sealed for this name. The versions before stay as they are, under
    the key before: nobody needs them.
    """
    bucket = settings().evidence_bucket
    for version in objects.versions_under(bucket, name):
        raw = objects.read_object(bucket, name, version.version)
        stored = objects.describe_object(bucket, name, version.version)
        if raw is None or stored is None or stored.retained_until is None:
            continue
        try:
            sealed = crypto.reseal(raw.decode(), item=name)
        except (crypto.CannotOpen, UnicodeDecodeError):
            continue
        objects.write_locked(
            bucket,
            name,
            sealed.encode(),
            until=stored.retained_until,
            content_type=stored.content_type,
            mode="GOVERNANCE",
        )
        return True
    return False


def reindex(row: PersonIndexRow, digests: Sequence[str]) -> None:
    """Move an index row to the current key's digest, first of these; a repeat after a crash goes on."""
    fresh: Any = PersonIndexRow(digests[0], person_key=row.person_key)
    fresh.sealed = crypto.reseal(
        row.sealed, item=SEALED["person-index"]["sealed"].format_map(row.attribute_values)
    )
    try:
        insert(fresh)
    except ConditionFailed as failure:
        if failure.old is None or failure.old.person_key != row.person_key:
            raise
    row.delete()
