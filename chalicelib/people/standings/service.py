"""What cross-match lists say of people (step 3), asked as of any day."""

from collections.abc import Collection, Iterable, Mapping

from chalicelib.kernel.ids import PersonKey
from chalicelib.people.standings import store
from chalicelib.people.standings.model import Standings


def standings_of(person_keys: Iterable[PersonKey]) -> dict[PersonKey, Standings]:
    """Read what lists say of people, 100 a call; whoever is on no list is left out.

    Ask a `Standing` whether it `counts_on` a day, e.g. the first day of a class.
    """
    listed = store.find_standings(dict.fromkeys(person_keys))
    return {standings.person_key: standings for standings in listed}


def people_with_news(
    person_keys: Collection[PersonKey], before: Mapping[PersonKey, Standings]
) -> set[PersonKey]:
    """Tell of which people lists say something new since they were read."""
    return {
        key
        for key, known in standings_of(person_keys).items()
        if key not in before or before[key].version != known.version
    }
