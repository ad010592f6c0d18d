"""The deployed program: every route, every function that is not HTTP, and what one step needs of a later one.

Handlers stand here and not in blueprints, because only names of this module are deployed so that this module
runs first. Each function loads what it serves when it is first asked to: a start that imports the whole
program takes three times as long as one that does not.
"""

# ruff: noqa: E402 - see below

import gc

gc.disable()  # nothing made by an import is garbage, and looking for it is a tenth of a start

import importlib
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from chalice import Chalice

from chalicelib.aws.index import index
from chalicelib.aws.settings import served_handler
from chalicelib.kernel.ports import install

Event = dict[str, Any]

BLUEPRINTS = (
    "accounts",
    "accounts.sign_in",
    "accounts.clients",
    "programs",
    "catalogue.institutions",
    "catalogue.payees",
    "catalogue.projects",
    "catalogue.imports",
    "catalogue.publication",
    "people.lists",
    "people.renaming",
    "vouchers.batches",
    "vouchers",
    "enrolments.redemption",
    "enrolments",
    "enrolments.release",
    "enrolments.restoring",
    "enrolments.lookups",
    "classes.applications",
    "classes.cancellation",
    "classes.showing",
    "classes.rosters",
    "classes.changes",
    "classes.completion",
    "classes.scores",
    "attendance.check_ins",
    "attendance.reviews",
    "attendance.make_ups",
    "attendance.forwarded",
    "attendance.footage",
    "attendance.summary",
    "subsidies.payability",
    "subsidies.documents",
    "subsidies.overrides",
    "subsidies.budgets",
    "subsidies.lapsing",
    "subsidies.filing",
    "subsidies.claims",
    "subsidies.reviews",
    "subsidies.publicity",
    "subsidies.holds",
    "subsidies.showing",
    "settlement.batches",
    "settlement.results",
    "settlement.lines",
    "settlement.ledger",
    "settlement.verification",
    "settlement.statements",
    "exchange",
    "exchange.messages",
    "exchange.reconciling",
    "exchange.webhooks",
    "supervision.audit",
    "supervision.cases",
    "supervision.inspections",
    "supervision.waiting",
    "supervision.reports",
    "supervision.ratings",
    "supervision.exports",
    "supervision.dead_letters",
    "console",
    "console.staff",
    "console.scanning",
    "console.open",
)
"""Whose `routes.py` there is, in the order of the life of a voucher."""


class Kind(Enum):
    """How the worker of a function is called."""

    EVENT = "worker(event, context)"
    JOB = "worker(context), by the clock"
    ORDER = "worker(event, context), by the clock or because somebody says what to do"
    QUEUE = "worker(message, context), for each message; only those that failed come back"


FUNCTIONS = (
    ("bootstrap_accounts", "accounts", Kind.EVENT),
    ("lapse_accounts", "accounts", Kind.JOB),
    ("receive_upload", "people.lists", Kind.EVENT),
    ("process_import", "people.lists", Kind.QUEUE),
    ("resume_imports", "people.lists", Kind.JOB),
    ("issue_vouchers", "vouchers.batches", Kind.QUEUE),
    ("resume_issuance", "vouchers.batches", Kind.JOB),
    ("follow_standings", "vouchers", Kind.QUEUE),
    ("expire_vouchers", "vouchers", Kind.JOB),
    ("expire_shard", "enrolments", Kind.QUEUE),
    ("register_footage", "attendance.footage", Kind.EVENT),
    ("reconcile_footage", "attendance.footage", Kind.JOB),
    ("register_document", "subsidies.documents", Kind.EVENT),
    ("settle_subsidies", "settlement", Kind.JOB),
    ("seal_settlement", "settlement", Kind.QUEUE),
    ("verify_ledger", "settlement", Kind.JOB),
    ("remind_shard", "exchange", Kind.QUEUE),
    ("return_changes", "exchange", Kind.EVENT),
    ("reconcile_exchange", "exchange", Kind.ORDER),
    ("record_audit", "supervision.audit", Kind.EVENT),
    ("seal_audit", "supervision.audit", Kind.JOB),
    ("compare_audit", "supervision.audit.comparison", Kind.ORDER),
    ("reencrypt_people", "supervision.rekeying", Kind.ORDER),
    ("migrate_rows", "supervision.migration", Kind.ORDER),
    ("watch_changes", "supervision.evaluations", Kind.EVENT),
    ("evaluate_classes", "supervision.evaluations", Kind.QUEUE),
    ("evaluate_day", "supervision.evaluations", Kind.JOB),
    ("make_exports", "supervision.exports", Kind.QUEUE),
)
"""Name of the function and of its worker, whose `jobs.py` the worker is in, and how it is called.

What starts each function stands in `infra/deployment/functions.py`, what it may touch in
`infra/deployment/grants.py`; tests hold these together.
"""

_DESCRIBES_ALL = frozenset({"/docs", "/openapi.json"})
_HTTP = "app.app"


class Service(Chalice):  # type: ignore[misc] # Chalice has no types
    """Chalice that loads the routes of a path with the first request for it, where an index tells which."""

    def __init__(self) -> None:
        super().__init__(app_name="voucher")
        self._loaded: set[str] = set()

    def __call__(self, event: Event, context: object) -> Any:
        """Answer one request of the gateway."""
        asked = event.get("requestContext", {})
        path = asked.get("resourcePath")
        known = None if path in _DESCRIBES_ALL else index().routes.get(path)
        self.load(known or map(_routes_of, BLUEPRINTS))
        from chalicelib.aws.running import timed  # noqa: PLC0415 - not part of a job's start
        from chalicelib.edge import gateway  # noqa: PLC0415

        with timed(context, _HTTP):
            return gateway.answer(
                event,
                methods=self.routes.get(path, {}),
                handle=lambda plain: super(Service, self).__call__(plain, context),
            )

    def load(self, modules: Iterable[str]) -> None:
        """Import modules of routes and register these, each once."""
        for module in modules:
            if module not in self._loaded:
                self.register_blueprint(importlib.import_module(module).api)
                self._loaded.add(module)


def _routes_of(step: str) -> str:
    return f"chalicelib.{step}.routes"


def _jobs_of(step: str) -> str:
    return f"chalicelib.{step}.jobs"


def _handler(name: str, step: str, kind: Kind) -> Callable[[Event, object], object]:
    """Make the handler of a function; its first event loads the worker."""

    def handler(event: Event, run: object) -> object:
        from chalicelib.aws.running import timed  # noqa: PLC0415 - not part of a start

        with timed(run, name):
            return work(event)

    def work(event: Event) -> object:
        from chalicelib.aws.logs import measure  # noqa: PLC0415 - not part of a start
        from chalicelib.aws.metrics import JOB_DONE  # noqa: PLC0415
        from chalicelib.aws.queues import job_context, work_through  # noqa: PLC0415

        worker = getattr(importlib.import_module(_jobs_of(step)), name)
        if kind is Kind.QUEUE:
            return work_through(event, name, worker)
        context = job_context(event, name)
        answer = worker(context) if kind is Kind.JOB else worker(event, context)
        if kind in {Kind.JOB, Kind.ORDER}:
            measure(JOB_DONE, job=name)  # when it stays away, the job was missed or failed
        return answer

    handler.__name__ = name  # what Chalice deploys it as
    return handler


app = Service()
for _name, _step, _kind in FUNCTIONS:
    globals()[_name] = app.lambda_function(name=_name)(_handler(_name, _step, _kind))

if served_handler() is None:  # packaging, tests and tools see the whole program, with every table
    app.load(map(_routes_of, BLUEPRINTS))
    for _name, _step, _kind in FUNCTIONS:
        importlib.import_module(_jobs_of(_step))
if served_handler() in {None, _HTTP}:  # jobs have no callers to prove
    from chalicelib.accounts.guard import RequestGuard
    from chalicelib.edge.http import refuse_unknown_actions
    from chalicelib.sheets.content_types import BINARY

    app.api.binary_types = list(BINARY)
    refuse_unknown_actions(RequestGuard())
for _port, _answer in {
    "guard_of_requests": "chalicelib.accounts.guard:RequestGuard",
    "division_of_institution": "chalicelib.catalogue.institutions.service:division_of_institution",
    "institution_stands": "chalicelib.catalogue.institutions.service:institution_stands",
    "needs_scope": "chalicelib.accounts.rights:needs_scope",
    "events_told": "chalicelib.exchange.webhooks.model:events_told",
    "may_be_told": "chalicelib.exchange.webhooks.model:may_be_told",
    "registered_names": "chalicelib.catalogue.institutions.reading:registered_names",
    "enrolments_on_roster": "chalicelib.enrolments.service:bound_enrolments",
    "vouchers_enrolled_at": "chalicelib.enrolments.service:vouchers_enrolled_at",
    "classes_trainees_may_leave": "chalicelib.classes.rosters.service:classes_one_may_leave",
    "want_registers": "chalicelib.subsidies.register.store:want_registers",
    "approved_elsewhere": "chalicelib.subsidies.register.reading:approved_elsewhere",
    "why_not_claim_class": "chalicelib.subsidies.filing.service:why_not_claim",
    "why_not_close_class": "chalicelib.subsidies.lapsing.service:why_not_close",
    "evidence_of_class": "chalicelib.attendance.summary.evidence:evidence_of",
    "undecided_in_class": "chalicelib.attendance.summary.evidence:undecided_in",
    "undecided_by_class": "chalicelib.attendance.summary.evidence:undecided_by_class",
    "release_idle": "chalicelib.enrolments.release.idle:release_idle",
    "lapse_classes": "chalicelib.classes.cancellation.service:lapse_classes",
    "lapse_claims": "chalicelib.subsidies.lapsing.service:lapse_claims",
    "card_of_institution": "chalicelib.supervision.inspections.cards:card_of",
    "reopen_tolerated": "chalicelib.supervision.cases.service:reopen_tolerated",
    "lapse_footage": "chalicelib.attendance.footage.lapsing:lapse_footage",
    "withdraw_batches": "chalicelib.vouchers.batches.service:withdraw_batches",
    "name_on_list": "chalicelib.people.vault.service:is_named",
    "person_renamed": "chalicelib.vouchers.names.service:follow_name",
    "lines_out_of_batches": "chalicelib.settlement.batches.taking_out:lines_out_of_batches",
    "hold_again_before_sealing": "chalicelib.supervision.cases.service:hold_again",
    "evaluated_before_sealing": "chalicelib.supervision.evaluations.asking:evaluate_before_sealing",
    "evaluated_classes": "chalicelib.supervision.evaluations.asking:evaluated_classes",
    "ask_for_evaluation": "chalicelib.supervision.evaluations.asking:ask_again",
    "not_evaluated": "chalicelib.supervision.evaluations.asking:tell_missed",
    "listed_trainee": "chalicelib.supervision.evaluations.service:touch_class_of",
    "payment_of_voucher": "chalicelib.subsidies.holds.listed:stop_payment",
}.items():
    install(_port, _answer)
gc.freeze()  # nor will it be
gc.enable()
