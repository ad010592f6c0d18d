"""A night's figures, kept as the worker keeps them: one message a group of areas."""

from datetime import datetime
from typing import Any

from chalicelib.kernel.divisions import PROVINCE, groups_below
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.supervision.nightly.service import keep_figures

SYSTEM = Principal(actor="system:test", role=Role.SYSTEM, division="34")


def run_night(now: datetime, *, only: Any = None) -> int:
    """Keep the figures of every group of areas, or of some; gives how many were kept."""
    context = Context(principal=SYSTEM, now=now, request_id="req_night")
    return sum(keep_figures(context, group) for group in (only or groups_below(PROVINCE)))
