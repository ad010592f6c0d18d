"""Words for people: statuses, kinds of work and marks, each in Chinese and English. The one place."""

from collections.abc import Mapping
from typing import Final

from chalicelib.kernel import divisions

Pair = tuple[str, str]
"""Chinese and English."""

ROLES: Final[Mapping[str, Pair]] = {
    "trainee": ("学员", "Trainee"),
    "institution": ("承训机构", "Training institution"),
    "clerk": ("经办", "Clerk"),
    "reviewer": ("复核", "Reviewer"),
    "finance": ("拨付", "Finance"),
    "supervisor": ("监督", "Supervisor"),
    "province": ("省厅", "Province"),
    "platform": ("全国平台", "National platform"),
    "system": ("系统", "The service"),
    "public": ("公众", "The public"),
}

STATUSES: Final[Mapping[str, Mapping[str, Pair]]] = {
    "account": {
        "proposed": ("待确认", "To be confirmed"),
        "pending": ("待激活", "To be activated"),
        "active": ("使用中", "In use"),
        "disabled": ("已停用", "Disabled"),
        "lapsed": ("已失效", "Lapsed"),
    },
    "client": {
        "proposed": ("待确认", "To be confirmed"),
        "pending": ("待激活", "To be activated"),
        "active": ("使用中", "In use"),
        "disabled": ("已停用", "Off"),
        "lapsed": ("已失效", "Lapsed"),
    },
    "institution": {"listed": ("在册", "Listed"), "suspended": ("已暂停", "Suspended")},
    "payee_account": {
        "proposed": ("待确认", "To be confirmed"),
        "confirmed": ("已确认", "Confirmed"),
        "refused": ("未通过", "Refused"),
        "lapsed": ("已失效", "Lapsed"),
    },
    "import": {
        "awaiting_upload": ("等待上传", "Waiting for the file"),
        "uploaded": ("已上传", "Uploaded"),
        "validating": ("正在核对", "Being checked"),
        "ready": ("核对通过", "Checked"),
        "failed": ("有误", "Has errors"),
        "applying": ("正在入库", "Being applied"),
        "applied": ("已入库", "Applied"),
    },
    "rename": {
        "proposed": ("待确认", "To be confirmed"),
        "confirmed": ("已确认", "Confirmed"),
        "refused": ("未通过", "Refused"),
    },
    "issuance batch": {
        "counting": ("正在核算", "Being counted"),
        "proposed": ("待批准", "To be approved"),
        "rejected": ("已驳回", "Rejected"),
        "withdrawn": ("已撤回", "Withdrawn"),
        "issuing": ("正在发放", "Being issued"),
        "issued": ("已发放", "Issued"),
    },
    "voucher": {
        "issued": ("待领用", "To be claimed"),
        "claimed": ("已领用", "Claimed"),
        "redeemed": ("已报名核销", "Used for an enrolment"),
        "settled": ("已结算", "Settled"),
        "closed": ("已作废结案", "Closed"),
        "expired": ("已过期", "Expired"),
        "revoked": ("已收回", "Revoked"),
    },
    "enrolment": {
        "confirmed": ("已报名", "Enrolled"),
        "rostered": ("已编班", "In a class"),
        "passed": ("考核合格", "Passed"),
        "failed": ("考核不合格", "Failed"),
        "released": ("已退回", "Released"),
        "withdrawn": ("已退班", "Withdrawn"),
    },
    "class": {
        "draft": ("草稿", "Draft"),
        "submitted": ("待审批", "To be decided"),
        "returned": ("已退回", "Returned"),
        "approved": ("已批准", "Approved"),
        "cancel_requested": ("申请取消", "Cancellation asked"),
        "completion_submitted": ("结业待审批", "Completion to be decided"),
        "completion_returned": ("结业已退回", "Completion returned"),
        "completion_approved": ("结业已批准", "Completion approved"),
        "scored": ("已录成绩", "Marked"),
        "claimed": ("已申领补贴", "Subsidy claimed"),
        "closed": ("已办结", "Closed"),
        "cancelled": ("已取消", "Cancelled"),
    },
    "class change": {
        "submitted": ("待审批", "To be decided"),
        "approved": ("已批准", "Approved"),
        "rejected": ("未批准", "Rejected"),
        "withdrawn": ("已撤回", "Withdrawn"),
    },
    "make_up": {
        "requested": ("待审批", "To be decided"),
        "approved": ("已批准", "Approved"),
        "rejected": ("未批准", "Rejected"),
    },
    "subsidy_claim": {
        "submitted": ("待初审", "To be reviewed"),
        "reviewed": ("待复审", "To be approved"),
        "approved": ("复审通过", "Approved"),
        "publicised": ("公示中", "Publicised"),
        "payable": ("待结算", "Payable"),
        "batched": ("支付中", "In a payment batch"),
        "paid": ("已支付", "Paid"),
        "returned": ("已退回", "Returned"),
        "rejected": ("已驳回", "Rejected"),
    },
    "claim_line": {
        "pending": ("待支付", "Pending"),
        "held": ("已暂缓", "Held"),
        "rejected": ("已剔除", "Taken out"),
        "batched": ("支付中", "In a payment batch"),
        "paid": ("已支付", "Paid"),
        "payment_failed": ("支付失败", "Payment failed"),
        "reversed": ("已追回", "Reversed"),
        "withdrawn": ("已撤出批次", "Taken out of the batch"),
    },
    "hold": {"open": ("暂缓中", "Open"), "released": ("已解除", "Released")},
    "override": {
        "asked": ("待复核", "To be decided"),
        "confirmed": ("已认可", "Confirmed"),
        "refused": ("未认可", "Refused"),
    },
    "risk_case": {
        "open": ("待核查", "Open"),
        "under_review": ("核查中", "Under review"),
        "resolved": ("已办结", "Resolved"),
    },
    "objection": {
        "open": ("待处理", "Open"),
        "upheld": ("异议成立", "Upheld"),
        "dismissed": ("异议不成立", "Dismissed"),
    },
    "settlement_batch": {
        "sealing": ("正在封存", "Being sealed"),
        "sealed": ("已封存，待导出", "Sealed, to be exported"),
        "exported": ("已导出，待回盘", "Exported, results to come"),
        "reconciled": ("已回盘", "All results in"),
        "closed": ("已办结", "Closed"),
    },
    "delivery": {
        "waiting": ("等待前一报文", "Waits for the one before"),
        "pending": ("待发送", "To be sent"),
        "sent": ("已发送", "Sent"),
        "acknowledged": ("已确认", "Acknowledged"),
        "refused": ("被退回", "Refused"),
        "dead": ("发送失败", "Given up"),
        "passed": ("已放行跳过", "Passed over"),
        "missing": ("已缺失", "Missing"),
    },
}
"""By machine, as the transition tables name them; a test holds the two together."""

GOOD: Final = frozenset(
    {"active", "approved", "issued", "paid", "passed", "settled", "closed", "confirmed", "listed", "ready"}
    | {"applied", "completion_approved", "reconciled", "acknowledged", "scored", "claimed"}
)
BAD: Final = frozenset(
    {"returned", "rejected", "failed", "payment_failed", "held", "suspended", "revoked", "cancelled", "dead"}
    | {"completion_returned", "disabled", "open", "reversed", "expired", "lapsed"}
)

KINDS: Final[Mapping[str, Pair]] = {
    "class": ("开班申请", "Class applications"),
    "change": ("班级变更", "Changes of classes"),
    "check_in": ("待核实签到", "Check-ins to look at"),
    "make_up": ("补课与请假", "Make-ups and excuses"),
    "completion": ("结业", "Completions"),
    "marks": ("待录成绩", "Marks to enter"),
    "stopped_claim": ("因机构停付的补贴", "Claims stopped by their institution"),
    "claim_due": ("待申领补贴", "Subsidies to claim"),
    "idle_voucher": ("空转券", "Idle vouchers"),
    "subsidy_claim": ("补贴申领", "Subsidy claims"),
    "override": ("例外认可", "Exceptions"),
    "issuance_batch": ("发放批次", "Issuance batches"),
    "objection": ("公示异议", "Objections"),
    "account": ("待确认账号", "Accounts to confirm"),
    "client": ("待确认软件凭据", "Programs to confirm"),
    "webhook": ("已停止推送的软件", "Programs whose webhook is stopped"),
    "payee": ("待确认收款账户", "Payee accounts to confirm"),
    "hold": ("暂缓支付", "Holds"),
    "settlement_batch": ("结算批次", "Payment batches"),
    "claim_line": ("支付失败与待确认", "Failed payments and requests"),
    "rename": ("更名", "Renames"),
    "restoration": ("恢复培训券", "Restorations"),
    "footage": ("缺录像", "Footage that did not come"),
    "delivery": ("未获平台接受的回流报文", "Messages the platform did not accept"),
    "risk_case": ("风险案件", "Risk cases"),
}
FLAGS: Final[Mapping[str, Pair]] = {"late": ("临近到期", "Due soon"), "overdue": ("已超期", "Overdue")}

FOOTAGE: Final[Mapping[str, Pair]] = {
    "awaiting_upload": ("待收到", "Awaited"),
    "stored": ("已收到", "Stored"),
    "mismatch": ("与登记不符", "Not what was announced"),
    "missing": ("未上传", "Missing"),
    "external": ("监控平台", "On a platform"),
    "lapsed": ("已失效", "Lapsed"),
}
MISMATCHES: Final[Mapping[str, Pair]] = {
    "size_bytes": ("大小不同", "another size"),
    "content_type": ("格式不同", "another type"),
    "sha256": ("内容不同", "other bytes"),
    "unplayable": ("无法播放", "it does not play"),
    "hollow": ("画面缺失", "its pictures are not there"),
    "length": ("时长不同", "another length"),
    "too_small": ("文件过小", "too small for its length"),
    "duplicate": ("与另一段录像相同", "the very bytes of another recording"),
}

MARKS: Final[Mapping[str, tuple[str, str, str]]] = {
    "present": ("√", "到课", "Present"),
    "late": ("迟", "迟到", "Late"),
    "left_early": ("退", "早退", "Left early"),
    "absent": ("×", "缺课", "Absent"),
    "excused": ("假", "请假", "Excused"),
    "made_up": ("补", "补课", "Made up"),
    "needs_review": ("?", "待核实", "To be looked at"),
}

CHECKS: Final[Mapping[str, Pair]] = {
    "voucher_redeemed": ("已验券核销", "Voucher used"),
    "class_approved": ("班级与结业已批准", "Class approved"),
    "on_roster": ("在花名册", "On the roster"),
    "attendance": ("出勤达标", "Attendance"),
    "scores": ("考核合格", "Marks"),
    "yearly_cap": ("未超年度次数", "Within the yearly cap"),
    "occupation_and_level_once": ("同工种同等级未享受", "Not paid for this before"),
    "eligible_at_date": ("开班日符合条件", "Eligible on the first day"),
    "not_rejected": ("未被剔除", "Not taken out"),
    "completed_in_time": ("在有效期内结业", "Completed in time"),
    "no_hold": ("无暂缓", "No hold"),
}
EVIDENCE: Final[Mapping[str, Pair]] = {
    "status": ("状态", "state"),
    "completion_approved_on": ("结业批准日", "completion approved on"),
    "enrolment_status": ("报名状态", "enrolment"),
    "on_roster": ("在册", "on roster"),
    "hours": ("课时", "hours"),
    "required_hours": ("应到课时", "required hours"),
    "share": ("出勤率", "share"),
    "minimum": ("要求", "required"),
    "theory": ("理论", "theory"),
    "practice": ("实操", "practice"),
    "pass_mark": ("合格线", "pass mark"),
    "pay_rate": ("支付比例", "pay rate"),
    "this_year": ("本年已享受", "this year"),
    "maximum": ("上限", "at most"),
    "subsidised_before": ("此前已享受", "paid before"),
    "opens_on": ("开班日", "first day"),
    "listed": ("名单", "listed as"),
    "since": ("自", "since"),
    "reason": ("原因", "reason"),
    "last_lesson_on": ("末次课", "last lesson"),
    "valid_through": ("券有效期至", "valid through"),
    "holds": ("暂缓", "holds"),
}

HOLDS: Final[Mapping[str, Pair]] = {
    "objection": ("公示异议", "Objection"),
    "stop": ("人工止付", "Stopped by hand"),
    "attendance": ("出勤待核", "Attendance"),
    "check": ("不再符合条件", "A check that failed since"),
    "payee_changed": ("收款账户变更", "Payee changed"),
    "payee_missing": ("无收款账户", "No payee account"),
    "risk_case": ("风险案件", "Risk case"),
    "institution_suspended": ("机构已暂停", "Institution suspended"),
    "mock_location": ("模拟定位", "Simulated location"),
}

UNDECIDED: Final[Mapping[str, Pair]] = {
    "change_undecided": ("变更申请未决", "Change undecided"),
    "check_in_undecided": ("签到未核实", "Check-in undecided"),
    "completion_undecided": ("结业未决", "Completion undecided"),
    "make_up_undecided": ("补课未决", "Make-up undecided"),
    "override_undecided": ("例外认可未决", "Exception undecided"),
}

LEVELS: Final[Mapping[int, Pair]] = {
    5: ("五级/初级工", "Level 5"),
    4: ("四级/中级工", "Level 4"),
    3: ("三级/高级工", "Level 3"),
    2: ("二级/技师", "Level 2"),
    1: ("一级/高级技师", "Level 1"),
}

FIELDS: Final[Mapping[str, Pair]] = {
    "name": ("班级名称", "Name"),
    "project_id": ("项目", "Project"),
    "planned_size": ("计划人数", "Planned size"),
    "site": ("培训地点", "Site"),
    "trainers": ("教师", "Trainers"),
    "lessons": ("课程表", "Timetable"),
}
PLAN_PARTS: Final[Mapping[str, Pair]] = {
    "address": ("地址", "address"),
    "coord_system": ("坐标系", "coordinate system"),
    "ends_at": ("结束", "ends"),
    "hours": ("课时", "hours"),
    "id_number": ("身份证号", "ID number"),
    "lat": ("纬度", "latitude"),
    "lng": ("经度", "longitude"),
    "location": ("位置", "place"),
    "name": ("名称", "name"),
    "qualification": ("资格", "qualification"),
    "room": ("教室", "room"),
    "site": ("地点", "site"),
    "starts_at": ("开始", "begins"),
    "topic": ("内容", "topic"),
    "trainer": ("教师序号", "trainer no."),
    "trainers.name": ("姓名", "name"),
}
"""What a lesson, a trainer or a site consists of, as differences name it."""

SITUATIONS: Final[Mapping[str, Pair]] = {
    "employed": ("已就业", "employed"),
    "self_employed": ("已创业", "self-employed"),
    "in_school": ("在校", "in school"),
    "in_military": ("服役", "in the army"),
    "retired": ("已退休", "retired"),
    "imprisoned": ("服刑", "imprisoned"),
    "deceased": ("已死亡", "deceased"),
    "subsidised_elsewhere": ("已享受其他补贴", "subsidised elsewhere"),
}
SCAN_REASONS: Final[Mapping[str, Pair]] = {
    "token_miskeyed": ("码有误输", "code miskeyed"),
    "token_invalid": ("码无效", "code not valid"),
    "token_expired": ("码已过期", "code out of date"),
    "token_replayed": ("码已用过", "code used before"),
    "other_device": ("非本人手机", "another phone"),
    "voucher_not_claimed": ("券未领用", "voucher not claimed"),
    "voucher_already_redeemed": ("券已核销", "voucher redeemed already"),
    "voucher_expired": ("券已过期", "voucher expired"),
    "voucher_revoked": ("券已收回", "voucher revoked"),
    "voucher_settled": ("券已结算", "voucher settled"),
    "voucher_closed": ("券已关闭", "voucher closed"),
    **{f"listed_{situation}": said for situation, said in SITUATIONS.items()},
    "name_mismatch": ("姓名不符", "name differs"),
    "institution_suspended": ("机构已暂停", "institution suspended"),
    "project_not_covered": ("项目不适用", "project not covered"),
    "staff_is_trainee": ("本机构人员", "own staff"),
    "already_enrolled": ("已报名", "enrolled already"),
}
IMPORT_KINDS: Final[Mapping[str, Pair]] = {
    "graduates": ("毕业生名单", "Graduates"),
    "ineligible_people": ("比对名单", "Cross-match list"),
}
DOCUMENTS: Final[Mapping[str, Pair]] = {
    "agreement": ("协议", "Agreement"),
    "certificates": ("证书", "Certificates"),
    "invoice": ("发票", "Invoice"),
    "other": ("其他材料", "Other"),
    "sign_in_sheet": ("签到表", "Sign-in sheet"),
}
CARDS: Final[Mapping[str, Pair]] = {"red": ("红牌", "Red"), "yellow": ("黄牌", "Yellow")}
SEVERITIES: Final[Mapping[str, Pair]] = {
    "hold": ("严重", "Grave"),
    "warn": ("提示", "Warning"),
}
OUTCOMES: Final[Mapping[str, Pair]] = {
    "false_alarm": ("误报", "False alarm"),
    "confirmed": ("属实", "Confirmed"),
    "tolerated": ("予以容忍", "Tolerated"),
}
FOUND_OF: Final[Mapping[str, Pair]] = {
    "class": ("班级", "Class"),
    "lesson": ("课次", "Lesson"),
    "enrolment": ("报名学员", "Enrolment"),
    "voucher": ("培训券", "Voucher"),
    "institution": ("机构", "Institution"),
    "person": ("人员", "Person"),
    "trainer": ("教师", "Trainer"),
}
SCOPES: Final[Mapping[str, Pair]] = {
    "classes": ("班级", "Classes"),
    "lessons": ("课次", "Lessons"),
    "trainees": ("学员", "Trainees"),
}
INSPECTED: Final[Mapping[str, Pair]] = {
    "in_order": ("相符", "In order"),
    "deviation": ("不符", "Deviation"),
    "not_reached": ("未联系上", "Not reached"),
}
SUSPENDERS: Final[Mapping[str, Pair]] = {
    "clerk": ("经办暂停", "by a clerk"),
    "overseer": ("监督或省厅暂停", "by a supervisor or the province"),
    "rule": ("系统规则暂停", "by a rule"),
}
LIMITS: Final[Mapping[str, Pair]] = {
    "burst_share": ("突击签到的占比，达到即严重", "share of a burst that is grave"),
    "burst_seconds_scripted": ("疑似脚本签到（秒以内）", "seconds within which a script checks in"),
    "train_km_per_hour": ("铁路上限（公里/小时）", "by rail at most (km/h)"),
    "idle_days_held": ("空转停付（天）", "days idle that stop payment"),
    "phone_people_held": ("共用手机号停付（人）", "people on one phone that stop payment"),
    "offline_outage_share": ("视为断网的占比", "share that is an outage"),
    "small_people": ("小班人数下限（人）", "people from whom on a small class is judged"),
    "small_check_ins": ("小班判定所需签到（次）", "check-ins that show it in a small class"),
    "offline_share_held": ("离线签到停付的占比", "offline share that stops payment"),
    "made_up_people": ("多次补课停付的人数", "people making up lessons that stop payment"),
    "made_up_share": ("补课提示的占比", "share made up that is told"),
    "made_up_share_held": ("补课停付的占比", "share made up that stops payment"),
    "marks_drawn_spread": ("成绩围绕一点的离散度（分）", "spread of marks around one figure (points)"),
    "marks_drawn_spread_alone": ("单凭离散度认定（分）", "spread that suffices alone (points)"),
    "marks_drawn_agreement": ("理论与实操的一致度", "agreement of theory and practice"),
    "marks_drawn_high": ("视为高分（分）", "marks that are high (points)"),
}
"""Limits that no figure of a finding stands against, with their units."""

SUBJECTS: Final[Mapping[str, Pair]] = {
    "class": ("班级", "Class"),
    "line": ("单笔", "Line"),
    "claim": ("整份申领", "Claim"),
    "institution": ("整个机构", "Institution"),
}


PROGRAM_KINDS: Final[Mapping[str, Pair]] = {
    "targeted_face_value": ("定向面值券", "Targeted, face value"),
    "targeted_entitlement": ("定向抵用券", "Targeted, entitlement"),
    "open_face_value": ("通用面值券", "Open, face value"),
    "open_entitlement": ("通用抵用券", "Open, entitlement"),
}
CHOICES: Final[Mapping[str, Mapping[str, Pair]]] = {
    "expiry_scope": {
        "redeem": ("到期前报名即可", "enrolled before it expires"),
        "complete": ("到期前结业", "completed before it expires"),
    },
    "employment": {"unemployed": ("未就业", "out of work"), "any": ("不限", "any")},
    "payable": {
        "min_face_value_and_fee": ("面值与收费取低者", "the lower of face value and fee"),
    },
}
"""What a policy may choose, by its field."""


def said(pair: Pair, *, english: bool) -> str:
    """Pick the language."""
    return pair[1 if english else 0]


def word(table: Mapping[str, Pair], name: str, *, english: bool) -> str:
    """Say a name as people do; one that has no word is shown as it is."""
    pair = table.get(name)
    return said(pair, english=english) if pair is not None else name


def status(machine: str, name: str, *, english: bool) -> str:
    """Say the state of a thing of a machine."""
    return word(STATUSES.get(machine, {}), name, english=english)


def tone(name: str) -> str:
    """Tell how a status is coloured: `good`, `bad` or `plain`; the word says the same without colour."""
    return "good" if name in GOOD else "bad" if name in BAD else "plain"


def division(code: str) -> str:
    """Say a division by its name, the city's before a county's; an unknown code is shown as it is."""
    if not divisions.is_known(code):
        return code
    city = divisions.name_of(code[:4]) if len(code) > 4 else ""  # noqa: PLR2004 - digits of a city
    return f"{city}{divisions.name_of(code)}"
