"""The register of rules: the one place where each stands, in the order of the design's table."""

from collections.abc import Sequence

from chalicelib.supervision.rules.dossier import Dossier, VoucherDossier
from chalicelib.supervision.rules.rule import Rule

CLASS_RULES: Sequence[Rule[Dossier]] = ()
VOUCHER_RULES: Sequence[Rule[VoucherDossier]] = ()
