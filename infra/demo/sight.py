"""The eye of the demo: draws an SVG as a phone's screen would and reads the QR code on it."""

from __future__ import annotations

import io

import resvg_py
import zxingcpp
from PIL import Image


def read_qr(svg: str) -> str:
    """Draw a picture and read the one QR code in it; empty if there is none to be read."""
    drawn = bytes(resvg_py.svg_to_bytes(svg_string=svg))
    with Image.open(io.BytesIO(drawn)) as picture:
        found = zxingcpp.read_barcodes(picture.convert("RGB"))
    return found[0].text if len(found) == 1 else ""
