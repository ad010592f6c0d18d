"""What may be decided on pages: each action of the API's `allowed_actions`, its words, and the form it needs.

A page shows an action where the API offers it, under the name that the API gives it, and sends what the
API's form asks for. Nothing here says who may do what, or when.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chalicelib.console.words import INSPECTED, OUTCOMES, ROLES, SCOPES, Pair


@dataclass(frozen=True)
class Field:
    """One thing that a form asks for; `kind` is how it is typed and what it becomes.

    `version`, `echo` and `tick` are not typed: the version that was seen, a value of the thing, ticked lines.
    """

    name: str
    kind: str
    label: Pair
    needed: bool = True
    choices: tuple[tuple[str, Pair], ...] = ()
    hint: Pair = ("", "")


@dataclass(frozen=True)
class Act:
    """One decision: where it goes, what it is called, what it asks for; `final` cannot be undone."""

    path: str
    label: Pair
    fields: tuple[Field, ...] = ()
    method: str = "POST"
    final: bool = False
    soft: bool = False
    """Not the way forward: returned, refused, taken back."""


_VERSION = Field("version", "version", ("版本", "Version"))
_REASON = Field("reason", "words", ("原因", "Reason"))
_AGAIN = ("重新发送", "Send again")
_WHOLE_NUMBER = Field("number", "line", ("完整账号（对照原件录入）", "Whole number, from the paper"))
_COMMENT = Field("comment", "words", ("意见", "Remark"), needed=False)
_LINES = Field("rejected_lines", "tick", ("剔除的人员", "Lines taken out"), needed=False)
_VERSIONED, _REASONED = (_VERSION, _COMMENT), (_VERSION, _REASON)
_BANK_REFERENCE = Field("bank_reference", "line", ("银行流水号", "Bank reference"))
_ID_NUMBER = Field("id_number", "line", ("身份证号", "ID number"))
_PURPOSE = Field("purpose", "words", ("用途", "Purpose"))
_AMOUNT = Field("amount_fen", "yuan", ("金额（元）", "Amount (yuan)"))

_CLASS = "/v1/classes/{class_id}"
_CHANGE = "/v1/classes/{class_id}/changes/{change_id}"
_CLAIM = "/v1/subsidy-claims/{claim_id}"
_LINE = "/v1/claim-lines/{line_id}"
_BATCHES = "/v1/programs/{program_id}/issuance-batches"

ACTS: Final[Mapping[str, Mapping[str, Act]]] = {
    "class": {
        "submit": Act(f"{_CLASS}/submit", ("提交审批", "Submit"), _VERSIONED),
        "approve": Act(
            f"{_CLASS}/approve",
            ("批准开班", "Approve"),
            (
                _VERSION,
                _COMMENT,
                Field("policy_version", "echo", ("政策版本", "Policy version"), needed=False),
                Field("project_version", "echo", ("项目版本", "Project version"), needed=False),
            ),
        ),
        "return": Act(f"{_CLASS}/return", ("退回开班申请", "Return"), _REASONED, soft=True),
        "cancel": Act(f"{_CLASS}/cancel", ("取消班级", "Cancel the class"), _REASONED, final=True, soft=True),
        "cancel_approve": Act(
            f"{_CLASS}/cancel/approve", ("同意取消", "Approve the cancellation"), _VERSIONED, final=True
        ),
        "cancel_refuse": Act(
            f"{_CLASS}/cancel/refuse", ("不同意取消", "Refuse the cancellation"), _REASONED, soft=True
        ),
        "change_approve": Act(
            "/v1/classes/{class_id}/changes/{change_id}/approve",
            ("批准变更", "Approve the change"),
            _VERSIONED,
        ),
        "change_reject": Act(
            "/v1/classes/{class_id}/changes/{change_id}/reject",
            ("不批准变更", "Reject the change"),
            _REASONED,
            soft=True,
        ),
        "change_withdraw": Act(
            "/v1/classes/{class_id}/changes/{change_id}/withdraw",
            ("撤回变更", "Withdraw the change"),
            _VERSIONED,
            soft=True,
        ),
        "completion_submit": Act(
            f"{_CLASS}/completion/submit", ("申请结业", "Apply for completion"), _VERSIONED
        ),
        "completion_approve": Act(
            f"{_CLASS}/completion/approve", ("批准结业", "Approve completion"), _VERSIONED, final=True
        ),
        "completion_return": Act(
            f"{_CLASS}/completion/return", ("退回结业", "Return completion"), _REASONED, soft=True
        ),
        "close": Act(f"{_CLASS}/close", ("结案", "Close"), _REASONED, final=True, soft=True),
    },
    "change": {
        "approve": Act(f"{_CHANGE}/approve", ("批准变更", "Approve the change"), _VERSIONED),
        "reject": Act(f"{_CHANGE}/reject", ("不批准变更", "Reject the change"), _REASONED, soft=True),
        "withdraw": Act(f"{_CHANGE}/withdraw", ("撤回变更", "Withdraw the change"), _VERSIONED, soft=True),
    },
    "check_in": {
        "accept": Act(
            "/v1/lessons/{lesson_id}/check-ins/{check_in_id}/accept",
            ("认可签到", "Accept the check-in"),
            _REASONED,
        ),
        "reject": Act(
            "/v1/lessons/{lesson_id}/check-ins/{check_in_id}/reject",
            ("不认可签到", "Reject the check-in"),
            _REASONED,
            soft=True,
        ),
    },
    "make_up": {
        "approve": Act("/v1/make-ups/{make_up_id}/approve", ("批准", "Approve"), _REASONED),
        "reject": Act("/v1/make-ups/{make_up_id}/reject", ("不批准", "Reject"), _REASONED, soft=True),
    },
    "override": {
        "confirm": Act(
            "/v1/overrides/{override_id}/confirm", ("认可例外", "Confirm the exception"), _VERSIONED
        ),
        "refuse": Act(
            "/v1/overrides/{override_id}/refuse", ("不认可例外", "Refuse the exception"), _REASONED, soft=True
        ),
    },
    "enrolment": {
        "release": Act(
            "/v1/enrolments/{enrolment_id}/release",
            ("退回报名", "Release"),
            (_REASON,),
            final=True,
            soft=True,
        ),
        "withdraw": Act(
            "/v1/enrolments/{enrolment_id}/withdraw",
            ("登记退班", "Withdraw"),
            (_REASON,),
            final=True,
            soft=True,
        ),
    },
    "voucher": {
        "revoke": Act(
            "/v1/vouchers/{voucher_id}/revoke",
            ("收回培训券", "Revoke the voucher"),
            _REASONED,
            final=True,
            soft=True,
        ),
        "restore": Act(
            "/v1/vouchers/{voucher_id}/restore",
            ("申请恢复", "Ask to restore"),
            (_REASON, Field("extended_to", "date", ("延长至", "Extended to"), needed=False)),
        ),
        "confirm_restore": Act(
            "/v1/vouchers/{voucher_id}/restore/confirm",
            ("确认恢复", "Confirm the restoration"),
            (_VERSION,),
            final=True,
        ),
    },
    "issuance_batch": {
        "approve": Act(
            f"{_BATCHES}/{{batch_id}}/approve", ("批准发放", "Approve the issuance"), _VERSIONED, final=True
        ),
        "reject": Act(
            f"{_BATCHES}/{{batch_id}}/reject", ("驳回批次", "Reject the batch"), _REASONED, soft=True
        ),
    },
    "import": {
        "propose": Act(
            _BATCHES,
            ("提请发放", "Propose an issuance"),
            (
                Field("import_id", "echo", ("名单", "List")),
                Field("declared_count", "number", ("核对人数", "Declared count")),
            ),
        ),
    },
    "rename": {
        "confirm": Act(
            "/v1/imports/{import_id}/renames/{row}/confirm", ("确认更名", "Confirm the rename"), _VERSIONED
        ),
        "refuse": Act(
            "/v1/imports/{import_id}/renames/{row}/refuse",
            ("不予更名", "Refuse the rename"),
            _REASONED,
            soft=True,
        ),
    },
    "institution": {
        "suspend": Act(
            "/v1/institutions/{uscc}/suspend", ("暂停机构", "Suspend"), _REASONED, final=True, soft=True
        ),
        "reinstate": Act("/v1/institutions/{uscc}/reinstate", ("恢复机构", "Reinstate"), _REASONED),
    },
    "account": {
        "confirm": Act("/v1/accounts/{account_id}/confirm", ("确认账号", "Confirm the account"), _VERSIONED),
        "disable": Act(
            "/v1/accounts/{account_id}/disable", ("停用账号", "Disable the account"), _REASONED, soft=True
        ),
        "reset": Act(
            "/v1/accounts/{account_id}/reset", ("重置账号", "Reset the account"), _VERSIONED, soft=True
        ),
    },
    "client": {
        "confirm": Act("/v1/clients/{client_id}/confirm", ("确认凭据", "Confirm the program"), _VERSIONED),
        "refuse": Act("/v1/clients/{client_id}/refuse", ("不予确认", "Refuse it"), _REASONED, soft=True),
        "revoke": Act(
            "/v1/clients/{client_id}/revoke", ("撤销凭据", "Revoke it"), _REASONED, final=True, soft=True
        ),
    },
    "claim": {
        "review": Act(f"{_CLAIM}/review", ("初审通过", "Pass first review"), (_VERSION, _COMMENT, _LINES)),
        "approve": Act(
            f"{_CLAIM}/approve", ("复审通过", "Pass second review"), (_VERSION, _COMMENT, _LINES), final=True
        ),
        "return": Act(f"{_CLAIM}/return", ("退回申领", "Return the claim"), _REASONED, soft=True),
        "reject": Act(f"{_CLAIM}/reject", ("驳回申领", "Reject the claim"), _REASONED, final=True, soft=True),
        "withdraw_approval": Act(
            f"{_CLAIM}/approve/withdraw", ("撤回复审", "Withdraw the approval"), _REASONED, soft=True
        ),
        "submit": Act(
            "/v1/classes/{class_id}/subsidy-claims",
            ("重新提交申领", "Submit the claim again"),
            (
                Field("declared_count", "number", ("申报人数", "Declared count")),
                Field("declared_amount_fen", "yuan", ("申报金额（元）", "Declared amount (yuan)")),
            ),
        ),
    },
    "line": {
        "reject": Act(f"{_LINE}/reject", ("剔除此人", "Take the line out"), _REASONED, final=True, soft=True),
        "release": Act(f"{_LINE}/release", ("解除，重新支付", "Release for payment"), (_REASON,)),
        "reverse": Act(
            f"{_LINE}/reverse",
            ("申请追回", "Ask for a reversal"),
            (_REASON, Field("amount_fen", "yuan", ("追回金额（元）", "Amount (yuan)"), needed=False)),
            soft=True,
        ),
        "confirm_reversal": Act(f"{_LINE}/reverse/confirm", ("确认追回", "Confirm the reversal"), final=True),
        "cancel_reversal": Act(
            f"{_LINE}/reverse/cancel", ("撤销追回申请", "Cancel the reversal"), _REASONED, soft=True
        ),
        "correct": Act(
            f"{_LINE}/correct",
            ("申请更正", "Ask for a correction"),
            (
                Field(
                    "to",
                    "choice",
                    ("更正为", "Correct to"),
                    choices=(("paid", ("已支付", "Paid")), ("failed", ("支付失败", "Failed"))),
                ),
                _AMOUNT,
                Field("paid_on", "date", ("支付日期", "Paid on"), needed=False),
                Field("bank_reference", "line", ("银行流水号", "Bank reference"), needed=False),
                _REASON,
            ),
            soft=True,
        ),
        "confirm_correction": Act(
            f"{_LINE}/correct/confirm", ("确认更正", "Confirm the correction"), final=True
        ),
        "cancel_correction": Act(
            f"{_LINE}/correct/cancel", ("撤销更正申请", "Cancel the correction"), _REASONED, soft=True
        ),
        "repay": Act(
            f"{_LINE}/repayments",
            ("登记退款到账", "Record a repayment"),
            (_AMOUNT, Field("received_on", "date", ("到账日期", "Received on")), _BANK_REFERENCE),
        ),
        "confirm_repayment": Act(
            f"{_LINE}/repayments/confirm", ("确认退款到账", "Confirm the repayment"), final=True
        ),
        "cancel_repayment": Act(
            f"{_LINE}/repayments/cancel", ("撤销退款登记", "Cancel the repayment"), _REASONED, soft=True
        ),
    },
    "settlement_batch": {
        "export": Act(
            "/v1/settlement-batches/{batch_id}/export",
            ("导出付款文件", "Export the payment file"),
            (
                Field(
                    "format",
                    "choice",
                    ("格式", "Format"),
                    needed=False,
                    choices=(("xlsx", ("xlsx 表格", "xlsx")), ("csv", ("csv 文本", "csv"))),
                ),
            ),
        ),
    },
    "objection": {
        "resolve": Act(
            "/v1/objections/{objection_id}/resolve",
            ("处理异议", "Resolve the objection"),
            (
                _VERSION,
                Field(
                    "outcome",
                    "choice",
                    ("结论", "Outcome"),
                    choices=(("dismissed", ("异议不成立", "Dismissed")), ("upheld", ("异议成立", "Upheld"))),
                ),
                _REASON,
            ),
            final=True,
        ),
    },
    "risk_case": {
        "take": Act("/v1/risk-cases/{case_id}/take", ("受理核查", "Take the case up"), (_VERSION,)),
        "resolve": Act(
            "/v1/risk-cases/{case_id}/resolve",
            ("作出结论", "Resolve the case"),
            (
                _VERSION,
                Field("outcome", "choice", ("结论", "Outcome"), choices=tuple(OUTCOMES.items())),
                Field(
                    "until", "date", ("容忍至（仅限予以容忍）", "Tolerated until (then only)"), needed=False
                ),
                _REASON,
            ),
        ),
    },
    "inspection": {
        "enter": Act(
            "/v1/inspections/{inspection_id}/entries/{subject}",
            ("登记抽查结果", "Enter what was found"),
            (
                Field("version", "version", ("版本", "Version"), needed=False),
                Field("outcome", "choice", ("结果", "Outcome"), choices=tuple(INSPECTED.items())),
                Field("note", "words", ("说明", "Note"), needed=False),
            ),
            method="PUT",
        ),
    },
    "delivery": {
        "redrive": Act("/v1/exchange/deliveries/{message_id}/redrive", _AGAIN),
        "pass_over": Act(
            "/v1/exchange/deliveries/{message_id}/pass-over",
            ("申请跳过", "Ask to pass it over"),
            (_REASON,),
            soft=True,
        ),
        "confirm_pass_over": Act(
            "/v1/exchange/deliveries/{message_id}/pass-over/confirm",
            ("确认跳过", "Confirm passing it over"),
            (_REASON,),
            final=True,
        ),
    },
    "webhook": {"redrive": Act("/v1/clients/{client_id}/webhook/redrive", _AGAIN, (_REASON,))},
    "payee": {
        "confirm": Act(
            "/v1/institutions/{uscc}/payee/{payee_id}/confirm",
            ("确认收款账户", "Confirm the account"),
            (_VERSION, _WHOLE_NUMBER, Field("reason", "words", ("意见", "Reason"), needed=False)),
            final=True,
        ),
        "refuse": Act(
            "/v1/institutions/{uscc}/payee/{payee_id}/refuse",
            ("不予确认（机构：提出异议）", "Refuse the account (a school: object)"),
            _REASONED,
            soft=True,
        ),
    },
    "hold": {"release": Act("/v1/holds/{hold_id}/release", ("解除暂缓", "Lift the hold"), _REASONED)},
    "dead_letters": {"redrive": Act("/v1/dead-letters/{queue}/redrive", ("重新处理", "Process again"))},
}
"""By kind of thing, then by the action's name."""

_ROLES: Final = tuple(
    (role, ROLES[role]) for role in ("institution", "clerk", "reviewer", "finance", "supervisor", "province")
)
MAKES: Final[Mapping[str, Act]] = {
    "lookup": Act("/v1/person-lookups", ("查人", "Look up"), (_ID_NUMBER, _PURPOSE)),
    "seal": Act("/v1/settlement-batches", ("封存结算批次", "Seal what is due"), final=True),
    "claim_subsidy": Act(
        "/v1/classes/{class_id}/subsidy-claims",
        ("申领补贴", "Claim the subsidy"),
        (
            Field("declared_count", "number", ("申报人数", "Declared count")),
            Field("declared_amount_fen", "yuan", ("申报金额（元）", "Declared amount (yuan)")),
        ),
    ),
    "budget": Act(
        "/v1/budgets/{division}/{year}",
        ("保存预算", "Save the budget"),
        (
            Field("program_id", "echo", ("项目计划", "Program")),
            Field("appropriated_fen", "yuan", ("下达金额（元）", "Appropriated (yuan)")),
            Field("version", "version", ("版本", "Version"), needed=False),
        ),
        method="PUT",
    ),
    "hold": Act(
        "/v1/holds",
        ("暂缓支付", "Stop the payment"),
        (Field("subject", "subject", ("对象", "Subject")), _REASON),
    ),
    "account": Act(
        "/v1/accounts",
        ("新增账号", "Add the account"),
        (
            Field("account", "line", ("账号", "Account"), hint=("字母、数字", "letters and digits")),
            Field("name", "line", ("姓名", "Name")),
            _ID_NUMBER,
            Field("role", "choice", ("角色", "Role"), choices=_ROLES),
            Field("division", "line", ("行政区划代码", "Division code")),
            Field("institution", "line", ("机构代码", "Institution"), needed=False),
        ),
    ),
    "client": Act(
        "/v1/clients",
        ("申请凭据", "Ask for it"),
        (
            Field("name", "line", ("软件名称", "Name of the program")),
            _PURPOSE,
            Field("scopes", "names", ("权限（接口的 x-action，空格分隔）", "Scopes (x-action, with blanks)")),
            Field("public_key", "json", ("公钥（JWK）", "Public key (JWK)")),
        ),
    ),
    "payee": Act(
        "/v1/institutions/{uscc}/payee",
        ("提请变更收款账户", "Propose the payee"),
        (
            _VERSION,
            Field("holder", "line", ("户名", "Holder")),
            Field("bank", "line", ("开户行", "Bank")),
            Field("number", "line", ("账号", "Number")),
            _REASON,
        ),
    ),
    "inspection": Act(
        "/v1/inspections",
        ("抽取样本", "Draw the sample"),
        (
            Field("scope", "choice", ("抽查什么", "Of what"), choices=tuple(SCOPES.items())),
            Field("division", "line", ("行政区划代码", "Division code")),
            Field("share", "percent", ("比例（%）", "Share (%)")),
            Field(
                "seed",
                "line",
                ("公开抽出、掺入种子的字（一般不填）", "A word drawn in public, mixed in (usually none)"),
                needed=False,
            ),
        ),
        final=True,
    ),
    "override": Act(
        "/v1/classes/{class_id}/overrides",
        ("申请例外", "Ask for an exception"),
        (
            Field("enrolment_id", "pick", ("学员", "Trainee")),
            Field("check", "pick", ("未通过的条件", "Failed check")),
            Field("expires_on", "date", ("有效期至", "Until")),
            _REASON,
        ),
    ),
    "objection": Act(
        "/v1/publicity/{claim_id}/objections",
        ("提出异议", "File the objection"),
        (
            _REASON,
            Field("contact", "line", ("联系方式", "Contact"), needed=False),
            Field("line_id", "pick", ("对谁有异议", "About whom"), needed=False),
        ),
    ),
    "make_up": Act(
        "/v1/lessons/{lesson_id}/make-ups",
        ("申请", "Ask"),
        (
            Field("enrolment_id", "pick", ("学员", "Trainee")),
            Field(
                "kind",
                "choice",
                ("种类", "Kind"),
                choices=(("make_up", ("补课", "Make-up")), ("excuse", ("请假", "Excuse"))),
            ),
            _REASON,
            Field("evidence", "words", ("凭据（补课必填）", "Evidence (a make-up needs it)"), needed=False),
        ),
    ),
}
"""What is made anew on a page, where the role may: by its name."""
