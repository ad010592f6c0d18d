"""How notices of a sheet are answered, by every endpoint that reads one."""

from chalicelib.edge.forms import Answer
from chalicelib.kernel.notices import Notice
from chalicelib.kernel.reasons import sentence


class NoticeAnswer(Answer):
    """How cells of a column were read, in how many rows, the first of them; nothing is wrong with them."""

    column: str
    code: str
    detail: str
    rows: int
    first_row: int


def notice_answers(notices: list[Notice], *, english: bool) -> list[NoticeAnswer]:
    """Word notices, in the caller's language."""
    return [_answer(notice, english=english) for notice in notices]


def _answer(notice: Notice, *, english: bool) -> NoticeAnswer:
    facts = {"column": notice.column, "written": notice.written, "kept": notice.kept}
    return NoticeAnswer(
        column=notice.column,
        code=notice.code,
        detail=sentence(notice.code, facts, english=english),
        rows=notice.rows,
        first_row=notice.first_row,
    )
