"""In which order lists come, for /docs: as their queries ask the store for it."""

from typing import Final

ORDERS: Final = (
    (
        "新的在前；跨市县的逐地列出，各地新的在前（班级以结束时间先后）",
        "The newest first; of a wide area place by place (of classes the last to end)",
        [
            "list_classes",
            "list_enrolments",
            "list_vouchers",
            "list_subsidy_claims",
            "list_settlement_batches",
            "list_scans",
            "list_inspections",
            "list_imports",
            "list_changes",
            "list_policies",
            "read_scores",
        ],
    ),
    (
        "先到在前（异议逐地列出，风险案件逐状态列出）",
        "The oldest first (objections place by place, risk cases state by state)",
        [
            "list_waiting",
            "list_holds",
            "list_objections",
            "list_risk_cases",
            "list_issuance_batches",
            "list_webhook_deliveries",
            "read_audit",
            "read_ledger_account",
        ],
    ),
    ("按表格行序", "As the rows stand in the sheet", ["list_renames", "list_import_errors"]),
    (
        "按行政区划，其内按代码或账号名；带 near 的由近及远",
        "By division, in it by code or account name; with near the nearest first",
        ["search_institutions", "list_accounts"],
    ),
    (
        "其他列表（及按辖区的 list_vouchers）多以标识为序，与时间无关，请勿依赖",
        "All others, list_vouchers of an area too, are mostly by id: no order of time, and none to rely on",
        ["list_programs", "list_projects", "list_clients", "list_overrides", "list_claim_documents"],
    ),
)
"""Chinese, English, and the operations that answer so."""
