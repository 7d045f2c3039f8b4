"""What comes from an address or a pipe: cameras, streams, files of servers, and what is out of reach there."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from http_server import Site, serve
from PIL import Image
from videos import FIVE, SIZE, number_of, numbered_picture, numbers, write_film

from strongpose.exceptions import VideoError
from strongpose.video import open_video
from strongpose.video.io import opening


@contextmanager
def server(answer):
    """Serves by a function that gets the request's handler."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            try:
                answer(self)
            except OSError:
                pass  # who asked has gone

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{found.server_address[1]}"
    finally:
        found.shutdown()
        found.server_close()
        thread.join()


def send_camera(request):
    """Sixty grey pictures, twenty a second, as cameras send them."""
    request.send_response(200)
    request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
    request.end_headers()
    for n in range(60):
        file = io.BytesIO()
        Image.fromarray(np.full((*SIZE, 3), 4 * n, np.uint8)).save(file, "JPEG", quality=95)
        data = file.getvalue()
        request.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data))
        request.wfile.write(data + b"\r\n")
        time.sleep(0.05)


def test_an_http_camera_gives_the_newest_frame_and_its_time():
    with server(send_camera) as address, open_video(f"{address}/video.mjpg") as video:
        assert video.live and video.frames is None
        seen, at = [], []
        for frame in video:
            seen.append(frame)
            at.append(time.monotonic())
            if len(seen) == 6:
                break
            time.sleep(0.3)  # six pictures are sent meanwhile
    shown = [number_of(frame.image) for frame in seen]
    assert shown[-1] - shown[1] >= 15  # with every frame, it is 4
    assert seen[-1].time - seen[1].time == pytest.approx(at[-1] - at[1], abs=0.15)


@pytest.mark.parametrize(
    ("pause", "told"), [(0, "the connection was closed ("), (4, "nothing more came in time; check that it sends")]
)
def test_a_camera_that_ends_or_stops_sending_is_told(monkeypatch, pause, told):
    monkeypatch.setattr(opening, "TIMEOUT", (5.0, 1.0))

    def send(request):
        send_camera(request)
        time.sleep(pause)

    with server(send) as address, open_video(f"{address}/video.mjpg") as video:
        frames = list(video)
    assert number_of(frames[-1].image) == 59
    assert video.damage.startswith(f"{address}/video.mjpg: ended at frame {frames[-1].index + 1}: {told}")


def test_an_http_stream_of_unknown_length_is_live(tmp_path):
    data = write_film(tmp_path / "a.ts", [n / 25 for n in range(50)], options={"g": "5"}).read_bytes()

    def send(request):
        request.send_response(200)
        request.end_headers()
        request.wfile.write(data)

    with server(send) as address, open_video(f"{address}/live") as video:
        assert video.live
        frames = []
        for frame in video:
            frames.append(frame)
            time.sleep(0.1)
    assert len(frames) < 40 and frames[-1].index == 49


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_a_file_from_an_http_server_gives_every_frame(tmp_path, name):
    path = write_film(tmp_path / name, [n / 25 for n in range(20)], container_options={})
    with serve(Site({f"/{name}": path.read_bytes()})) as site, open_video(f"{site.url}/{name}") as video:
        assert not video.live
        found = []
        for frame in video:
            found.append(number_of(frame.image))
            time.sleep(0.01)
    assert found == list(range(20))


NO_WAY_BACK = (
    "ended at frame 0: its index lies at its end, and there is no way back from it; save it to a file first; "
    "what could be read was kept"
)


@pytest.fixture(scope="module")
def indexed_last(tmp_path_factory):
    """Larger than what FFmpeg keeps in memory to go back to."""
    path = write_film(tmp_path_factory.mktemp("film") / "a.mp4", FIVE, "mpeg4", size=(512, 768), options={"qmin": "2"})
    data = path.read_bytes()
    assert data.index(b"mdat") < data.index(b"moov") and len(data) > 500_000
    return data


def test_an_index_at_the_end_is_out_of_reach_where_no_parts_are_served(indexed_last):
    data = indexed_last

    def send(request):
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    with server(send) as address:
        found, video = numbers(f"{address}/a.mp4")
    assert (found, video.damage) == ([], f"{address}/a.mp4: {NO_WAY_BACK}")


def test_a_file_from_a_server_without_an_index_is_told(film):
    data = film.read_bytes()
    with serve(Site({"/a.mp4": data[: data.rindex(b"moov") - 4]})) as site, pytest.raises(VideoError) as error:
        open_video(f"{site.url}/a.mp4")
    assert str(error.value) == (
        f"{site.url}/a.mp4: cannot be opened: its index lies at its end, or is missing; download it first"
    )


def test_an_index_at_the_end_is_out_of_reach_in_a_pipe(indexed_last, tmp_path):
    os.mkfifo(tmp_path / "pipe")

    def write():
        with contextlib.suppress(OSError):
            (tmp_path / "pipe").write_bytes(indexed_last)

    thread = threading.Thread(target=write)
    thread.start()
    found, video = numbers(tmp_path / "pipe")
    thread.join()
    assert (found, video.damage) == ([], f"{tmp_path}/pipe: {NO_WAY_BACK}")


def test_a_photo_from_a_server_is_called_one(tmp_path):
    file = io.BytesIO()
    Image.fromarray(numbered_picture(3)).save(file, "JPEG")
    with serve(Site({"/a.jpg": file.getvalue()})) as site:
        with pytest.raises(VideoError, match=r"a\.jpg: is a photo, not a video; use strongpose predict"):
            open_video(f"{site.url}/a.jpg")


def test_an_animated_picture_from_a_server_is_played(tmp_path):
    file = io.BytesIO()
    first, *others = (Image.fromarray(numbered_picture(n)) for n in range(4))
    first.save(file, "WEBP", save_all=True, append_images=others, duration=100, lossless=True)
    with serve(Site({"/a.webp": file.getvalue()})) as site:
        found, video = numbers(f"{site.url}/a.webp")
    assert (found, video.live, video.damage) == ([0, 1, 2, 3], False, None)


def test_addresses_may_be_in_capitals(film):
    with serve(Site({"/a.mp4": film.read_bytes()})) as site:
        assert numbers(f"{site.url.replace('http', 'HTTP')}/a.mp4")[0] == [0, 1, 2, 3, 4]
