"""The register of rules: the one place where each stands, in the order of the design's table.

`offline_check_ins` and `make_up_share` were found by trying and stand behind them.
"""

from collections.abc import Sequence

from chalicelib.supervision.rules import (
    bursts,
    capacity,
    contacts,
    devices,
    filming,
    idling,
    ineligibility,
    made_up,
    mocking,
    offline,
    overlaps,
    positions,
    repeats,
    scoring,
    travel,
)
from chalicelib.supervision.rules.dossier import Dossier, VoucherDossier
from chalicelib.supervision.rules.rule import Rule

CLASS_RULES: Sequence[Rule[Dossier]] = (
    ineligibility.RULE,
    repeats.RULE,
    overlaps.TRAINEE_RULE,
    overlaps.PLACE_RULE,
    devices.RULE,
    positions.RULE,
    travel.RULE,
    mocking.RULE,
    bursts.RULE,
    filming.RULE,
    scoring.EARLY_RULE,
    scoring.UNIFORM_RULE,
    idling.CLASS_RULE,
    contacts.RULE,
    capacity.RULE,
    offline.RULE,
    made_up.RULE,
)
"""Rules over a class's dossier."""

VOUCHER_RULES: Sequence[Rule[VoucherDossier]] = (idling.VOUCHER_RULE,)
"""Rules over a voucher in no approved class."""

ONLY_ALIKE = frozenset(
    {rule.name for rule in CLASS_RULES if rule.only_alike}
    | {rule.name for rule in VOUCHER_RULES if rule.only_alike}
)
"""Rules whose findings look like cheating and prove none."""

NOT_EVALUATED = "not_evaluated"
"""No rule, but listed as one: a class is due to be paid, and its evaluation did not come to its end."""
