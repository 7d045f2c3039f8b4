"""Opening photos of every kind, and the mapping between photo and network input pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from strongpose import images
from strongpose.exceptions import ImageError
from strongpose.images import FittedImage, fit_image, open_image, opening

RED, WHITE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 0)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def halves(mode: str, left, right) -> Image.Image:
    """40×20 pixels: the left half in one colour, the right half in another."""
    image = Image.new(mode, (40, 20), left)
    image.paste(right, (20, 0, 40, 20))
    return image


def test_paths_bytes_arrays_and_pillow_images_give_the_same_array(tmp_path):
    image = halves("RGB", RED, BLACK)
    image.save(tmp_path / "a.png")
    expected = np.asarray(image)
    for source in (tmp_path / "a.png", str(tmp_path / "a.png"), encoded(image), image, expected):
        got = open_image(source)
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    upright = np.zeros((24, 40, 3), np.uint8)
    upright[:8, :8] = RED  # the red corner must come out top left
    # how a camera stores the upright picture under each orientation
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    got = open_image(encoded(Image.fromarray(np.ascontiguousarray(stored)), exif=exif))
    np.testing.assert_array_equal(got, upright)


@pytest.mark.parametrize(
    ("image", "kind", "left", "right"),
    [
        (halves("L", 0, 128), "PNG", BLACK, (128,) * 3),
        (halves("1", 0, 1), "PNG", BLACK, WHITE),
        (halves("RGB", RED, BLACK).quantize(4), "PNG", RED, BLACK),
        (halves("RGBA", (255, 0, 0, 255), (0, 0, 0, 0)), "PNG", RED, WHITE),  # transparency is laid on white
        (halves("RGBA", (0, 0, 0, 255), (0, 0, 0, 51)), "PNG", BLACK, (204,) * 3),
        (halves("LA", (0, 255), (0, 0)), "PNG", BLACK, WHITE),
        (halves("CMYK", (0, 255, 255, 0), (0, 0, 0, 0)), "JPEG", (254, 0, 0), WHITE),
        (Image.fromarray(np.repeat(np.array([[0, 65535]], np.uint16), 20, 1).repeat(20, 0)), "PNG", BLACK, WHITE),
        (Image.fromarray(np.full((20, 40), 32896, np.uint16)), "TIFF", (128,) * 3, (128,) * 3),
        (Image.fromarray(np.full((20, 40), 0.5, np.float32)), "TIFF", (128,) * 3, (128,) * 3),
    ],
    ids=[
        "grey",
        "bits",
        "palette",
        "RGBA",
        "half transparent",
        "LA",
        "CMYK",
        "16-bit PNG",
        "16-bit TIFF",
        "float TIFF",
    ],
)
def test_every_colour_mode_becomes_rgb(image, kind, left, right):
    got = open_image(encoded(image, kind, **({"quality": 100} if kind == "JPEG" else {}))).astype(int)
    assert got.shape == (20, 40, 3)
    assert np.abs(got[10, 5] - left).max() <= 2
    assert np.abs(got[10, 35] - right).max() <= 2


def test_a_transparent_palette_image_is_laid_on_white():
    image = halves("P", 0, 1)
    image.putpalette([*RED, *BLACK])
    got = open_image(encoded(image, transparency=1))
    assert tuple(got[10, 5]) == RED
    assert tuple(got[10, 35]) == WHITE


def test_of_animations_the_first_frame_is_taken():
    first, second = Image.new("RGB", (20, 20), RED), Image.new("RGB", (20, 20), BLACK)
    got = open_image(encoded(first, "GIF", save_all=True, append_images=[second]))
    assert np.abs(got.astype(int) - RED).max() < 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"hello, this is no photo", "not a photo"),
        (encoded(Image.effect_noise((200, 200), 50).convert("RGB"), "JPEG")[:3000], "cut short"),
        (encoded(Image.effect_noise((200, 200), 50).convert("RGB"), "PNG")[:3000], "cut short"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a photo"),  # nothing is executed
    ],
    ids=["empty", "text", "cut JPEG", "cut PNG", "EPS"],
)
def test_damaged_files_are_named_in_the_error(tmp_path, content, message):
    path = tmp_path / "beach.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=message) as caught:
        open_image(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"quality": 95, "subsampling": 0}, {"restart_marker_rows": 1}]
)
def test_a_jpeg_that_was_cut_short_and_closed_again_is_refused(photos, mode, options):
    with Image.open(photos / "group.jpg") as photo:
        data = encoded(photo.convert(mode), "JPEG", **options)
    assert open_image(data).shape == (420, 1198, 3)
    for share in (0.1, 0.33, 0.66, 0.95) if "progressive" not in options else (0.03,):
        with pytest.raises(ImageError, match=r"beach: damaged or cut short \(it ends before the last pixel\); copy"):
            open_image(data[: int(share * len(data))] + b"\xff\xd9", "beach")


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_with_a_grey_corner_is_not_cut_short(mode):
    image = Image.effect_noise((203, 101), 50).convert(mode)
    image.paste(Image.new(mode, (203, 50), "#808080"), (0, 51))
    data = encoded(image, "JPEG", quality=100)
    corner = [128, 128, 128]
    for content in (data, data + b"\0\0junk", data[:-2] + b"\0\0" + data[-2:]):
        assert open_image(content)[-1, -1].tolist() == corner
    assert open_image(encoded(Image.new(mode, (40, 20), "#808080"), "JPEG"))[-1, -1].tolist() == corner


def test_missing_files_and_folders_are_named_in_the_error(tmp_path):
    with pytest.raises(ImageError, match=r"beach\.jpg: no such file"):
        open_image(tmp_path / "beach.jpg")
    with pytest.raises(ImageError, match="is a folder"):
        open_image(tmp_path)


def test_too_many_pixels_or_bytes_are_refused_before_decoding(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    path.write_bytes(encoded(Image.new("L", (20_000, 10_000))))  # a 200 megapixel image in a small file
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ImageError, match=r"bomb\.png: .*megapixels"):
        open_image(path)
    path.write_bytes(encoded(Image.new("1", (12_000, 11_000))))
    with pytest.raises(ImageError, match=r"12000×11000 pixels are more than the 120 megapixels"):
        open_image(path)
    monkeypatch.setattr(opening, "MAX_BYTES", 100)
    with pytest.raises(ImageError, match="MB is more than"):
        open_image(path)


@pytest.mark.parametrize(
    ("array", "remedy"),
    [
        (np.zeros((4, 6, 3)), "float64; of values in 0-1 give (255 * array).astype('uint8')"),
        (np.zeros((4, 6), np.float32), "float32; of values in 0-1 give (255 * array).astype('uint8')"),
        (np.zeros((4, 6, 3), np.uint16), "uint16; of values up to 65535 give (array // 257).astype('uint8')"),
        (np.zeros((3, 5, 6), np.uint8), "(3, 5, 6) of uint8; its channels come first: give array.transpose(1, 2, 0)"),
        (np.zeros((2, 4, 6, 3), np.uint8), "of uint8; give several photos as a list: list(array)"),
        (np.zeros((4, 6, 3), bool), "of bool"),
        (np.zeros((4, 6, 2), np.uint8), "(4, 6, 2) of uint8"),
        (np.zeros((0, 4, 3), np.uint8), "(0, 4, 3) of uint8"),
    ],
)
def test_other_arrays_are_refused_with_the_remedy(array, remedy):
    with pytest.raises(ImageError) as refused:
        open_image(array)
    line = str(refused.value)
    assert line.startswith("array: expected an RGB image (H, W, 3) of uint8, got shape") and line.endswith(remedy)


def test_grey_rgba_and_bgr_arrays_are_taken():
    red = np.full((4, 6, 3), (200, 20, 0), np.uint8)
    assert open_image(red) is red
    np.testing.assert_array_equal(open_image(red[..., ::-1], bgr=True), red)
    for grey in (red[..., 0], red[..., :1]):
        np.testing.assert_array_equal(open_image(grey), np.full_like(red, 200))
    np.testing.assert_array_equal(open_image(grey, bgr=True), np.full_like(red, 200))
    half = np.dstack([red, np.full((4, 6), 128, np.uint8)])
    laid_on_white = open_image(half)
    np.testing.assert_array_equal(laid_on_white, open_image(Image.fromarray(half, "RGBA")))
    assert np.abs(laid_on_white[0, 0].astype(int) - (227, 137, 127)).max() <= 1
    np.testing.assert_array_equal(open_image(half[..., [2, 1, 0, 3]], bgr=True), laid_on_white)


def test_bgr_is_for_arrays(tmp_path):
    for source in ("a.jpg", b"", Image.new("RGB", (4, 4))):
        with pytest.raises(ValueError, match=r"bgr is for arrays, as cv2\.imread gives them"):
            open_image(source, bgr=True)
    with pytest.raises(ImageError, match=r"got None, as cv2\.imread gives of files it cannot read; give the path"):
        open_image(None, bgr=True)


def test_addresses_are_not_downloaded():
    with pytest.raises(ImageError, match=r"^https://example\.org/a\.jpg: photos are not downloaded; download it"):
        open_image("https://example.org/a.jpg")


def blob(size: tuple[int, int], at: tuple[float, float], sigma: float = 6.0) -> np.ndarray:
    """A smooth bright spot on black whose centre of mass is known to a fraction of a pixel."""
    y, x = np.mgrid[: size[0], : size[1]]
    spot = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * sigma**2))
    return np.repeat(np.round(spot * 255).astype(np.uint8)[..., None], 3, axis=2)


def centre(fitted: FittedImage, mirrored: bool) -> np.ndarray:
    """Centre of mass of the spot in the network input, found in the mirrored input if so wished."""
    h, w = fitted.scaled_size
    pixels = fitted.pixels[..., 0].astype(float)
    pixels[h:], pixels[:, w:] = 0, 0  # the grey of the padding
    if mirrored:
        pixels = pixels[:, ::-1]
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    found = np.array([(pixels * x).sum(), (pixels * y).sum()]) / pixels.sum()
    return np.array([pixels.shape[1] - 1 - found[0], found[1]]) if mirrored else found


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("coarse_stride", [4, 8, 16])
@pytest.mark.parametrize("size", [61, 200, 257, 401])
@pytest.mark.parametrize("photo", [(150, 211), (211, 150), (97, 300)])
def test_a_spot_is_found_again_within_a_tenth_of_a_pixel(photo, size, coarse_stride, mirrored):
    at = (photo[1] * 0.31 + 0.3, photo[0] * 0.62 - 0.2)
    fitted = fit_image(blob(photo, at), size, coarse_stride)
    assert max(fitted.scaled_size) == size
    assert all(side % coarse_stride == 1 for side in fitted.pixels.shape[:2])
    found = fitted.to_photo(centre(fitted, mirrored))
    assert np.abs(found - at).max() < 0.1, found - at


def test_to_input_is_the_inverse_of_to_photo():
    fitted = fit_image(np.zeros((333, 517, 3), np.uint8), 257, 8)
    points = np.random.default_rng(0).random((5, 17, 2)) * 300
    np.testing.assert_allclose(fitted.to_input(fitted.to_photo(points)), points, atol=1e-3)


def test_padding_lies_right_and_below():
    fitted = fit_image(np.zeros((100, 200, 3), np.uint8), 200, 16)
    assert fitted.pixels.shape == (113, 209, 3)
    assert (fitted.pixels[100:] == images.PADDING).all()
    assert (fitted.pixels[:, 200:] == images.PADDING).all()
    assert (fitted.pixels[:100, :200] == 0).all()


@pytest.mark.parametrize("photo", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_shapes_can_be_fitted(photo):
    fitted = fit_image(np.zeros((*photo, 3), np.uint8), 257, 8)
    assert max(fitted.scaled_size) == 257
    assert np.isfinite(fitted.to_photo(np.array([[0.0, 0.0]]))).all()


def test_a_size_of_zero_is_refused():
    with pytest.raises(ValueError, match="size must be at least 1 pixel, got 0"):
        fit_image(np.zeros((10, 10, 3), np.uint8), 0, 8)
