"""What a lookup by ID number finds of a person, as far as the caller may see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chalicelib.enrolments.model import Enrolment
from chalicelib.kernel.divisions import group_of
from chalicelib.kernel.ids import ClassId, PersonKey
from chalicelib.people.standings.model import Standings
from chalicelib.people.vault.model import Person
from chalicelib.vouchers.model import Voucher

NOBODY = PersonKey("prs_unknown")
"""For whom a number is that nobody here has: all such lookups are one subject, and no number is kept."""


def lookups_on(day: date, division: str) -> str:
    """Name a day's lookups of a city and its counties, as the audit lists them: who, whom, what for.

    A list of a day, so that none grows without end; who reads it sees of it what their own area did.
    """
    return f"lookups_{group_of(division)}_{day.isoformat()}"


@dataclass(frozen=True)
class ListedIn:
    """A list that names a person, and what it says of them; a list of graduates says nothing else."""

    import_id: str
    situation: str | None = None


@dataclass(frozen=True)
class Found:
    """What is there of a person; nothing at all looks the same whoever they are."""

    vouchers: Sequence[Voucher] = ()
    enrolments: Sequence[Enrolment] = ()
    lists: Sequence[ListedIn] = ()
    listed_as: Person | None = None

    @property
    def person_key(self) -> PersonKey | None:
        """Give who it is; None where nothing of theirs is there, known elsewhere or not."""
        if self.vouchers:
            return self.vouchers[0].person_key
        if self.enrolments:
            return self.enrolments[0].person_key
        return self.listed_as.person_key if self.listed_as is not None else None

    @property
    def masks(self) -> tuple[str, str] | None:
        """Give their name and number, masked."""
        if self.vouchers:
            return self.vouchers[0].holder_name, self.vouchers[0].holder_id_number
        if self.enrolments:
            return self.enrolments[0].trainee_name, self.enrolments[0].trainee_id_number
        return (self.listed_as.masked_name, self.listed_as.masked_id_number) if self.listed_as else None

    @property
    def class_ids(self) -> list[ClassId]:
        """Name the classes of their enrolments, each once."""
        return list(dict.fromkeys(one.class_id for one in self.enrolments if one.class_id is not None))


def lists_naming(person: Person | None, standings: Standings | None) -> list[ListedIn]:
    """Name the lists that a person came with, and those that say something of them, each situation once."""
    graduates = [ListedIn(person.import_id)] if person is not None else []
    said = standings.standings if standings is not None else []
    crossed = (ListedIn(standing.import_id, standing.situation.value) for standing in said)
    return [*graduates, *dict.fromkeys(crossed)]
