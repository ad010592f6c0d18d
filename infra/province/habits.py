"""How a province's people and machines are, which nobody knows to a figure: each seed draws its own."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Habits:
    """Shares of classes, or of single events, in which something honest but odd happens."""

    bus_group: float
    teacher_calls: float
    siblings_share_phone: float
    caching_building: float
    phone_replaced: float
    phone_lent: float
    network_outage: float
    recording_lost: float
    very_good_class: float
    interim_marks: float
    receivers_off: float
    """How much worse, or better, receivers are than those that were measured."""


def draw_habits(rng: Random) -> Habits:
    """Draw a province's habits."""
    return Habits(
        bus_group=rng.uniform(0.05, 0.2),
        teacher_calls=rng.uniform(0.03, 0.12),
        siblings_share_phone=rng.uniform(0.01, 0.06),
        caching_building=rng.uniform(0.1, 0.35),
        phone_replaced=rng.uniform(0.001, 0.004),
        phone_lent=rng.uniform(0.0005, 0.0025),
        network_outage=rng.uniform(0.003, 0.015),
        recording_lost=rng.uniform(0.002, 0.007),
        very_good_class=rng.uniform(0.05, 0.2),
        interim_marks=rng.uniform(0.05, 0.3),
        receivers_off=rng.uniform(0.7, 1.5),
    )
