"""Use cases of applications: write one down, file it, decide on it (step 6 of the notice)."""

from dataclasses import dataclass

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws.waiting import queue_of
from chalicelib.catalogue.institutions.cards import may_open_no_class
from chalicelib.catalogue.institutions.reading import current_institution, read_institution
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.projects.reading import current_project, read_project
from chalicelib.classes.applications import store as application_store
from chalicelib.classes.model import TrainingClass, also_prepared, why_not
from chalicelib.classes.occupancy.service import writes_taking
from chalicelib.classes.plans.draft import PlanDraft, parts_of_draft
from chalicelib.classes.plans.model import breaches_of, refusal_of
from chalicelib.classes.service import read_parts, require_class, require_parts, require_version
from chalicelib.classes.showing.service import ShownClass, show_decided, show_parts
from chalicelib.kernel.ids import ClassId, new_id
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.programs.service import current_program


def create_class(context: Context, draft: PlanDraft) -> ShownClass:
    """Write down an application as a draft; raises like `parts_of_draft`."""
    principal = context.principal
    assert principal.institution is not None
    institution = read_institution(principal.institution)
    rights.require(principal, "class.write", institution=institution.uscc)
    class_id = ClassId(new_id("cls"))
    head, plan = parts_of_draft(class_id, draft, institution, version=1, now=context.now)
    head = msgspec.structs.replace(head, also_prepared_by=[principal.actor])
    application_store.create_class(head, plan, change_of(context, "class.write"))
    return show_parts(context, read_parts(class_id))


def edit_class(context: Context, class_id: str, draft: PlanDraft, *, version: int) -> ShownClass:
    """Replace an application that is not filed; after a return it stays returned until filed again."""
    old = require_parts(context, "class.write", class_id)
    actor = context.principal.actor
    institution = read_institution(old.head.institution)
    head, plan = parts_of_draft(old.head.id, draft, institution, version=version + 1, now=context.now)
    refuse(why_not("edit", old.head, hands=context.principal.hands, now=context.now, version=version))
    head = msgspec.structs.replace(head, also_prepared_by=also_prepared(old.head, actor))
    application_store.replace_plan(
        head,
        plan,
        version=version,
        returned=old.plan if old.head.returned_version == old.head.version else None,
        change=change_of(context, "class.write"),
    )
    return show_parts(context, read_parts(class_id))


def submit_class(context: Context, class_id: str, *, version: int, comment: str | None) -> ShownClass:
    """File an application; what was a warning on the draft is a refusal now.

    Raises:
        Refused: the first rule broken in the documented order, all of them in `faults`.

    """
    training_class = require_class(context, "class.submit", class_id)
    actor = context.principal.actor
    refuse(why_not("submit", training_class, hands=context.principal.hands, now=context.now, version=version))
    breaches = breaches_of(
        training_class,
        kind=current_program(training_class.program_id).kind,
        institution=read_institution(training_class.institution),
        project=read_project(training_class.project_id),
        now=context.now,
        barred=may_open_no_class(training_class.institution, training_class.policy, context.now),
    )
    refuse(refusal_of(breaches))
    application_store.submit(
        training_class.id,
        writes_taking(training_class, training_class),
        version=version,
        by=actor,
        also=also_prepared(training_class, actor, submitted_by=actor),
        policy_version=training_class.policy_version,
        queue=queue_of(training_class.division),
        now=context.now,
        change=change_of(context, "class.submit", reason=comment),
    )
    return show_parts(context, read_parts(class_id))


# --------------------------------------------------------------------------- decisions


@dataclass(frozen=True)
class ShownTerms:
    """The versions of policy and project that somebody decides on; None where they do not say."""

    policy_version: int | None
    project_version: int | None

    def are_of(self, training_class: TrainingClass, project: Project) -> bool:
        """Tell whether a class would be approved under these very versions."""
        return self.policy_version in (None, training_class.policy_version) and self.project_version in (
            None,
            project.version,
        )


def approve_class(
    context: Context, class_id: str, *, version: int, comment: str | None, terms: ShownTerms | None = None
) -> ShownClass:
    """Approve an application; policy and project of this moment are pinned to the class.

    The rules are asked once more: the institution may have been suspended, or the policy changed, since.
    `terms` are the versions that were shown to who decides; others are not approved.

    Raises:
        Refused: `terms_changed`, policy or project have another version than was shown; or a rule.

    """
    training_class = require_version(context, "class.approve", class_id, version)
    principal = context.principal
    refuse(why_not("approve", training_class, hands=principal.hands, now=context.now, version=version))
    project = current_project(training_class.project_id)
    if terms is not None and not terms.are_of(training_class, project):
        training_class = require_class(context, "class.approve", class_id)
        project = read_project(training_class.project_id)
        if not terms.are_of(training_class, project):
            raise error("terms_changed")
    breaches = breaches_of(
        training_class,
        kind=current_program(training_class.program_id).kind,
        institution=current_institution(training_class.institution),
        project=project,
        now=training_class.submitted_at or context.now,
        barred=may_open_no_class(training_class.institution, training_class.policy, context.now),
    )
    refuse(refusal_of(breaches))
    head = application_store.approve(
        training_class.id,
        version=version,
        by=principal.actor,
        hands=principal.hands,
        policy_version=training_class.policy_version,
        project_version=project.version,
        ends_at=training_class.ends_at,
        now=context.now,
        change=change_of(context, "class.approve", reason=comment),
    )
    return show_decided(training_class, head)


def return_class(context: Context, class_id: str, *, version: int, reason: str) -> ShownClass:
    """Return an application to the institution with the reason."""
    training_class = require_version(context, "class.return", class_id, version)
    hands = context.principal.hands
    refuse(why_not("return", training_class, hands=hands, now=context.now, version=version))
    change = change_of(context, "class.return", reason=reason)
    head = application_store.give_back(
        training_class.id, version=version, reason=reason, hands=hands, change=change
    )
    return show_decided(training_class, head)
