"""The patterns by the rule that should find each, with how many classes a case of it takes."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from infra.province.builder import Builder
from infra.province.fraud import check_ins, classes, persons
from infra.province.labels import Case, Strength


class Pattern(NamedTuple):
    """How a case is made, and how many classes it is made of, about."""

    make: Callable[[Builder, Strength], Case]
    classes_a_case: float


PATTERNS: Mapping[str, Pattern] = {
    "ineligible_at_date": Pattern(persons.ineligible_at_date, 1),
    "repeat_subsidy": Pattern(persons.repeat_subsidy, 2.3),
    "lesson_overlap": Pattern(persons.lesson_overlap, 2),
    "trainer_or_room_overlap": Pattern(classes.trainer_or_room_overlap, 2),
    "shared_device": Pattern(check_ins.shared_device, 1),
    "identical_coordinates": Pattern(check_ins.identical_coordinates, 1),
    "impossible_travel": Pattern(check_ins.impossible_travel, 2),
    "mock_location": Pattern(check_ins.mock_location, 1),
    "check_in_burst": Pattern(check_ins.check_in_burst, 1),
    "footage_gap": Pattern(classes.footage_gap, 1),
    "early_scores": Pattern(classes.early_scores, 1),
    "uniform_scores": Pattern(classes.uniform_scores, 1),
    "idle_voucher": Pattern(classes.idle_voucher, 1),
    "shared_phone_or_account": Pattern(persons.shared_phone_or_account, 1),
    "claim_burst": Pattern(classes.claim_burst, 6),
    "offline_check_ins": Pattern(check_ins.offline_check_ins, 1),
    "make_up_share": Pattern(check_ins.make_up_share, 1),
}
