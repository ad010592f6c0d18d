"""HTTP of the catalogue's sheets."""

from chalicelib.catalogue.answers import WARNINGS, CatalogueWarningCode
from chalicelib.catalogue.imports import service
from chalicelib.catalogue.imports.layouts import LAYOUTS
from chalicelib.catalogue.model import CatalogueKind
from chalicelib.edge.endpoints import PUBLIC, Call, LinkAnswer, SheetBody
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.edge.notices import NoticeAnswer, notice_answers
from chalicelib.edge.problems import RowFault, row_fault_of

api = Api(__name__)


class CatalogueQuery(Form):
    """What a sheet lists, and whether to apply it; `partial` applies the right rows though some are wrong."""

    kind: CatalogueKind
    dry_run: bool = False
    partial: bool = False


class RowWarning(RowFault):
    """Something to look at again in a row of the catalogue; it counts all the same."""

    code: CatalogueWarningCode


class CatalogueAnswer(Answer):
    """What a sheet did to the catalogue, or would do."""

    kind: CatalogueKind
    dry_run: bool
    total: int
    created: int
    changed: int
    unchanged: int
    warnings: list[RowWarning]
    errors: list[RowFault]
    notices: list[NoticeAnswer]
    error_sheet: str | None


class TemplateQuery(Form):
    """Of which list."""

    kind: CatalogueKind


@api.endpoint(
    "POST",
    "/v1/catalogue/imports",
    action="catalogue.import",
    query=CatalogueQuery,
    answer=CatalogueAnswer,
    sheet=True,
    layouts=list(LAYOUTS.values()),
    summary="List institutions or projects from a sheet; all rows are judged, none applied if one is wrong",
)
def import_catalogue(call: Call[SheetBody, CatalogueQuery]) -> CatalogueAnswer:
    sheet, query = call.body, call.query
    result = service.import_catalogue(
        call.context, query.kind, sheet.raw, sheet.content_type, dry_run=query.dry_run, partial=query.partial
    )
    return CatalogueAnswer(
        kind=query.kind,
        dry_run=query.dry_run,
        total=result.total,
        created=result.created,
        changed=result.changed,
        unchanged=result.unchanged,
        warnings=[
            RowWarning(
                row=row, code=CatalogueWarningCode(code), detail=WARNINGS[code][1 if call.english else 0]
            )
            for row, code in result.warnings
        ],
        errors=[row_fault_of(fault, english=call.english) for fault in result.faults],
        notices=notice_answers(list(result.notices), english=call.english),
        error_sheet=result.error_sheet,
    )


@api.endpoint(
    "GET",
    "/v1/catalogue/templates",
    action=PUBLIC,
    query=TemplateQuery,
    answer=LinkAnswer,
    summary="A link to the empty sheet of a catalogue import",
)
def get_catalogue_template(call: Call[None, TemplateQuery]) -> LinkAnswer:
    return LinkAnswer(url=service.link_to_template(call.query.kind))
