"""Programs in the table of accounts: rows with `software`, without a person or a password."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pynamodb.expressions.condition import Condition

from chalicelib.accounts.clients.model import CLIENT_TRANSITIONS
from chalicelib.accounts.model import Account, Software
from chalicelib.accounts.store import (
    AccountRow,
    accounts_of,
    find_account,
    listings,
    not_past,
    refuse_past,
)
from chalicelib.aws.short_lists import listing, short_lists
from chalicelib.aws.writes import (
    Check,
    ConditionFailed,
    Put,
    Write,
    lawful,
    none_of,
    transact,
    transition,
    update,
)
from chalicelib.kernel.principal import Change, Hands


def find(client_id: str) -> Account | None:
    """Read a program; None also of a person's account."""
    client = find_account(client_id)
    return client if client is not None and client.software is not None else None


def of_institution(institution: str) -> list[Account]:
    """Read an institution's programs."""
    return [account for account in accounts_of(institution) if account.software is not None]


def ask(client: Account, before: Account | None, change: Change, *, beside: Sequence[Write] = ()) -> None:
    """Put a program forward; `before` is the one of its name that is over.

    Raises:
        ConditionFailed: another call was faster.

    """
    unchanged: Condition | None = None
    if before is not None:
        sources = CLIENT_TRANSITIONS.sources("ask_again")
        unchanged = lawful(AccountRow, sources=sources, version=before.version)
    own = Put(AccountRow.from_record(client), unchanged)
    told = [listing(_told_of(owner_of(client)), client.id, at=change.at)] if _is_told(client) else []
    transact([own, *beside, *listings(client, change), *told], change=change)


def _is_told(client: Account) -> bool:
    return client.software is not None and client.software.webhook is not None


def _told_of(owner: str) -> str:
    return f"webhook#{owner}"


def owner_of(client: Account) -> str:
    """Name whose program it is: an institution, or the division of a bureau."""
    return client.institution or client.division


def is_there_still(client: Account) -> Check:
    """Require that a program belongs where it was read, in the write that lists something of it there."""
    return Check(AccountRow, (client.id,), AccountRow.division == client.division)


def told_of(owners: Iterable[str]) -> list[Account]:
    """Read the programs of some owners that have a webhook, confirmed or not: two calls at most.

    A list names no more than an owner may have names of programs, so nobody takes off what is over.
    """
    wanted = set(owners)
    named = {thing for one in short_lists(map(_told_of, sorted(wanted))) for thing in one.things}
    found = AccountRow.find_many(sorted(named))
    return [client for client in found if _is_told(client) and owner_of(client) in wanted]


def decide(
    client: Account,
    action: str,
    *,
    version: int,
    by: str,
    hands: Hands,
    software: Software,
    good_until: datetime,
    change: Change,
) -> Account:
    """Confirm or refuse a program that waits, never by who asked: the truth of what `model.why_not` told.

    Whatever token a program of this name had before is out.

    Raises:
        NotFound, Refused: see `transition`.
        ConditionFailed: it is the caller's own doing, or its time is over.

    """
    row: Any = AccountRow
    actions = [row.proposed_until.remove(), row.password_set_at.set(datetime.now(UTC))]
    if action == "confirm":
        actions += [
            row.confirmed_by.set(by),
            row.confirmed_version.set(version),
            row.software.set(software),
            row.good_until.set(good_until),
        ]
    return transition(
        AccountRow,
        (client.id,),
        sources=CLIENT_TRANSITIONS.sources(action),
        target=CLIENT_TRANSITIONS.target(action),
        version=version,
        change=change,
        actions=actions,
        also=none_of(AccountRow.proposed_by, hands) & (AccountRow.proposed_until > change.at),
    )


def revoke(client: Account, *, version: int, change: Change) -> Account:
    """Switch a program off, whatever it did meanwhile: its tokens stop as those of an account do.

    Raises:
        NotFound, Refused: see `refuse_past`.

    """
    sources = CLIENT_TRANSITIONS.sources("revoke")
    try:
        return transition(
            AccountRow,
            (client.id,),
            sources=sources,
            target=CLIENT_TRANSITIONS.target("revoke"),
            version=None,
            change=change,
            actions=[AccountRow.proposed_until.remove()],
            also=not_past(version),
        )
    except ConditionFailed as failure:
        refuse_past(failure.old, sources=sources, version=version)
        raise


def rotate(client: Account, software: Software, *, change: Change) -> Account:
    """Change a program's keys; a token that was got by one that is retired is out.

    Raises:
        NotFound, Refused: see `transition`.
        ConditionFailed: it changed since it was read.

    """
    row: Any = AccountRow
    return transition(
        AccountRow,
        (client.id,),
        sources=CLIENT_TRANSITIONS.sources("rotate"),
        target=CLIENT_TRANSITIONS.target("rotate"),
        version=None,
        change=change,
        actions=[row.software.set(software)],
        also=row.version == client.version,
    )


def note_use(client: Account, *, good_until: datetime, change: Change) -> None:
    """Note that a program is in use today; whoever changed it meanwhile, it counts with the next sign-in."""
    try:
        update(
            AccountRow,
            (client.id,),
            [AccountRow.used_at.set(change.at), AccountRow.good_until.set(good_until)],
            condition=lawful(
                AccountRow, sources=CLIENT_TRANSITIONS.sources("rotate"), version=client.version
            ),
            change=change,
        )
    except ConditionFailed:
        return
