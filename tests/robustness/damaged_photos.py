"""Photos that are damaged, odd or hostile: thousands of them, each made again from its number."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

__all__ = ["Damaged", "damaged_arrays", "damaged_photo", "damaged_photos", "well_formed"]

_ENORMOUS = (30_000, 30_000), (65_535, 65_535), (1, 2**31 - 1), (2**31 - 1, 2**31 - 1), (0, 0), (0, 16), (16, 0)
_STRANGERS = {
    "text.jpg": b"hello, this is no photo\n",
    "empty.jpg": b"",
    "page.png": b"<!doctype html><script>alert(1)</script>",
    "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "postscript.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) (w) file closefile showpage\n",
    "document.jpg": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "pickle.png": b"cos\nsystem\n(S'touch strongpose-was-here'\ntR.",
    "archive.jpg": b"PK\x03\x04" + bytes(26),
    "zeros.png": bytes(4096),
    "ones.jpg": b"\xff" * 4096,
    "only-a-magic.png": b"\x89PNG\r\n\x1a\n",
    "only-a-magic.jpg": b"\xff\xd8\xff",
    "only-a-magic.webp": b"RIFF\xff\xff\xff\xffWEBP",
    "only-a-magic.gif": b"GIF89a",
    "only-a-magic.bmp": b"BM",
    "only-a-magic.tif": b"II*\x00\xff\xff\xff\xff",
    "itself.tif": b"II*\x00\x08\x00\x00\x00" + b"\x00\x00" + b"\x08\x00\x00\x00",  # a directory that follows itself
    "fifo.ppm": b"P6 16 16 255\n",
}


@dataclass(frozen=True)
class Damaged:
    """A file and what is wrong with it.

    Attributes:
        name: says what was done, and ends as the file's format does.
        data: its content.
        is_cut: whether so much of the end is missing that nothing may be made of it.
    """

    name: str
    data: bytes
    is_cut: bool = False


def damaged_photos(count: int, seed: int = 0) -> Iterator[Damaged]:
    """``count`` files: first strangers and odd but whole photos, then photos with random damage."""
    for number in range(count):
        yield damaged_photo(number, seed)


def damaged_photo(number: int, seed: int = 0) -> Damaged:
    """File ``number`` of `damaged_photos`."""
    whole = _whole()
    if number < len(whole):
        return Damaged(f"{number:05}-{whole[number].name}", whole[number].data)
    rng = np.random.default_rng([seed, number])
    bases = well_formed()
    base = bases[rng.integers(len(bases))]
    change = _CHANGES[rng.integers(len(_CHANGES))]
    data, is_cut = change(base.data, rng)
    single = not base.name.startswith(("moving", "pages", "pictures"))  # of several, the first may be whole
    return Damaged(f"{number:05}-{change.__name__.strip('_')}-{base.name}", data, is_cut and single)


def damaged_arrays(count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """``count`` arrays of all types and shapes; a few of them are (H, W, 3) uint8, as they should be."""
    types = ("u1", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "c8", "?", "O", "S3", "U2", "M8[s]", "i4,f4")
    for number in range(count):
        rng = np.random.default_rng([seed, 1, number])
        shape = [int(side) for side in rng.choice([0, 1, 2, 3, 4, 17], size=rng.integers(0, 6))]
        if rng.random() < 0.4:
            shape = [*(int(side) for side in rng.choice([0, 1, 5, 33], size=2)), 3]
        array = np.zeros(shape, dtype=types[rng.integers(len(types))] if rng.random() < 0.7 else "u1")
        if array.dtype.kind == "f" and rng.random() < 0.5:
            array[...] = rng.choice([np.nan, np.inf, -np.inf, 1e4])
        yield array[::-1] if array.ndim and rng.random() < 0.3 else array


@cache
def well_formed() -> tuple[Damaged, ...]:
    """One small photo of every format and colour mode that is read."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    rgb = Image.blend(noise, Image.linear_gradient("L").resize((64, 48)).convert("RGB"), 0.7)
    frames = [rgb, rgb.rotate(90), rgb.rotate(180)]
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x8769] = 6, "a description", {0x9286: b"x" * 50}
    deep = Image.fromarray(rng.integers(0, 65536, (48, 64), dtype=np.uint16))
    fraction = Image.fromarray(rng.random((48, 64), dtype=np.float32))
    see_through = rgb.copy()
    see_through.putalpha(Image.linear_gradient("L").resize((64, 48)))
    many = {"save_all": True, "append_images": frames[1:]}
    made: list[tuple[str, Image.Image, str, dict]] = [
        ("rgb.jpg", rgb, "JPEG", {}),
        ("grey.jpg", rgb.convert("L"), "JPEG", {}),
        ("cmyk.jpg", rgb.convert("CMYK"), "JPEG", {}),
        ("progressive.jpg", rgb, "JPEG", {"progressive": True}),
        ("turned.jpg", rgb, "JPEG", {"exif": exif, "comment": b"c" * 100}),
        ("profile.jpg", rgb, "JPEG", {"icc_profile": bytes(500)}),
        ("pictures.mpo", rgb, "MPO", many),
        ("rgb.png", rgb, "PNG", {}),
        ("bits.png", rgb.convert("1"), "PNG", {}),
        ("grey.png", rgb.convert("L"), "PNG", {}),
        ("grey-alpha.png", see_through.convert("LA"), "PNG", {}),
        ("alpha.png", see_through, "PNG", {"exif": exif}),
        ("palette.png", rgb.quantize(16), "PNG", {}),
        ("palette-alpha.png", rgb.quantize(16), "PNG", {"transparency": bytes(range(16))}),
        ("deep.png", deep, "PNG", {}),
        ("moving.png", rgb, "PNG", many),
        ("rgb.webp", rgb, "WEBP", {}),
        ("lossless.webp", see_through, "WEBP", {"lossless": True}),
        ("moving.webp", rgb, "WEBP", many),
        ("turned.webp", rgb, "WEBP", {"exif": exif}),
        ("rgb.bmp", rgb, "BMP", {}),
        ("palette.bmp", rgb.quantize(16), "BMP", {}),
        ("bits.bmp", rgb.convert("1"), "BMP", {}),
        ("still.gif", rgb.quantize(64), "GIF", {}),
        ("moving.gif", rgb.quantize(64), "GIF", {**many, "append_images": [f.quantize(64) for f in frames[1:]]}),
        ("rgb.tif", rgb, "TIFF", {}),
        ("lzw.tif", rgb, "TIFF", {"compression": "tiff_lzw"}),
        ("deflate.tif", rgb, "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("packbits.tif", rgb, "TIFF", {"compression": "packbits"}),
        ("jpeg.tif", rgb, "TIFF", {"compression": "jpeg"}),
        ("fax.tif", rgb.convert("1"), "TIFF", {"compression": "group4"}),
        ("deep.tif", deep, "TIFF", {}),
        ("fraction.tif", fraction, "TIFF", {}),
        ("cmyk.tif", rgb.convert("CMYK"), "TIFF", {}),
        ("alpha.tif", see_through, "TIFF", {}),
        ("pages.tif", rgb, "TIFF", many),
        ("rgb.ppm", rgb, "PPM", {}),
        ("deep.pgm", deep, "PPM", {}),
        ("bits.ppm", rgb.convert("1"), "PPM", {}),
    ]
    if "AVIF" in Image.SAVE:
        made += [("rgb.avif", rgb, "AVIF", {}), ("moving.avif", rgb, "AVIF", many)]
    return tuple(Damaged(name, _encoded(image, kind, **options)) for name, image, kind, options in made)


@cache
def _whole() -> tuple[Damaged, ...]:
    """Strangers, whole photos, photos of odd sizes, and small files that claim or hold very much."""
    thin = [
        Damaged(f"{w}x{h}.{suffix}", _encoded(Image.new("RGB", (w, h), (9, 99, 199)), kind))
        for w, h in ((1, 1), (1, 20_000), (20_000, 1), (2, 1), (3, 65_000), (1, 70_000))
        for suffix, kind in (("png", "PNG"), ("jpg", "JPEG"), ("bmp", "BMP"), ("webp", "WEBP"), ("tif", "TIFF"))
        if max(w, h) <= {"PNG": 10**6, "BMP": 10**6, "TIFF": 10**6, "JPEG": 65_500, "WEBP": 16_383}[kind]
    ]
    claims = [
        Damaged(f"claims-{w}x{h}-{base.name}", resized)
        for base in well_formed()
        for w, h in _ENORMOUS
        if (resized := _claiming(base.data, w, h)) != base.data
    ]
    bombs = [
        Damaged("bomb.png", _png(20_000, 10_000, _zeros())),
        Damaged("bomb-text.png", _png(2, 2, zlib.compress(bytes(14)), b"zTXt", b"a\0\0" + _zeros())),
        Damaged("bomb-profile.png", _png(2, 2, zlib.compress(bytes(14)), b"iCCP", b"a\0\0" + _zeros())),
        Damaged("bomb-international.png", _png(2, 2, zlib.compress(bytes(14)), b"iTXt", b"a\0\1\0\0\0" + _zeros())),
        Damaged("too-short.png", _png(100, 100, zlib.compress(bytes(301 * 50)))),
    ]
    strangers = [Damaged(name, data) for name, data in _STRANGERS.items()]
    return (*strangers, *well_formed(), *thin, *bombs, *claims)


def _encoded(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    if "append_images" in options:  # saving leaves settings of the format in an image, which do not suit others
        options["append_images"] = [frame.copy() for frame in options["append_images"]]
    image.copy().save(out, kind, **options)
    return out.getvalue()


@cache
def _zeros() -> bytes:
    """200 MB of nothing."""
    pressed, part = zlib.compressobj(1), bytes(1_000_000)
    return b"".join([*(pressed.compress(part) for _ in range(200)), pressed.flush()])


def _png(width: int, height: int, content: bytes, kind: bytes = b"", more: bytes = b"") -> bytes:
    """An RGB PNG of these parts, right or wrong."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    extra = _chunk(kind, more) if kind else b""
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", content) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _claiming(data: bytes, width: int, height: int) -> bytes:
    """A file whose header states another size; the same file where the size does not fit the header."""
    short = (width & 0xFFFF, height & 0xFFFF)
    if data.startswith(b"\x89PNG"):
        header = struct.pack(">II", width, height) + data[24:29]
        return data[:8] + _chunk(b"IHDR", header) + data[33:]
    if data.startswith(b"\xff\xd8"):
        for at in range(2, len(data) - 9):
            if data[at] == 0xFF and data[at + 1] in (0xC0, 0xC2):
                return data[: at + 5] + struct.pack(">HH", *short[::-1]) + data[at + 9 :]
    if data.startswith(b"BM"):
        return data[:18] + struct.pack("<ii", width, height) + data[26:]
    if data.startswith(b"GIF"):
        return data[:6] + struct.pack("<HH", *short) + data[10:]
    if data.startswith((b"P6", b"P5", b"P4")):
        return data.replace(b"64 48", b"%d %d" % (width, height), 1)
    if data.startswith(b"II*"):
        for tag, value in ((256, width), (257, height)):
            for kind, form in ((3, "<HHIHH"), (4, "<HHII")):
                head = struct.pack("<HHI", tag, kind, 1)
                at = data.find(head)
                if at >= 0:
                    entry = (tag, 4, 1, value)
                    data = data[:at] + struct.pack("<HHII", *entry) + data[at + struct.calcsize(form) :]
    return data


def _cut(data: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """A part of the end is missing."""
    share = rng.random()
    return data[: int(share * len(data))], False


def _cut_in_half(data: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """More than half is missing."""
    return data[: int(rng.uniform(0, 0.45) * len(data))], True


def _flip(data: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """Up to 32 bits are flipped."""
    changed = np.frombuffer(data, dtype=np.uint8).copy()
    for at in rng.integers(len(data), size=rng.integers(1, 33)):
        changed[at] ^= 1 << rng.integers(8)
    return changed.tobytes(), False


def _flip_header(data: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """Up to 8 bits of the first 200 bytes are flipped."""
    changed = np.frombuffer(data, dtype=np.uint8).copy()
    for at in rng.integers(min(200, len(data)), size=rng.integers(1, 9)):
        changed[at] ^= 1 << rng.integers(8)
    return changed.tobytes(), False


def _extremes(data: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """Four bytes somewhere in the header are a number with which sums go wrong."""
    at = int(rng.integers(max(1, min(300, len(data) - 4))))
    numbers = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4), b"\x80\0\0\0", b"\0\0\0\x80")
    return data[:at] + numbers[rng.integers(len(numbers))] + data[at + 4 :], False


def _overwrite(data: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """A stretch is zeros, ones or noise."""
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 1 + len(data) // 4))
    kind = rng.integers(3)
    patch = rng.bytes(length) if kind == 2 else (b"\0", b"\xff")[kind] * length
    return (data[:at] + patch + data[at + length :])[: len(data)], False


def _remove(data: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """A stretch is missing."""
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 1 + len(data) // 4))
    return data[:at] + data[at + length :], False


def _repeat(data: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """A stretch is there twice."""
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 1 + len(data) // 4))
    return data[: at + length] + data[at:], False


def _splice(data: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """The head of one file and the tail of another."""
    other = well_formed()[rng.integers(len(well_formed()))].data
    return data[: int(rng.random() * len(data))] + other[int(rng.random() * len(other)) :], False


def _foreign_head(data: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """The first bytes are those of another format."""
    other = well_formed()[rng.integers(len(well_formed()))].data
    length = int(rng.integers(2, 40))
    return other[:length] + data[length:], False


def _resize(data: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """The header states another size."""
    width, height = (int(2 ** rng.uniform(0, 17)) for _ in range(2))
    return _claiming(data, width, height), False


def _noise(data: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """The first bytes of the file, then noise."""
    kept = int(rng.integers(0, 64))
    return data[:kept] + rng.bytes(int(rng.integers(0, 4000))), False


_CHANGES: tuple[Callable[[bytes, np.random.Generator], tuple[bytes, bool]], ...] = (
    _cut,
    _cut_in_half,
    _flip,
    _flip_header,
    _extremes,
    _overwrite,
    _remove,
    _repeat,
    _splice,
    _foreign_head,
    _resize,
    _noise,
)
