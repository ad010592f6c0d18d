"""The two kinds of sheets that are read and written."""

from chalicelib.kernel.reasons import error

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"


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
