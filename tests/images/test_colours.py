"""Files whose values are easily misread come out in the right colours, or are refused in one line."""

import io
import struct
import zlib

import numpy as np
import PIL
import pytest
from PIL import Image

from strongpose.exceptions import ImageError
from strongpose.images import open_image, read_size

PILLOW = tuple(map(int, PIL.__version__.split(".")[:2]))

RAMP = np.tile(np.linspace(0, 1, 64), (8, 1))  # shares of the highest value, from left to right
DEFLATE = 8


def tiff(planes, bits, photometric, kind=1, order="<", compression=1, separate=False, more=(), big=False):
    """A TIFF file of RAMP's size; ``planes`` are the bytes of its pixels or planes, in the file's byte order.

    kind: of the samples; 1 without signs, 2 with signs, 3 floats.
    """
    planes = [zlib.compress(plane) if compression == DEFLATE else plane for plane in planes]
    height, width = RAMP.shape
    tags = {256: [width], 257: [height], 258: bits, 259: [compression], 262: [photometric], 277: [len(bits)]}
    tags |= {278: [height], 284: [2 if separate else 1], 339: [kind] * len(bits), **dict(more)}
    tags |= {273: [0] * len(planes), 279: [len(plane) for plane in planes]}
    size, room = ("Q", 8) if big else ("I", 4)
    head = (b"II" if order == "<" else b"MM") + struct.pack(
        f"{order}{'HHHQ' if big else 'HI'}", *((43, 8, 0, 16) if big else (42, 8))
    )
    start = len(head) + (8 if big else 2) + len(tags) * (4 + 2 * room) + room
    far = {tag: values for tag, values in sorted(tags.items()) if 4 * len(values) > room}
    places = dict(zip(far, start + np.cumsum([0, *(4 * len(values) for values in far.values())]), strict=False))
    first = start + sum(4 * len(values) for values in far.values())
    tags[273] = [int(at) for at in first + np.cumsum([0, *map(len, planes[:-1])])]
    entries = b""
    for tag, values in sorted(tags.items()):
        is_long = tag in (273, 279) or tag in far
        content = struct.pack(f"{order}{len(values)}{'I' if is_long else 'H'}", *values)
        if tag in far:
            content = struct.pack(f"{order}{size}", int(places[tag]))
        entries += struct.pack(f"{order}HH{size}", tag, 4 if is_long else 3, len(values)) + content.ljust(room, b"\0")
    count = struct.pack(f"{order}{'Q' if big else 'H'}", len(tags))
    outside = b"".join(struct.pack(f"{order}{len(tags[tag])}I", *tags[tag]) for tag in far)
    return head + count + entries + bytes(room) + outside + b"".join(planes)


def packed12(values):
    """12-bit values, two in three bytes."""
    a, b = values[:, ::2].astype(int), values[:, 1::2].astype(int)
    return np.dstack([a >> 4, (a & 15) << 4 | b >> 8, b & 255]).astype(np.uint8).tobytes()


def grey(data):
    """The left, middle and right pixel of a picture, which must be grey."""
    picture = open_image(data)
    assert picture.shape == (*RAMP.shape, 3) and read_size(data) == RAMP.shape[::-1]
    assert (picture == picture[..., :1]).all()
    return picture[0, [0, 32, 63], 0].astype(int)


@pytest.mark.parametrize("compression", [1, DEFLATE])
@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize(
    ("bits", "kind", "type_", "top"),
    [
        (8, 1, "u1", 255),
        (16, 1, "u2", 65535),
        (32, 2, "i4", 65535),
        (32, 3, "f4", 1),
        (32, 3, "f4", 255),
        (32, 3, "f4", 65535),
    ],
)
def test_grey_tiff_files_of_both_polarities(bits, kind, type_, top, order, compression, big):
    plane = (RAMP * top).astype(order + type_).tobytes()
    for separate in (False, True):  # which makes no difference where a pixel has one sample
        dark, bright = (
            tiff([plane], [bits], photometric, kind, order, compression, separate, big=big) for photometric in (1, 0)
        )
        if (order, compression, bits) == (">", DEFLATE, 32):
            with pytest.raises(ImageError, match=r"\(32 bits a sample, compressed, in the other byte order\)"):
                open_image(dark)
            continue
        assert np.abs(grey(dark) - [0, 130, 255]).max() <= 1
        assert np.abs(grey(bright) - [255, 125, 0]).max() <= 1


@pytest.mark.parametrize("compression", [1, DEFLATE])
def test_12_bits_reach_from_black_to_white(compression):
    plane = packed12(RAMP * 4095)
    assert np.abs(grey(tiff([plane], [12], 1, compression=compression)) - [0, 130, 255]).max() <= 1
    assert np.abs(grey(tiff([plane], [12], 0, compression=compression)) - [255, 125, 0]).max() <= 1


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("fill", [1, 2])
def test_single_bits_of_both_polarities(fill, separate):
    plane = np.packbits(RAMP > 0.4, axis=1, bitorder="big" if fill == 1 else "little").tobytes()
    for photometric, expected in ((1, [0, 255, 255]), (0, [255, 0, 0])):
        assert grey(tiff([plane], [1], photometric, separate=separate, more={266: [fill]})).tolist() == expected


def test_a_pillow_image_of_a_tiff_file_whose_zero_is_white():
    with Image.open(io.BytesIO(tiff([(RAMP * 65535).astype("<u2").tobytes()], [16], 0))) as image:
        assert open_image(image)[0, [0, -1], 0].tolist() == [255, 0]


@pytest.mark.parametrize(("bits", "type_"), [(8, "i1"), (16, "i2")])
@pytest.mark.parametrize("photometric", [1, 0])
def test_signed_samples_are_refused(bits, type_, photometric):
    data = tiff([(RAMP * 100).astype(f"<{type_}").tobytes()], [bits], photometric, kind=2)
    with pytest.raises(ImageError, match=r"beach: (.*signed samples.*|not a photo.*); save it again as"):
        open_image(data, "beach")


def test_the_preview_in_a_raw_photo_is_not_taken_for_it():
    plane = (RAMP * 255).astype(np.uint8).tobytes()
    assert open_image(tiff([plane], [8], 1, more={254: [1]})).shape == (*RAMP.shape, 3)
    with pytest.raises(ImageError, match="the small preview of a camera's raw photo, which must be developed first"):
        open_image(tiff([plane], [8], 1, more={254: [1], 330: [0]}))


def pages(kinds):
    """A TIFF file of pages whose NewSubfileType is as given, with as many columns as their number says."""
    out = io.BytesIO()
    pictures = [Image.new("RGB", (20 + 10 * i, 8), (0, 0, 80 * i)) for i in range(len(kinds))]
    for picture, kind in zip(pictures, kinds, strict=True):
        picture.encoderinfo = {"tiffinfo": {254: kind}}
    pictures[0].save(out, "TIFF", save_all=True, append_images=pictures[1:], tiffinfo={254: kinds[0]})
    return out.getvalue()


@pytest.mark.parametrize(
    ("kinds", "taken"), [((1, 0), 1), ((1, 2), 1), ((1, 5, 2, 0), 2), ((0, 1), 0), ((2, 0), 0), ((1, 1, 5), 2)]
)
@pytest.mark.skipif(PILLOW < (11, 3), reason="older Pillow takes these pages otherwise")
def test_the_first_page_that_is_no_preview_is_taken(kinds, taken):
    data = pages(kinds)
    assert open_image(data).shape == (8, 20 + 10 * taken, 3)
    assert (open_image(data) == (0, 0, 80 * taken)).all()
    assert read_size(data) == (20 + 10 * taken, 8)


def test_pages_in_a_circle_come_to_an_end():
    data = bytearray(tiff([(RAMP * 255).astype(np.uint8).tobytes()], [8], 1, more={254: [1]}))
    after = 8 + 2 + 12 * int.from_bytes(data[8:10], "little")
    data[after : after + 4] = (8).to_bytes(4, "little")
    assert open_image(bytes(data)).shape == (*RAMP.shape, 3)


@pytest.mark.parametrize("order", "<>")
def test_deep_colours_in_separate_planes_are_right_or_refused(order):
    planes = [(plane * 65535).astype(f"{order}u2").tobytes() for plane in (RAMP, 1 - RAMP, 0 * RAMP)]
    data = tiff(planes, [16] * 3, 2, order=order, compression=DEFLATE, separate=True)
    assert np.abs(open_image(data)[0, [0, 32, 63]].astype(int) - [[0, 255, 0], [130, 125, 0], [255, 0, 0]]).max() <= 1
    with pytest.raises(ImageError, match=r"\(16 bits a sample in separate planes\); save it again as 8-bit RGB"):
        open_image(tiff(planes, [16] * 3, 2, order=order, separate=True))


@pytest.mark.parametrize(
    ("alpha", "meaning", "expected"),
    [
        (0, None, [130, 0, 0]),  # nothing says what the fourth sample is
        (0, 0, [130, 0, 0]),  # said to be no alpha
        (0, 1, [255, 255, 255]),  # multiplied already
        (0, 2, [255, 255, 255]),
        (255, 2, [130, 0, 0]),
    ],
)
def test_the_fourth_sample_of_tiff_files(alpha, meaning, expected):
    pixels = np.zeros((*RAMP.shape, 4), np.uint8)
    pixels[..., 0], pixels[..., 3] = RAMP * 255, alpha
    data = tiff([pixels.tobytes()], [8] * 4, 2, more={} if meaning is None else {338: [meaning]})
    assert np.abs(open_image(data)[0, 32].astype(int) - expected).max() <= 1


@pytest.mark.skipif(PILLOW < (13, 0), reason="older Pillow does not read grey that is multiplied by its alpha")
def test_grey_that_is_multiplied_by_its_alpha():
    pixels = np.dstack([RAMP * 127, 0 * RAMP + 127]).astype(np.uint8)
    data = tiff([pixels.tobytes()], [8, 8], 1, more={338: [1]})
    assert np.abs(grey(data) - [128, 193, 255]).max() <= 2


def bmp(header, masks, alpha, is_whole=True):
    """A 32-bit BMP file with RAMP in red, as Windows and Photoshop write it; without its file header a DIB."""
    pixels = np.zeros((*RAMP.shape, 4), np.uint8)
    pixels[..., 2], pixels[..., 3] = RAMP * 255, alpha
    height, width = RAMP.shape
    about = struct.pack("<IiiHHIIiiII", header, width, height, 1, 32, 3, pixels.size, 2835, 2835, 0, 0)
    about += struct.pack("<4I", *masks)
    about = about.ljust(header, b"\0")[: max(header, 52)]  # one of 40 bytes has the masks behind it
    start = 14 + len(about)
    file = b"BM" + struct.pack("<IHHI", start + pixels.size, 0, 0, start) if is_whole else b""
    return file + about + pixels.tobytes()


@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize("is_whole", [True, False], ids=["BMP", "DIB"])
def test_a_bmp_whose_alpha_is_zero_everywhere_is_the_picture(header, is_whole):
    if header in (52, 56) and PILLOW < (11, 0):
        pytest.skip("older Pillow does not know these headers")
    data = bmp(header, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), 0, is_whole)
    assert np.abs(open_image(data)[0, [0, 32, 63]].astype(int) - [[0, 0, 0], [130, 0, 0], [255, 0, 0]]).max() <= 1


def test_a_bmp_with_an_alpha_is_laid_on_white():
    alpha = np.where(RAMP < 0.5, 0, 255)
    assert open_image(bmp(108, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), alpha))[0, [0, 63]].tolist() == [
        [255, 255, 255],
        [255, 0, 0],
    ]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_formats_that_have_a_true_alpha_are_laid_on_white_where_it_is_zero(kind):
    out = io.BytesIO()
    Image.new("RGBA", (40, 20), (255, 0, 0, 0)).save(out, kind)
    assert (open_image(out.getvalue()) == 255).all()


def png(values, kind, transparent=None, bits=None):
    """A 16-bit PNG file; kind: 0 grey, 2 RGB, 4 grey with alpha, 6 RGBA; with a transparent colour, or sBIT."""

    def chunk(name, content):
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    height, width = values.shape[:2]
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)),
            b"" if bits is None else chunk(b"sBIT", bytes([bits] * (3 if kind & 2 else 1) + [16] * (kind >> 2))),
            b"" if transparent is None else chunk(b"tRNS", np.array(transparent, ">u2").tobytes()),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def test_the_transparent_colour_of_16_bit_png_files_becomes_white():
    values = np.rint(RAMP * 65535)
    assert grey(png(values, 0, [0])).tolist() == [255, 130, 255]
    colours = np.dstack([values, 0 * values, 0 * values])
    colours[:, 0] = 0x1234, 0x5678, 0
    picture = open_image(png(colours, 2, [0x1234, 0x5678, 0]))
    assert picture[0, [0, 32]].tolist() == [[255, 255, 255], [130, 0, 0]]


def reddish(top):
    """RAMP in red and turned round in blue, with an alpha, in 16 bits of which white is ``top``."""
    values = np.rint(RAMP * top)
    return np.dstack([values, 0 * values, top - values, 0 * values + 65535])


@pytest.mark.parametrize("top", [255, 1023, 4095, 8191])
def test_values_of_few_bits_reach_from_black_to_white(top):
    values = np.rint(RAMP * top)
    for data in (
        *(png(values, 0), png(np.dstack([values, 0 * values + 65535]), 4), png(values, 0, bits=top.bit_length())),
        *(tiff([values.astype("<u2").tobytes()], [16], 1), tiff([values.astype("<i4").tobytes()], [32], 1)),
        *(
            tiff([values.astype("<f4").tobytes()], [32], 1, kind=3),
            tiff([values.astype(">u2").tobytes()], [16], 1, 1, ">"),
        ),
    ):
        assert np.abs(grey(data) - [0, 130, 255]).max() <= 1
    assert np.abs(grey(tiff([values.astype("<u2").tobytes()], [16], 0)) - [255, 125, 0]).max() <= 1
    colours = reddish(top)
    for data in (
        *(png(colours[..., :3], 2), png(colours, 6), png(colours[..., :3], 2, bits=top.bit_length())),
        *(tiff([colours[..., :3].astype(f"{order}u2").tobytes()], [16] * 3, 2, 1, order) for order in "<>"),
    ):
        assert (
            np.abs(open_image(data)[0, [0, 32, 63]].astype(int) - [[0, 0, 255], [130, 0, 125], [255, 0, 0]]).max() <= 1
        )
    assert open_image(png(colours[..., :3], 2, [0, 0, top]))[0, [0, 63]].tolist() == [[255, 255, 255], [255, 0, 0]]


def test_values_of_14_bits_reach_to_white_where_the_file_says_so():
    values = np.rint(RAMP * 16383)
    plane = values.astype("<u2").tobytes()
    for data in (png(values, 0, bits=14), tiff([plane], [16], 1, more={281: [16383]})):
        assert np.abs(grey(data) - [0, 130, 255]).max() <= 1
    assert (
        np.abs(
            open_image(png(reddish(16383)[..., :3], 2, bits=14))[0, [0, 63]].astype(int) - [[0, 0, 255], [255, 0, 0]]
        ).max()
        <= 1
    )
    for data in (png(values, 0), tiff([plane], [16], 1), tiff([plane], [16], 1, more={281: [16300]})):
        assert np.abs(grey(data) - [0, 32, 64]).max() <= 1


@pytest.mark.parametrize("top", [8192, 65535])
def test_values_of_the_full_range_stay_as_they_are(top):
    values, expected = np.rint(RAMP * top), np.rint(RAMP[0, [0, 32, 63]] * top / 257)
    for data in (
        *(png(values, 0), png(values, 0, bits=12), tiff([values.astype("<u2").tobytes()], [16], 1)),
        *(tiff([values.astype("<u2").tobytes()], [16], 1, more={281: [4095]}), png(reddish(top)[..., [0, 0, 0]], 2)),
    ):
        assert np.abs(grey(data) - expected).max() <= 1
    assert (open_image(png(np.zeros((*RAMP.shape, 3)), 2)) == 0).all()


def test_a_jpeg_of_cyan_magenta_yellow_and_black_by_adobe():
    inks = np.zeros((*RAMP.shape, 4), np.uint8)
    inks[..., 0], inks[..., 1], inks[..., 3] = RAMP * 255, 40, 30

    def jpeg(pixels, transform):
        out = io.BytesIO()
        Image.fromarray(pixels, "CMYK").save(out, "JPEG", quality=100, subsampling=0)
        data = bytearray(out.getvalue())
        data[data.index(b"Adobe") + 11] = transform
        return bytes(data)

    luma = np.asarray(Image.fromarray(np.ascontiguousarray(inks[..., :3])).convert("YCbCr"))
    for data in (jpeg(inks, 0), jpeg(np.dstack([255 - luma, inks[..., 3]]), 2)):  # YCCK is inverted as well
        assert np.abs(open_image(data)[0, [0, 63]].astype(int) - [[225, 190, 225], [0, 190, 225]]).max() <= 3
