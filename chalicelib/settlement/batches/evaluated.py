"""What was evaluated before it is paid: supervision is asked, and its answer stands in the sealing write.

0:35    classes A, B, C are due. A and B are evaluated for this night, C is not: A and B are sealed
        C is asked for, and sealing comes again after some seconds, a minute, and later
1:50    C is still not evaluated: it stays due for the next night, and is reported
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.aws.writes import Check
from chalicelib.kernel.calendar import night_of
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context

evaluated_classes: Port[..., Mapping[str, Sequence[Check]]] = Port("evaluated_classes")
"""`(context, class_ids, since, last=)`: tells which classes were evaluated whole since a moment.

Each comes with the checks that hold it in a write. `last` where nothing more is waited for."""
ask_for_evaluation: Port[..., None] = Port("ask_for_evaluation")
"""`(context, class_ids, since, lost=)`: asks for the evaluation of classes.

With `lost`, of those as well that are asked for already."""
not_evaluated: Port[[Context, Collection[str]], None] = Port("not_evaluated")
"""Reports classes that are due and stay so, since they were not evaluated."""


@dataclass(frozen=True)
class Look:
    """What sealing goes by: classes evaluated since a moment; `missing` were due, and were not evaluated."""

    context: Context
    since: datetime
    last: bool = False
    missing: set[str] = field(default_factory=set)

    @classmethod
    def of_the_night(cls, context: Context, *, last: bool = False) -> "Look":
        """Go by the evaluations of the night in which this is."""
        return cls(context, night_of(context.now), last)

    def at(self, class_ids: Collection[str]) -> Mapping[str, Sequence[Check]]:
        """Give those of some classes that may be sealed, with their checks; note the others."""
        seen = evaluated_classes(self.context, class_ids, self.since, last=self.last) if class_ids else {}
        self.missing.difference_update(seen)
        self.missing.update(set(class_ids) - seen.keys())
        return seen


def looked_at(look: Look | None, class_ids: Collection[str]) -> Mapping[str, Sequence[Check]]:
    """Give the classes that may be sealed by a look; without one, all of them: nothing is sealed by that."""
    return look.at(class_ids) if look is not None else dict.fromkeys(class_ids, ())
