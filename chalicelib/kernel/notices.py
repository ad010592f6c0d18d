"""What is to be known of a sheet besides faults."""

import msgspec


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something to know of a sheet that is not wrong: how cells of a column were read, in how many rows.

    `read_as`: `written` was taken for `kept`; `tidied`: a number or name was brought into its one form;
    `place_unknown`: the place in an ID number is in no table, which may be right; `column_ignored`: nobody
    reads that column.
    """

    column: str
    code: str
    rows: int
    first_row: int
    written: str = ""
    kept: str = ""
