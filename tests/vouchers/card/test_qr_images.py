"""The picture of the QR, read by a decoder that shares no code with what draws it."""

import io
from datetime import UTC, datetime

import pytest
import resvg_py
import zxingcpp
from PIL import Image, ImageFilter, ImageOps

from chalicelib.kernel.ids import derived_id
from chalicelib.vouchers.card import qr

NOW = datetime(2026, 9, 1, 1, 0, 30, tzinfo=UTC)
WIDTHS = (120, 160, 240, 400)
TOKENS = [
    qr.make_token(derived_id("vch", str(n)), now=NOW, key=("a1b2", b"k" * 32), device=device).text
    for n in range(5)
    for device in ("", "abcdefgh")
]
SEEN_AS = {
    "as drawn": lambda image: image,
    "inverted as dark mode would": ImageOps.invert,
    "slightly out of focus": lambda image: image.filter(ImageFilter.GaussianBlur(0.8)),
    "turned by 7 degrees": lambda image: image.rotate(
        7, Image.Resampling.BICUBIC, expand=True, fillcolor=255
    ),
    "turned by 33 degrees": lambda image: image.rotate(
        33, Image.Resampling.BICUBIC, expand=True, fillcolor=255
    ),
    "on a dim screen": lambda image: image.point([100 + level * 60 // 255 for level in range(256)]),
}


def drawn(text, width):
    png = resvg_py.svg_to_bytes(svg_string=qr.draw(text), width=width)
    return Image.open(io.BytesIO(bytes(png)))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("seen", SEEN_AS, ids=str)
def test_every_code_is_read(width, seen):
    for token in TOKENS:
        image = SEEN_AS[seen](drawn(token, width).convert("L"))
        assert [barcode.text for barcode in zxingcpp.read_barcodes(image, try_invert=True)] == [token]


def test_it_brings_its_own_white_ground_so_a_dark_page_does_not_swallow_it():
    image = drawn(TOKENS[0], 240).convert("RGBA")
    page = Image.new("RGBA", (300, 300), "black")
    page.paste(image, (30, 30), image)
    barcodes = zxingcpp.read_barcodes(page.convert("L"), try_invert=False)
    assert [barcode.text for barcode in barcodes] == [TOKENS[0]]
    corner = image.getpixel((2, 2))
    assert corner == (255, 255, 255, 255), "the quiet zone is opaque and white"
