"""Which operation does what an answer's `allowed_actions` offers.

The names of actions are the words of the rule book and those of operations the API's, so a client is told how
one leads to the other. `tests/architecture/test_offered.py` goes each of these ways in a whole story.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]


@dataclass(frozen=True)
class Offered:
    """One kind of thing: what it is called, the operation of each action, where it is shown and waits."""

    zh: str
    en: str
    actions: Mapping[str, str]
    answers: tuple[str, ...]
    waits_as: tuple[str, ...] = ()


OFFERED: Final[tuple[Offered, ...]] = (
    Offered(
        "班级",
        "class",
        {
            "edit": "edit_class",
            "submit": "submit_class",
            "approve": "approve_class",
            "return": "return_class",
            "cancel": "cancel_class",
            "cancel_approve": "approve_cancellation",
            "cancel_refuse": "refuse_cancellation",
            "roster": "replace_roster",
            "change": "apply_for_change",
            "change_approve": "approve_change",
            "change_reject": "reject_change",
            "change_withdraw": "withdraw_change",
            "completion_submit": "submit_completion",
            "completion_approve": "approve_completion",
            "completion_return": "return_completion",
            "scores": "record_scores",
            "claim": "submit_subsidy_claim",
            "close": "close_class",
        },
        ("ClassAnswer", "ClassSummary"),
        ("class", "completion", "marks", "claim_due"),
    ),
    Offered(
        "变更",
        "change of a class",
        {"approve": "approve_change", "reject": "reject_change", "withdraw": "withdraw_change"},
        ("ChangeAnswer",),
        ("change",),
    ),
    Offered(
        "报名",
        "enrolment",
        {"release": "release_enrolment", "withdraw": "withdraw_enrolment"},
        ("EnrolmentAnswer", "WithdrawnAnswer"),
        ("idle_voucher",),
    ),
    Offered(
        "培训券",
        "voucher",
        {
            "claim": "claim_voucher",
            "show_qr": "show_voucher_qr",
            "revoke": "revoke_voucher",
            "restore": "restore_voucher",
            "confirm_restore": "confirm_voucher_restore",
        },
        ("VoucherAnswer", "RevokedAnswer"),
        ("restoration",),
    ),
    Offered(
        "发放批次",
        "issuance batch",
        {"approve": "approve_issuance_batch", "reject": "reject_issuance_batch"},
        ("IssuanceBatchAnswer",),
        ("issuance_batch",),
    ),
    Offered("导入", "import", {"propose": "propose_issuance_batch"}, ("ImportSummary", "ImportAnswer")),
    Offered(
        "姓名",
        "rename",
        {"confirm": "confirm_rename", "refuse": "refuse_rename"},
        ("RenameAnswer",),
        ("rename",),
    ),
    Offered(
        "承训机构",
        "institution",
        {"suspend": "suspend_institution", "reinstate": "reinstate_institution"},
        ("OwnInstitutionAnswer",),
    ),
    Offered(
        "账号",
        "account",
        {"confirm": "confirm_account", "disable": "disable_account", "reset": "reset_account"},
        ("AccountsAccountAnswer", "InvitationAnswer"),
        ("account",),
    ),
    Offered(
        "软件凭据",
        "program's credential",
        {"confirm": "confirm_client", "refuse": "refuse_client", "revoke": "revoke_client"},
        ("ClientAnswer",),
        ("client",),
    ),
    Offered("事件推送", "webhook", {"redrive": "redrive_webhook"}, ("WebhookAnswer",), ("webhook",)),
    Offered("培训项目计划", "program", {"change_policy": "change_policy"}, ("ProgramAnswer",)),
    Offered(
        "补贴申领",
        "subsidy claim",
        {
            "submit": "submit_subsidy_claim",
            "review": "review_subsidy_claim",
            "approve": "approve_subsidy_claim",
            "withdraw_approval": "withdraw_claim_approval",
            "return": "return_subsidy_claim",
            "reject": "reject_subsidy_claim",
        },
        ("ClaimHead", "ClaimAnswer"),
        ("subsidy_claim", "stopped_claim"),
    ),
    Offered(
        "申领明细",
        "claim line",
        {
            "reject": "reject_claim_line",
            "release": "release_claim_line",
            "correct": "ask_correction",
            "confirm_correction": "confirm_correction",
            "cancel_correction": "cancel_correction",
            "reverse": "ask_reversal",
            "confirm_reversal": "confirm_reversal",
            "cancel_reversal": "cancel_reversal",
            "repay": "ask_repayment",
            "confirm_repayment": "confirm_repayment",
            "cancel_repayment": "cancel_repayment",
        },
        ("SettledLine",),
        ("claim_line",),
    ),
    Offered(
        "结算批次",
        "settlement batch",
        {"export": "export_settlement_batch", "results": "record_payment_results"},
        ("BatchHead", "BatchAnswer"),
        ("settlement_batch",),
    ),
    Offered(
        "放行申请",
        "override",
        {"confirm": "confirm_override", "refuse": "refuse_override"},
        ("OverrideAnswer",),
        ("override",),
    ),
    Offered("异议", "objection", {"resolve": "resolve_objection"}, ("ObjectionAnswer",), ("objection",)),
    Offered(
        "补课",
        "make-up",
        {"approve": "approve_make_up", "reject": "reject_make_up"},
        ("MakeUpAnswer",),
        ("make_up",),
    ),
    Offered(
        "签到",
        "check-in",
        {"accept": "accept_check_in", "reject": "reject_check_in"},
        ("RecordedCheckInAnswer",),
        ("check_in",),
    ),
    Offered(
        "回传报文",
        "delivery",
        {
            "redrive": "redrive_delivery",
            "pass_over": "ask_pass_over",
            "confirm_pass_over": "confirm_pass_over",
        },
        ("DeliveryAnswer",),
        ("delivery",),
    ),
    Offered(
        "收款账户",
        "payee account",
        {"confirm": "confirm_payee", "refuse": "refuse_payee"},
        ("PayeeAnswer",),
        ("payee",),
    ),
    Offered("暂停", "hold", {"release": "release_hold"}, ("HoldRecordAnswer", "PlacedHoldAnswer"), ("hold",)),
    Offered(
        "风险案件",
        "risk case",
        {"take": "take_risk_case", "resolve": "resolve_risk_case"},
        ("RiskCaseAnswer", "RiskCaseDetail"),
        ("risk_case",),
    ),
    Offered("抽查对象", "subject of a sample", {"enter": "enter_inspection_result"}, ("DrawnAnswer",)),
    Offered("录像", "recording", {}, (), ("footage",)),
    Offered("停止重试的消息", "dead letters", {"redrive": "redrive_dead_letters"}, ("DeadLettersAnswer",)),
)
_WAITING: Final = "WaitingItem"
_FIELD: Final = "allowed_actions"


def told(name: str, schema: Json) -> Json:
    """Tell in a schema which actions there are, and by which operation each is done (`x-operations`)."""
    if _FIELD not in schema.get("properties", {}):
        return schema
    if name == _WAITING:
        by_kind = {kind: dict(offered.actions) for offered in OFFERED for kind in offered.waits_as}
        actions = sorted({action for of_kind in by_kind.values() for action in of_kind})
        return _with_actions(schema, actions, by_kind)
    of_answer = next(offered.actions for offered in OFFERED if name in offered.answers)
    return _with_actions(schema, sorted(of_answer), dict(of_answer))


def _with_actions(schema: Json, actions: list[str], operations: Json) -> Json:
    field = schema["properties"][_FIELD]
    offered = {**field, "items": {"type": "string", "enum": actions}, "x-operations": operations}
    return {**schema, "properties": {**schema["properties"], _FIELD: offered}}
