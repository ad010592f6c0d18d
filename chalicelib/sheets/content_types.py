"""The two kinds of sheets that are read and written."""

from chalicelib.kernel.reasons import error

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
COMMA_SEPARATED = "text/comma-separated-values"
"""What this service sends a csv as, see `chalicelib.edge.endpoints`."""
EXCEL = "application/vnd.ms-excel"
"""What Windows says of a csv once Excel is installed, and of the workbooks of before 2007."""
CALLED_CSV = frozenset({CSV, COMMA_SEPARATED, EXCEL})
"""How programs call a csv; what the file really is tell its first bytes."""
BINARY = (XLSX, CSV, EXCEL)
"""What the gateway hands on as the bytes that came, as GB18030 needs."""


def content_type_of(filename: str) -> str:
    """Tell the content type of a sheet by its file name.

    Raises:
        Impossible: `unreadable_sheet` for any other ending.

    """
    lowered = filename.lower()
    if lowered.endswith(".xlsx"):
        return XLSX
    if lowered.endswith(".csv"):
        return CSV
    raise error("unreadable_sheet")
