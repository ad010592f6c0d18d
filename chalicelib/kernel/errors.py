"""The errors a rule of the service can raise.

An error carries a stable code and the facts behind it, never an HTTP status: the one mapping from
error to status is in `chalicelib.edge.problems`, and the sentences people read are in
`chalicelib.kernel.reasons`, whose `error(code)` is the one way to make one. The classes are caught by name.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

Fact = str | int | float | bool | None


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input: a field of a JSON body, or a cell of a sheet.

    `row` is the line number as the clerk sees it in the sheet, `column` the header as uploaded; `form` names
    the sentence of `kernel.reasons.FORMS` that says which form is wanted, and `facts` fill a sentence in.
    """

    code: str
    field: str | None = None
    row: int | None = None
    column: str | None = None
    form: str | None = None
    facts: Mapping[str, Fact] = dataclasses.field(default_factory=dict, hash=False)

    @property
    def told(self) -> Mapping[str, Fact]:
        """Give the facts for its sentence: those of its place that it has, and its own.

        A sentence that names a field names the column of what stands in a sheet, and the other way round:
        `Fault("wrong_type", column="课时")` reads "课时 has the wrong type or format".
        """
        place: dict[str, Fact | None] = {
            "field": self.field if self.field is not None else self.column,
            "column": self.column if self.column is not None else self.field,
            "row": self.row,
        }
        return {name: fact for name, fact in place.items() if fact is not None} | dict(self.facts)


class DomainError(Exception):
    """A rule of the service said no; `is_recorded` once evidence of the attempt is kept."""

    is_recorded = False

    def __init__(self, code: str, *, faults: tuple[Fault, ...] = (), **facts: Fact) -> None:
        """Keep the stable code, the facts for the sentence, and every fault found."""
        super().__init__(code)
        self.code = code
        self.faults = faults
        self.facts = facts


class Unauthenticated(DomainError):
    """No token, or one that proves nothing; `is_of_token` once it is known that one was sent."""

    is_of_token = False


class Forbidden(DomainError):
    """The caller is known, but this role may not do this, or not on their own work."""


class Malformed(DomainError):
    """The form of the request is wrong; `faults` names every place."""


class NotFound(DomainError):
    """Unknown, or outside the caller's area: the two are not told apart."""


class NotAllowed(DomainError):
    """The address is known, but not with this method; `allowed` among the facts names those it has."""


class Refused(DomainError):
    """The state of things refuses this now."""


class Impossible(DomainError):
    """Well-formed, but it cannot be: facts contradict each other."""


class TooLarge(DomainError):
    """The body or file is over the limit."""


class UnsupportedType(DomainError):
    """The content type is none that this endpoint reads."""


class TooMany(DomainError):
    """Too many attempts; `retry_after_seconds` is among the facts."""


class Unavailable(DomainError):
    """Something this needs does not answer now; trying again is right."""
