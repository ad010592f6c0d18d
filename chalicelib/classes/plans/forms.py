"""The forms of a plan: sites, trainers, lessons, as applications and changes send them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.catalogue.institutions.model import Location
from chalicelib.classes.model import TRAINERS_MAX, Site
from chalicelib.classes.plans.draft import CatalogueSite, LessonDraft, SiteDraft, TrainerDraft
from chalicelib.edge.forms import Form, line, malformed
from chalicelib.kernel.errors import Fault

Name = Annotated[str, line(100)]
Id = Annotated[str, Meta(min_length=1, max_length=80)]
Moment = Annotated[datetime, Meta(tz=True)]


class SiteForm(Form):
    """A place of training, or a room of it; `radius_m` narrows the policy's geofence.

    With `source: "catalogue"` it is the institution's own place, as listed: then name, address and location
    are not given.
    """

    name: Name | None = None
    address: Annotated[str, line(200)] | None = None
    location: Location | None = None
    radius_m: Annotated[int, Meta(ge=10, le=1000)] | None = None
    room: Annotated[str, line(50)] | None = None
    source: Literal["new", "catalogue"] = "new"


class TrainerForm(Form):
    """A trainer."""

    name: Annotated[str, line(64)]
    id_number: Annotated[str, Meta(min_length=1, max_length=40)]
    qualification: Annotated[str, line(200, needed=False)] = ""


class LessonForm(Form):
    """A lesson: `hours` are lesson hours (课时), `trainer` an index into `trainers`."""

    starts_at: Moment
    ends_at: Moment
    hours: Annotated[int, Meta(ge=1, le=24)]
    topic: Annotated[str, line(100, needed=False)] = ""
    trainer: Annotated[int, Meta(ge=0, lt=TRAINERS_MAX)] = 0
    site: SiteForm | None = None


def site_draft(form: SiteForm, field: str) -> SiteDraft:
    """Give the place of a form; `field` is where the form stands in its body.

    Raises:
        Malformed: a new place with parts missing, or a listed one with parts given.

    """
    parts = {"name": form.name, "address": form.address, "location": form.location}
    listed = form.source == "catalogue"
    code = "unknown_field" if listed else "missing_field"
    faults = [
        Fault(code, field=f"{field}.{name}") for name, part in parts.items() if (part is None) != listed
    ]
    if faults:
        raise malformed(faults)
    if form.name is None or form.address is None or form.location is None:
        return CatalogueSite(room=form.room, radius_m=form.radius_m)
    return Site(
        name=form.name, address=form.address, location=form.location, radius_m=form.radius_m, room=form.room
    )


def trainer_drafts(forms: Sequence[TrainerForm]) -> list[TrainerDraft]:
    """Give the trainers of a form."""
    return [TrainerDraft(form.name, form.id_number, form.qualification) for form in forms]


def lesson_draft(form: LessonForm, field: str) -> LessonDraft:
    """Give a lesson of a form; `field` is where the form stands in its body."""
    return LessonDraft(
        starts_at=form.starts_at,
        ends_at=form.ends_at,
        hours=form.hours,
        topic=form.topic,
        trainer=form.trainer,
        site=site_draft(form.site, f"{field}.site") if form.site is not None else None,
    )
