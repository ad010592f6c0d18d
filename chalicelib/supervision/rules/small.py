"""Classes too small to show anything in one lesson: judged over all their lessons together.

Six people within ten seconds may be chance, or a teacher who calls them. In half of all lessons, lesson after
lesson, it is as little chance as thirty people once. So what one lesson of a crowd has to show, half of the
lessons of a small class show together: as many check-ins, in three lessons at least.

An example: a class of six has twelve lessons. In seven of them all six check in within ten seconds: 42
check-ins, where two lessons of a crowd of eight are sixteen.
"""

from collections.abc import Sequence
from math import ceil

from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.rules.dossier import Dossier

LESSONS_MIN = 3
_OFTEN = 0.5


def is_small(dossier: Dossier, limits: Thresholds) -> bool:
    """Tell whether a class is no crowd, and large enough to be judged at all."""
    return limits.small_people <= len(dossier.trainees) < limits.scatter_people


def is_enough(shown: Sequence[int], lessons: int, limits: Thresholds) -> bool:
    """Tell whether lessons that show something are enough; `shown` counts the check-ins of each."""
    often = len(shown) >= max(LESSONS_MIN, ceil(_OFTEN * lessons))
    return often and sum(shown) >= limits.small_check_ins
