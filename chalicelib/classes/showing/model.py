"""What clients may do with a class, and the right to each."""

from collections.abc import Mapping

ACTION_RIGHTS: Mapping[str, str] = {
    "edit": "class.write",
    "submit": "class.submit",
    "approve": "class.approve",
    "return": "class.return",
    "cancel": "class.cancel",
    "cancel_approve": "class.approve_cancel",
    "cancel_refuse": "class.refuse_cancel",
    "roster": "roster.write",
    "change": "class.change",
    "change_approve": "class.approve_change",
    "change_reject": "class.reject_change",
    "change_withdraw": "class.withdraw_change",
    "completion_submit": "completion.submit",
    "completion_approve": "completion.approve",
    "completion_return": "completion.return",
    "scores": "scores.write",
    "claim": "subsidy_claim.submit",
    "close": "class.close",
}
"""What clients may do with a class, in the order in which it is offered, and the right that each needs."""
