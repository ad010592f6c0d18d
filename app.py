"""The deployed program: every route, and one line for each function that is not HTTP.

Handlers other than routes stand here and not in blueprints, because only names of this module are
deployed so that this module runs first.
"""

from typing import Any

from chalice import Chalice

from chalicelib.accounts import jobs as accounts_jobs
from chalicelib.accounts.guard import RequestGuard
from chalicelib.accounts.routes import api as accounts_api
from chalicelib.accounts.sign_in.routes import api as accounts_sign_in_api
from chalicelib.attendance.check_ins.routes import api as attendance_check_ins_api
from chalicelib.attendance.footage import jobs as footage_jobs
from chalicelib.attendance.footage.routes import api as attendance_footage_api
from chalicelib.attendance.forwarded.routes import api as attendance_forwarded_api
from chalicelib.attendance.make_ups.routes import api as attendance_make_ups_api
from chalicelib.attendance.reviews.routes import api as attendance_reviews_api
from chalicelib.attendance.roll_calls.routes import api as attendance_roll_calls_api
from chalicelib.attendance.summary.routes import api as attendance_summary_api
from chalicelib.aws.queues import job_context, work_through
from chalicelib.catalogue.imports.routes import api as catalogue_imports_api
from chalicelib.catalogue.institutions.routes import api as catalogue_institutions_api
from chalicelib.catalogue.projects.routes import api as catalogue_projects_api
from chalicelib.catalogue.publication.routes import api as catalogue_publication_api
from chalicelib.classes.changes.routes import api as classes_changes_api
from chalicelib.classes.completion.routes import api as classes_completion_api
from chalicelib.classes.plans.routes import api as classes_plans_api
from chalicelib.classes.rosters.routes import api as classes_rosters_api
from chalicelib.classes.routes import api as classes_api
from chalicelib.classes.scores.routes import api as classes_scores_api
from chalicelib.console.routes import api as console_api
from chalicelib.edge.endpoints import CSV, XLSX
from chalicelib.edge.http import refuse_unknown_actions
from chalicelib.enrolments import jobs as enrolment_jobs
from chalicelib.enrolments.routes import api as enrolments_api
from chalicelib.exchange import jobs as exchange_jobs
from chalicelib.exchange.routes import api as exchange_api
from chalicelib.kernel.ports import install
from chalicelib.people.lists import jobs as people_jobs
from chalicelib.people.lists.routes import api as people_lists_api
from chalicelib.programs.routes import api as programs_api
from chalicelib.settlement import jobs as settlement_jobs
from chalicelib.settlement.batches.routes import api as settlement_batches_api
from chalicelib.settlement.clawback.routes import api as settlement_clawback_api
from chalicelib.settlement.ledger.routes import api as settlement_ledger_api
from chalicelib.settlement.results.routes import api as settlement_results_api
from chalicelib.settlement.statements.routes import api as settlement_statements_api
from chalicelib.settlement.verification.routes import api as settlement_verification_api
from chalicelib.subsidies.budgets.routes import api as subsidies_budgets_api
from chalicelib.subsidies.claims.routes import api as subsidies_claims_api
from chalicelib.subsidies.documents import jobs as subsidy_jobs
from chalicelib.subsidies.documents.routes import api as subsidies_documents_api
from chalicelib.subsidies.overrides.routes import api as subsidies_overrides_api
from chalicelib.subsidies.payability.routes import api as subsidies_payability_api
from chalicelib.subsidies.publicity.routes import api as subsidies_publicity_api
from chalicelib.supervision.audit import jobs as supervision_jobs
from chalicelib.supervision.audit.routes import api as supervision_audit_api
from chalicelib.supervision.rekeying import jobs as rekeying_jobs
from chalicelib.supervision.reports.routes import api as supervision_reports_api
from chalicelib.vouchers import jobs as voucher_jobs
from chalicelib.vouchers.batches import jobs as batches_jobs
from chalicelib.vouchers.batches.routes import api as vouchers_batches_api
from chalicelib.vouchers.routes import api as vouchers_api

Event = dict[str, Any]

app = Chalice(app_name="voucher")
app.api.binary_types = [XLSX, CSV]
for blueprint in (
    accounts_api,
    accounts_sign_in_api,
    programs_api,
    catalogue_institutions_api,
    catalogue_projects_api,
    catalogue_imports_api,
    catalogue_publication_api,
    people_lists_api,
    vouchers_batches_api,
    vouchers_api,
    enrolments_api,
    classes_plans_api,
    classes_api,
    classes_rosters_api,
    classes_changes_api,
    classes_completion_api,
    classes_scores_api,
    attendance_check_ins_api,
    attendance_roll_calls_api,
    attendance_reviews_api,
    attendance_make_ups_api,
    attendance_forwarded_api,
    attendance_footage_api,
    attendance_summary_api,
    subsidies_payability_api,
    subsidies_documents_api,
    subsidies_overrides_api,
    subsidies_budgets_api,
    subsidies_claims_api,
    subsidies_publicity_api,
    settlement_batches_api,
    settlement_results_api,
    settlement_clawback_api,
    settlement_ledger_api,
    settlement_verification_api,
    settlement_statements_api,
    exchange_api,
    supervision_audit_api,
    supervision_reports_api,
    console_api,
):
    app.register_blueprint(blueprint)
refuse_unknown_actions(RequestGuard())
for port, answer in {
    "guard_of_requests": "chalicelib.accounts.guard:RequestGuard",
    "division_of_institution": "chalicelib.catalogue.institutions.service:division_of_institution",
    "evidence_of_class": "chalicelib.attendance.evidence:evidence_of",
    "payment_of_voucher": "chalicelib.subsidies.listed:stop_payment",
}.items():
    install(port, answer)


@app.lambda_function(name="bootstrap_accounts")  # type: ignore[untyped-decorator]
def bootstrap_accounts(event: Event, _: object) -> object:
    """Make the first accounts."""
    return accounts_jobs.bootstrap_accounts(event, job_context(event, "bootstrap_accounts"))


@app.lambda_function(name="receive_upload")  # type: ignore[untyped-decorator]
def receive_upload(event: Event, _: object) -> object:
    """Take note of an uploaded list."""
    return people_jobs.receive_upload(event, job_context(event, "receive_upload"))


@app.lambda_function(name="process_import")  # type: ignore[untyped-decorator]
def process_import(event: Event, _: object) -> object:
    """Validate lists."""
    return work_through(event, "process_import", people_jobs.process_import)


@app.lambda_function(name="resume_imports")  # type: ignore[untyped-decorator]
def resume_imports(event: Event, _: object) -> object:
    """Ask again for the work of lists that have stood still."""
    return people_jobs.resume_imports(job_context(event, "resume_imports"))


@app.lambda_function(name="issue_vouchers")  # type: ignore[untyped-decorator]
def issue_vouchers(event: Event, _: object) -> object:
    """Issue chunks of batches."""
    return work_through(event, "issue_vouchers", batches_jobs.issue_vouchers)


@app.lambda_function(name="follow_standings")  # type: ignore[untyped-decorator]
def follow_standings(event: Event, _: object) -> object:
    """Have vouchers follow what cross-match lists say."""
    return work_through(event, "follow_standings", voucher_jobs.follow_standings)


@app.lambda_function(name="resume_issuance")  # type: ignore[untyped-decorator]
def resume_issuance(event: Event, _: object) -> object:
    """Ask again for the chunks of batches that have stalled."""
    return batches_jobs.resume_issuance(job_context(event, "resume_issuance"))


@app.lambda_function(name="expire_vouchers")  # type: ignore[untyped-decorator]
def expire_vouchers(event: Event, _: object) -> object:
    """Begin the night's expiry."""
    return voucher_jobs.expire_vouchers(job_context(event, "expire_vouchers"))


@app.lambda_function(name="expire_shard")  # type: ignore[untyped-decorator]
def expire_shard(event: Event, _: object) -> object:
    """Expire shards of vouchers."""
    return work_through(event, "expire_shard", enrolment_jobs.expire_shard)


@app.lambda_function(name="remind_shard")  # type: ignore[untyped-decorator]
def remind_shard(event: Event, _: object) -> object:
    """Remind the holders of a shard's vouchers that these expire soon."""
    return work_through(event, "remind_shard", exchange_jobs.remind_shard)


@app.lambda_function(name="register_footage")  # type: ignore[untyped-decorator]
def register_footage(event: Event, _: object) -> object:
    """Register footage that has arrived."""
    return footage_jobs.register_footage(event, job_context(event, "register_footage"))


@app.lambda_function(name="reconcile_footage")  # type: ignore[untyped-decorator]
def reconcile_footage(event: Event, _: object) -> object:
    """Ask S3 for announced footage of which nothing was heard."""
    return footage_jobs.reconcile_footage(job_context(event, "reconcile_footage"))


@app.lambda_function(name="settle_subsidies")  # type: ignore[untyped-decorator]
def settle_subsidies(event: Event, _: object) -> object:
    """Begin the night's settlement."""
    return settlement_jobs.settle_subsidies(job_context(event, "settle_subsidies"))


@app.lambda_function(name="verify_ledger")  # type: ignore[untyped-decorator]
def verify_ledger(event: Event, _: object) -> object:
    """Begin the night's verification of the ledger."""
    return settlement_jobs.verify_ledger(job_context(event, "verify_ledger"))


@app.lambda_function(name="seal_settlement")  # type: ignore[untyped-decorator]
def seal_settlement(event: Event, _: object) -> object:
    """Seal divisions' settlement batches."""
    return work_through(event, "seal_settlement", settlement_jobs.seal_settlement)


@app.lambda_function(name="return_changes")  # type: ignore[untyped-decorator]
def return_changes(event: Event, _: object) -> object:
    """Return changes of vouchers to the national platform."""
    return exchange_jobs.return_changes(event, job_context(event, "return_changes"))


@app.lambda_function(name="reconcile_exchange")  # type: ignore[untyped-decorator]
def reconcile_exchange(event: Event, _: object) -> object:
    """Send what the platform has not taken yet."""
    return exchange_jobs.reconcile_exchange(event, job_context(event, "reconcile_exchange"))


@app.lambda_function(name="seal_audit")  # type: ignore[untyped-decorator]
def seal_audit(event: Event, _: object) -> object:
    """Seal the day's root of every audit chain."""
    return supervision_jobs.seal_audit(job_context(event, "seal_audit"))


@app.lambda_function(name="reencrypt_people")  # type: ignore[untyped-decorator]
def reencrypt_people(event: Event, _: object) -> object:
    """Go on with a re-encryption after a key was rotated, if one is under way."""
    return rekeying_jobs.reencrypt_people(event, job_context(event, "reencrypt_people"))


@app.lambda_function(name="record_audit")  # type: ignore[untyped-decorator]
def record_audit(event: Event, _: object) -> object:
    """Write every change into the audit chain."""
    return supervision_jobs.record_audit(event, job_context(event, "record_audit"))


@app.lambda_function(name="register_document")  # type: ignore[untyped-decorator]
def register_document(event: Event, _: object) -> object:
    """Register a supporting document that has arrived."""
    return subsidy_jobs.register_document(event, job_context(event, "register_document"))
