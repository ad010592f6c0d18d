"""What people are subsidised for: the lines that count, each with its claim."""

from collections.abc import Sequence

from chalicelib.kernel.ids import PersonKey
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.model import Claim, Line, claim_of_line, counts, may_count


def counted(lines: Sequence[Line]) -> list[tuple[Line, Claim]]:
    """Pick the lines that count as a subsidy of their person, each with its claim."""
    standing = [line for line in lines if may_count(line)]
    claim_ids = sorted({claim_of_line(line.id) for line in standing})
    claims: dict[str, Claim] = {claim.id: claim for claim in store.find_claims(claim_ids)}
    pairs = [(line, claims.get(claim_of_line(line.id))) for line in standing]
    return [(line, claim) for line, claim in pairs if claim is not None and counts(line, claim)]


def other_subsidies(people: Sequence[PersonKey], claim_id: str) -> dict[PersonKey, list[Line]]:
    """Find what each person is subsidised for beside this claim: a query each, the claims 100 a call."""
    lines: dict[str, Line] = {
        line.id: line
        for person in people
        for line in store.lines_of_person(person)
        if claim_of_line(line.id) != claim_id
    }
    others: dict[PersonKey, list[Line]] = {person: [] for person in people}
    for line, _ in counted(list(lines.values())):
        others[line.person_key].append(line)
    return others
