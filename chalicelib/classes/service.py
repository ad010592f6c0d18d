"""Use cases of classes that all others begin with: read one, and let the caller at it."""

from collections import OrderedDict

import msgspec

from chalicelib.accounts import rights
from chalicelib.catalogue.institutions.store import want_institutions
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.projects.reading import pinned_project, project_as_of, read_project
from chalicelib.catalogue.projects.store import want_projects
from chalicelib.classes import store
from chalicelib.classes.model import TrainingClass
from chalicelib.classes.store import ClassParts
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.enrolments.store import enrolments_of
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.paging import LIMIT_MAX, PageRequest
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import current_program, pinned_policy, read_program


def read_class(class_id: str) -> TrainingClass:
    """Read a whole class.

    Raises:
        NotFound: there is none.

    """
    return complete(read_parts(class_id))


def read_parts(class_id: str) -> ClassParts:
    """Read the parts of a class, and remember them for the decision that often follows.

    Raises:
        NotFound: there is none.

    """
    return _remembered(store.find_parts(class_id) if is_id(class_id, "cls") else None)


def read_with_changes(class_id: str) -> ClassParts:
    """Read the parts of a class with its changes; raises like `read_parts`."""
    return _remembered(store.find_with_changes(class_id) if is_id(class_id, "cls") else None)


def _remembered(parts: ClassParts | None) -> ClassParts:
    if parts is None:
        raise error("not_found")
    class_id = parts.head.id
    _recent[class_id] = parts
    _recent.move_to_end(class_id)
    if len(_recent) > _RECENT_MAX:
        _recent.popitem(last=False)
    return parts


_RECENT_MAX = 200
_recent: OrderedDict[str, ClassParts] = OrderedDict()
"""Classes as this process last read them. A version never changes, so what a decision on that very version
needs to know is true; whether the version still stands is left to the write's condition."""


def complete(parts: ClassParts) -> TrainingClass:
    """Put a class together under its policy: the pinned one, or the newest until it is approved."""
    if parts.head.approved_by is not None:
        return parts.whole(pinned_policy(parts.head.program_id, parts.head.policy_version))
    want_projects([parts.head.project_id])  # such a class is shown by what stands now
    want_institutions([parts.head.institution])
    program = read_program(parts.head.program_id)
    whole = parts.whole(program.policy)
    return msgspec.structs.replace(whole, policy_version=program.policy_version)


def project_of(training_class: TrainingClass) -> Project:
    """Give a class's project: as it was when the class was approved, or the newest until then.

    A class approved before versions were pinned has the one that stood at its approval.
    """
    project_id, approved_at = training_class.project_id, training_class.approved_at
    if approved_at is None:
        return read_project(project_id)
    if training_class.project_version is None:
        return project_as_of(project_id, approved_at)
    return pinned_project(project_id, training_class.project_version)


def forget_classes() -> None:
    """Drop the cached classes of this process."""
    _recent.clear()


def require_class(context: Context, action: str, class_id: str) -> TrainingClass:
    """Read a class on which the caller may do this.

    Raises:
        Forbidden: the role may not.
        NotFound: there is none in the caller's area.

    """
    return complete(require_parts(context, action, class_id))


def require_parts(context: Context, action: str, class_id: str) -> ClassParts:
    """Read the parts of a class on which the caller may do this; raises like `require_class`."""
    rights.admit(context.principal, action)
    return _reached(context, action, read_parts(class_id))


def require_with_changes(context: Context, action: str, class_id: str) -> ClassParts:
    """Read the parts of a class with its changes; raises like `require_class`."""
    rights.admit(context.principal, action)
    return _reached(context, action, read_with_changes(class_id))


def require_version(context: Context, action: str, class_id: str, version: int) -> TrainingClass:
    """Give a class as it is at a version, for a decision on it; raises like `require_class`.

    The clerk has read what they decide on: if this process still knows that version, nothing is read again.
    """
    rights.admit(context.principal, action)
    known = _recent.get(class_id)
    if known is None or known.head.version != version:
        return complete(_reached(context, action, read_parts(class_id)))
    return _at_newest_policy(_reached(context, action, known))


_OWN_HISTORY = ("class.read", "attendance.read_own")
"""What who left a class may still do with it: look at what was recorded of them."""


def _reached(context: Context, action: str, parts: ClassParts) -> ClassParts:
    principal = context.principal
    person_key = principal.person_key
    if person_key is not None and person_key not in parts.roster:
        left = action in _OWN_HISTORY and withdrawn_enrolment(parts.head.id, person_key) is not None
        person_key = person_key if left else None
    rights.require(
        principal,
        action,
        division=parts.head.division,
        institution=parts.head.institution,
        person_key=person_key,
    )
    return parts


def withdrawn_enrolment(class_id: str, person_key: str) -> str | None:
    """Give the enrolment of somebody who withdrew from a class: their history stays theirs."""
    page = enrolments_of(person_key, PageRequest(limit=LIMIT_MAX))
    withdrawn = (e.id for e in page.items if e.status is EnrolmentStatus.WITHDRAWN and e.class_id == class_id)
    return next(withdrawn, None)


def _at_newest_policy(parts: ClassParts) -> TrainingClass:
    """Put a known class together under a policy that is at most a minute old, and not older than its own."""
    if parts.head.approved_by is not None:
        return complete(parts)
    program = current_program(parts.head.program_id)
    if program.policy_version < parts.head.policy_version:
        return complete(parts)
    return msgspec.structs.replace(parts.whole(program.policy), policy_version=program.policy_version)
