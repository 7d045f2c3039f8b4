"""The size of a photo, read from the head of its file, is the shape that the opened photo has."""

import io
import tarfile
import zlib

import PIL
import pytest
from PIL import Image, features

from strongpose.data.convert.dataset import photo_size
from strongpose.data.photos import PhotoStore
from strongpose.exceptions import ImageError
from strongpose.images import open_image, read_size
from strongpose.images.integrity import MOST_PIECES

PILLOW = tuple(map(int, PIL.__version__.split(".")[:2]))

STORED, TURNED = (40, 24), (24, 40)
MANY = {"save_all": True}
KINDS = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("MPO", MANY),
    ("PNG", {}),
    ("PNG", MANY),
    ("WEBP", {}),
    ("WEBP", MANY),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", {"compression": "jpeg"}),
    ("TIFF", {"big_tiff": True}),
    ("TIFF", MANY),
    *([("AVIF", {})] if features.check("avif") else []),
]


def encoded(kind: str, **options) -> bytes:
    out = io.BytesIO()
    more = {"append_images": [Image.new("RGB", STORED, (0, 0, 255))]} if "save_all" in options else {}
    Image.linear_gradient("L").resize(STORED).convert("RGB").save(out, kind, **options, **more)
    return out.getvalue()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def xmp(orientation: int) -> bytes:
    return b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>' % orientation


def shown(data: bytes) -> tuple[int, int]:
    height, width = open_image(data).shape[:2]
    return width, height


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_the_size_is_that_of_the_opened_photo(kind, options, orientation):
    data = encoded(kind, exif=exif(orientation), **options)
    assert read_size(data) == shown(data) == (TURNED if orientation > 4 else STORED)


@pytest.mark.skipif(PILLOW < (11, 3), reason="older Pillow takes no turn from XMP alone")
@pytest.mark.parametrize(("kind", "options"), [("JPEG", {}), ("WEBP", {}), ("TIFF", {}), ("TIFF", MANY)])
def test_the_size_is_that_of_a_photo_that_only_xmp_turns(kind, options):
    note = {"tiffinfo": {700: xmp(6)}} if kind == "TIFF" else {"xmp": xmp(6)}
    data = encoded(kind, **note, **options)
    assert read_size(data) == shown(data) == TURNED


@pytest.mark.parametrize(
    "note",
    [
        chunk(b"eXIf", exif(6).tobytes().removeprefix(b"Exif\0\0")),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(8)),
        chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 99\n" + exif(5).tobytes().hex().encode() + b"\n"),
    ],
    ids=["EXIF", "XMP", "raw profile"],
)
def test_the_size_of_a_png_that_is_turned_by_a_note_behind_its_pixels(note):
    data = encoded("PNG")
    data = data[:-12] + note + data[-12:]  # before its end
    assert read_size(data) == shown(data) == TURNED


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "PNG"])
def test_of_photos_that_are_cut_short_the_size_can_be_read(tmp_path, kind):
    path = tmp_path / "a"
    path.write_bytes(encoded(kind, exif=exif(6))[:-30])
    assert read_size(path) == TURNED
    with pytest.raises(ImageError, match="cut short"):
        open_image(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"hello, this is no photo", "not a photo that can be read, or damaged"),
        (encoded("JPEG")[:30], "not a photo that can be read, or damaged"),
        (b"\xff\xd8" + 2 * MOST_PIECES * b"\xff\xfe\x00\x02" + encoded("JPEG")[2:], "more than the 50000 pieces"),
    ],
    ids=["empty", "text", "cut JPEG", "many pieces"],
)
def test_what_has_no_size_is_named_in_one_line(tmp_path, content, message):
    path = tmp_path / "be\nach.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=message) as caught:
        read_size(path)
    assert str(caught.value).startswith(f"{tmp_path}/be\\nach.jpg: ")
    assert len(str(caught.value).splitlines()) == 1


def test_sizes_of_what_is_no_photo_file_are_refused_as_opening_it_is(tmp_path):
    with pytest.raises(ImageError, match=r"beach\.jpg: no such file"):
        read_size(tmp_path / "beach.jpg")
    with pytest.raises(ImageError, match="is a folder"):
        read_size(str(tmp_path))
    with pytest.raises(ImageError, match="expected a path or bytes, got a NoneType"):
        read_size(None)
    out = io.BytesIO()
    Image.new("1", (12_000, 11_000)).save(out, "PNG")
    with pytest.raises(ImageError, match=r"beach: 12000×11000 pixels are more than the 120 megapixels"):
        read_size(out.getvalue(), "beach")


def test_converters_and_photo_stores_measure_photos_as_they_are_shown(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.tif").write_bytes(encoded("TIFF", exif=exif(6)))
    (tmp_path / "photos/b.jpg").write_bytes(encoded("JPEG", exif=exif(8)))
    with tarfile.open(tmp_path / "shards-0.tar", "w") as shard:
        for name in ("a.tif", "b.jpg"):
            shard.add(tmp_path / "photos" / name, f"shards/{name}")
    for name in ("a.tif", "b.jpg"):
        assert photo_size(tmp_path / "photos", name, "entry 0") == TURNED
        for folder in ("photos", "shards"):
            assert PhotoStore(tmp_path / folder).read_size(name) == TURNED
    with pytest.raises(FileNotFoundError, match=r"no photo 'c\.jpg' in its shards"):
        PhotoStore(tmp_path / "shards").read_size("c.jpg")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_a_turned_heic_photo(orientation):
    pytest.importorskip("pillow_heif").register_heif_opener()
    data = encoded("HEIF", exif=exif(orientation).tobytes())
    assert read_size(data) == shown(data) == (TURNED if orientation > 4 else STORED)


def test_a_heic_photo_says_what_it_needs():
    data = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(200)
    for read in (open_image, read_size):
        with pytest.raises(ImageError, match=r"^beach\.jpg: .*(pip install pillow-heif|damaged)"):
            read(data, "beach.jpg")
