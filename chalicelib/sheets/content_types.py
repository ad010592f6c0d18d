"""The two kinds of sheets that are read and written."""

from chalicelib.kernel.reasons import error

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
BYTES = "application/octet-stream"
"""As what many programs send any file: what it is, is told by how it begins."""
EXCEL = "application/vnd.ms-excel"
"""What Windows says of a csv once Excel is installed, and of the workbooks of before 2007."""
CALLED_CSV = frozenset({CSV, "text/comma-separated-values", EXCEL})
"""How programs call a csv; what the file really is tell its first bytes."""
BINARY = (XLSX, CSV, EXCEL, BYTES)
"""What the gateway hands on as the bytes that came, as GB18030 needs."""
_ZIP_BEGINS = b"PK\x03\x04"


def kind_of_bytes(raw: bytes) -> str:
    """Tell which of the two kinds a file is by its first bytes: a workbook is a zip archive."""
    return XLSX if raw.startswith(_ZIP_BEGINS) else CSV


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
