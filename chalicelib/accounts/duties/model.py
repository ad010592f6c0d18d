"""A person's posts: one duty at a time, a new one from the next day, and whose hands count as theirs."""

from datetime import date, datetime, timedelta

import msgspec

from chalicelib.accounts.model import Account
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import covers
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Change, Role
from chalicelib.kernel.reasons import error

KEPT_APART = frozenset({Role.CLERK, Role.REVIEWER, Role.FINANCE, Role.SUPERVISOR})
"""Of these a person holds at most one in divisions of which one covers the other."""
TIE = timedelta(days=30)
"""So long who made or reset the account of a decider has a hand in what that account decides."""


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One account of a person; `ended_at` once it was switched off or lapsed."""

    account: str
    role: Role
    division: str
    ended_at: datetime | None = None


class Tie(msgspec.Struct, frozen=True, kw_only=True):
    """Another person whose doing counts as this one's, until a moment."""

    holder: str
    until: datetime


class Duties(msgspec.Struct, frozen=True, kw_only=True):
    """What one person holds and held. `holder` is the person key, or the account's id where there is none.

    `programs` are the software that they asked for, or that named them: what it did counts as theirs.
    `makers` are those who made, confirmed or reset an account of theirs, of whatever role: they decide on no
    program that this person asks for.
    """

    holder: str
    posts: list[Post] = []
    ties: list[Tie] = []
    programs: list[str] = []
    makers: list[Tie] = []
    version: int = 0
    last_change: Change | None = None


def own_hands(duties: Duties) -> frozenset[str]:
    """Give the ids under which this very person acts or acted, as a trainee too."""
    return frozenset({duties.holder, *(post.account for post in duties.posts)})


def with_programs(duties: Duties) -> frozenset[str]:
    """Give a person's ids and those of the programs that acted for them."""
    return own_hands(duties).union(duties.programs)


def acted_through(duties: Duties, program: str) -> Duties:
    """Give the duties of a person for whom a program acts, or who asked for it: for good."""
    return msgspec.structs.replace(duties, programs=sorted({*duties.programs, program}))


def tied_to(duties: Duties, now: datetime) -> list[str]:
    """List the people whose doing counts as this person's now."""
    return sorted({tie.holder for tie in duties.ties if now < tie.until} - {duties.holder})


def made_by(duties: Duties, maker: str, now: datetime) -> Duties:
    """Give the duties of a person for whom another made, confirmed or reset an account."""
    if maker == duties.holder:
        return duties
    kept = [tie for tie in duties.makers if tie.holder != maker and now < tie.until]
    return msgspec.structs.replace(duties, makers=[*kept, Tie(holder=maker, until=now + TIE)])


def makers_of(duties: Duties, now: datetime) -> list[str]:
    """List those by whose hands this person has an account, for as long as it counts."""
    return sorted({tie.holder for tie in duties.makers if now < tie.until})


def _apart(one: Role, other: Role) -> bool:
    """Tell whether nobody has both over one place.

    A bureau judges the classes and claims of its institutions, so none of its people is on their staff.
    """
    return one is not other and ({one, other} <= KEPT_APART or Role.INSTITUTION in (one, other))


def _in_conflict(duties: Duties, account: Account) -> list[Post]:
    return [
        post
        for post in duties.posts
        if post.account != account.id
        and _apart(post.role, account.role)
        and (covers(post.division, account.division) or covers(account.division, post.division))
    ]


def why_not_take(duties: Duties, account: Account) -> DomainError | None:
    """Tell what stands against giving a person this account: another duty that they hold over the same place.

    Example: 甲 is reviewer of 合肥 (3401). They cannot be a clerk of 合肥, of 包河区 (340111)
    or of the province's bureau (34) beside it; they can be a clerk of 芜湖 (3402). `store` holds it under
    races by the version.
    """
    held = next((post for post in _in_conflict(duties, account) if post.ended_at is None), None)
    return None if held is None else error("duty_held", division=held.division)


def works_from(duties: Duties, account: Account, today: date) -> date | None:
    """Give the day from which the account works: the day after another duty ended; None if it does now."""
    ended = [post.ended_at for post in _in_conflict(duties, account) if post.ended_at is not None]
    if not ended or (first := shanghai_date(max(ended)) + timedelta(days=1)) <= today:
        return None
    return first


def taken(duties: Duties, account: Account) -> Duties:
    """Give the duties of a person who has this account now, or has it again."""
    post = Post(account=account.id, role=account.role, division=account.division)
    others = [other for other in duties.posts if other.account != account.id]
    return msgspec.structs.replace(duties, posts=[*others, post])


def ended(duties: Duties, account_id: str, now: datetime) -> Duties:
    """Give the duties of a person whose account was switched off."""
    posts = [
        msgspec.structs.replace(post, ended_at=now)
        if post.account == account_id and post.ended_at is None
        else post
        for post in duties.posts
    ]
    return msgspec.structs.replace(duties, posts=posts)


def tied(duties: Duties, other: str, now: datetime) -> Duties:
    """Give the duties of a person whom another's making or resetting of an account ties to them."""
    if other == duties.holder:
        return duties
    kept = [tie for tie in duties.ties if tie.holder != other and now < tie.until]
    return msgspec.structs.replace(duties, ties=[*kept, Tie(holder=other, until=now + TIE)])
