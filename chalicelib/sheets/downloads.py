"""Sheets that people download: written to the bucket, read through a link that is good for ten minutes.

The gateway gives bytes as bytes only to clients that ask for just this type, so no answer is a workbook.
"""

from collections.abc import Iterable, Sequence

from chalicelib.aws import objects
from chalicelib.aws.settings import settings
from chalicelib.sheets.content_types import XLSX
from chalicelib.sheets.packing import Cell
from chalicelib.sheets.writing import write_xlsx


def link_to_xlsx(
    title: str, headers: Sequence[str], rows: Iterable[Sequence[Cell]], *, key: str, filename: str
) -> str:
    """Write a sheet as xlsx under a key of the intake bucket and give the link."""
    return link_to(write_xlsx(title, headers, rows), content_type=XLSX, key=key, filename=filename)


def link_to(raw: bytes, *, content_type: str, key: str, filename: str) -> str:
    """Write a sheet that is ready under a key of the intake bucket and give the link."""
    bucket = settings().intake_bucket
    objects.write_object(bucket, key, raw, content_type=content_type)
    return objects.link(bucket, key, filename=filename)
