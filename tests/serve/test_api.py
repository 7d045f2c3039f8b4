"""What the server answers is what `StrongPose` finds."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest
from asking import file_part
from PIL import Image

from strongpose.draw import draw_poses
from strongpose.images import open_image
from strongpose.serve.layers import OFFSET_REACH
from strongpose.skeleton import COCO, Skeleton


def expect_poses(people, poses):
    """That the people of an answer are these, in photo pixels."""
    assert len(people) == len(poses)
    for person, pose in zip(people, poses, strict=True):
        assert person["score"] == pytest.approx(pose.score, abs=1e-6)
        assert tuple(person["keypoints"]) == pose.skeleton.names
        np.testing.assert_allclose(list(person["keypoints"].values()), pose.keypoints, atol=5.1e-4)
        np.testing.assert_allclose(person["box"], pose.box, atol=5.1e-4)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


@pytest.mark.parametrize("threshold", [None, 0.0, 0.35])
def test_poses_are_those_of_the_estimator(client, estimator, photos, threshold):
    data = (photos / "group.jpg").read_bytes()
    answer = client.post("/api/poses" if threshold is None else f"/api/poses?threshold={threshold}", data)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json) == {"version", "model", "width", "height", "skeleton", "people", "timings_ms"}
    assert (answer.json["model"], answer.json["width"], answer.json["height"]) == ("base", 1198, 420)
    assert Skeleton.from_dict(answer.json["skeleton"]) == COCO
    expected = (estimator if threshold is None else estimator.with_threshold(threshold))(data)
    assert len(expected) >= 1
    expect_poses(answer.json["people"], expected)
    assert set(answer.json["timings_ms"]) == {"read", "network", "decode"}
    assert all(value > 0 for value in answer.json["timings_ms"].values())


@pytest.mark.parametrize(("kind", "content_type"), [("PNG", "image/png"), ("WEBP", "IMAGE/WebP; q=1")])
def test_other_formats_and_turned_photos(client, estimator, photos, kind, content_type):
    turned = Image.open(photos / "astronaut.jpg").crop((0, 0, 512, 400)).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # the viewer turns it clockwise
    data = encoded(turned, kind, exif=exif)
    answer = client.post("/api/poses?threshold=0", data, content_type)
    assert answer.status == 200
    assert (answer.json["width"], answer.json["height"]) == (512, 400)
    expect_poses(answer.json["people"], estimator.with_threshold(0)(data))


def test_a_photo_of_nobody(client):
    answer = client.post("/api/poses", encoded(Image.new("RGB", (60, 40)), "PNG"), "image/png")
    assert (answer.status, answer.json["people"]) == (200, [])


def test_layers_are_the_fields(client, estimator, photos):
    path = photos / "group.jpg"
    fitted = estimator.fit(path)
    fields = estimator.fields(fitted)
    answer = client.post("/api/poses?layers=body,heatmaps,offsets", path.read_bytes())
    layers = answer.json["layers"]
    assert set(layers["png"]) == {"heatmaps", "offsets", "body"}
    columns, rows = layers["cells"]
    assert (columns, rows) == (33, 13)  # 257 × 90 pixels, and one more row to cover the last

    def read(name):
        data = np.frombuffer(base64.b64decode(layers["png"][name]), np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_UNCHANGED).astype(float)

    np.testing.assert_allclose(read("body") / 255, fields.body[:rows, :columns], atol=0.501 / 255)
    heat = read("heatmaps").reshape(17, rows, columns) / 255
    np.testing.assert_allclose(heat, fields.heatmaps[:, :rows, :columns], atol=0.501 / 255)
    assert heat.max() > 0.8
    offsets = read("offsets")[..., 2:0:-1].reshape(17, rows, columns, 2)  # red and green
    expected = np.clip(fields.offsets[:, :, :rows, :columns], -OFFSET_REACH, OFFSET_REACH).transpose(0, 2, 3, 1)
    got = (offsets - 128) / 127 * OFFSET_REACH
    np.testing.assert_allclose(got, expected, atol=0.501 / 127 * OFFSET_REACH)
    # where the cells, and what they point at, lie on the photo
    corner = np.array([columns - 1, rows - 1])
    place = np.array(layers["origin"]) + corner * layers["step"]
    np.testing.assert_allclose(place, fitted.to_photo(corner * fields.stride), atol=1e-3)
    np.testing.assert_allclose(layers["reach"], OFFSET_REACH / fitted.scale)


def test_some_layers_only(client, photos):
    answer = client.post("/api/poses?layers=body", (photos / "cameraman.jpg").read_bytes())
    assert list(answer.json["layers"]["png"]) == ["body"]


def test_a_batch_answers_in_order_and_for_each_photo(client, estimator, photos):
    names = ["cameraman.jpg", "astronaut.jpg"]
    sent = [{"name": name, "data": base64.b64encode((photos / name).read_bytes()).decode()} for name in names]
    sent[1:1] = [{"name": "broken", "data": base64.b64encode(b"no photo").decode()}, {"data": "%%%"}]
    answer = client.post("/api/batch?threshold=0", json.dumps({"photos": sent}), "application/json")
    assert answer.status == 200
    first, broken, garbled, last = answer.json["photos"]
    for found, name in ((first, names[0]), (last, names[1])):
        assert (found["name"], found["status"]) == (name, 200)
        assert found["result"]["photo"] == name
        expect_poses(found["result"]["people"], estimator.with_threshold(0)(photos / name))
    assert (broken["name"], broken["status"]) == ("broken", 422)
    assert "not a JPEG, PNG or WebP photo" in broken["error"]
    assert (garbled["name"], garbled["status"], garbled["error"]) == ("", 422, "'data' is not base64")
    assert "result" not in broken


def test_photos_in_all_usual_forms_of_base64(client, photos):
    whole = (photos / "cameraman.jpg").read_bytes()
    data = next(part for part in (whole + bytes(n) for n in range(3)) if len(part) % 3 == 1)  # which needs two =
    text, for_addresses = base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()
    assert "=" in text and "-" in for_addresses and "_" in for_addresses
    forms = [
        base64.encodebytes(data).decode(),
        text.replace("=", ""),
        for_addresses,
        for_addresses.rstrip("=") + "\r\n",
        f"data:image/jpeg;base64,{text}",
        f"Data:image/jpeg;name=a.jpg;base64,{text.replace('+', '%2B').replace('=', '%3D')}",
    ]
    wrong = ["data:image/jpeg,abc", text[:-3] + "!", "a"]
    answer = client.post("/api/batch", json.dumps({"photos": [{"data": form} for form in forms]}), "application/json")
    assert [one["status"] for one in answer.json["photos"]] == [200] * len(forms)
    answer = client.post("/api/batch", json.dumps({"photos": [{"data": form} for form in wrong]}), "application/json")
    assert [one["status"] for one in answer.json["photos"]] == [422] * len(wrong)
    assert answer.json["photos"][0]["error"] == "'data' is a data URL that is not in base64"


@pytest.mark.parametrize("content_type", ["image/jpg", "image/pjpeg", "image/x-png", "Image/JPG; q=1"])
def test_old_names_of_content_types(client, photos, content_type):
    assert client.post("/api/poses", (photos / "astronaut.jpg").read_bytes(), content_type).status == 200


def test_json_may_begin_with_a_byte_order_mark(client, photos):
    sent = json.dumps({"photos": [{"data": base64.b64encode((photos / "astronaut.jpg").read_bytes()).decode()}]})
    answer = client.post("/api/batch", b"\xef\xbb\xbf" + sent.encode(), "application/json")
    assert (answer.status, answer.json["photos"][0]["status"]) == (200, 200)


def test_model_and_health(client):
    model = client("GET", "/api/model").json
    assert (model["model"], model["sizes"], model["flip"], model["stride"]) == ("base", [257], False, 8)
    assert model["threshold"] == 0.25
    assert "ONNX Runtime" in model["runtime"]
    assert model["about"]["licence"] == "Apache-2.0"
    assert (model["limits"]["max_bytes"], model["limits"]["max_pixels"]) == (20_000_000, 50_000_000)
    health = client("GET", "/api/health").json
    assert (health["status"], health["waiting"]) == ("ok", 0)


def test_metrics_count_requests_and_photos(serving, photos):
    with serving() as client:
        client.post("/api/poses", (photos / "astronaut.jpg").read_bytes())
        client.post("/api/poses", b"no photo")
        client("GET", "/nothing/here")
        answer = client("GET", "/api/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = dict(line.rsplit(" ", 1) for line in answer.body.decode().splitlines() if not line.startswith("#"))
    assert samples['strongpose_requests_total{method="POST",route="/api/poses",status="200"}'] == "1.0"
    assert samples['strongpose_requests_total{method="POST",route="/api/poses",status="422"}'] == "1.0"
    assert samples['strongpose_requests_total{method="GET",route="other",status="404"}'] == "1.0"
    assert samples["strongpose_photos_total"] == "1.0"
    assert float(samples["strongpose_people_total"]) >= 1
    assert (samples["strongpose_queue_length"], samples["strongpose_queue_limit"]) == ("0.0", "9.0")
    for stage in ("read", "network", "decode"):
        assert 0 < float(samples[f'strongpose_stage_seconds_total{{stage="{stage}"}}']) < 60
    for line in answer.body.decode().splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+(\{(\w+=\"[^\"]*\",?)+\})? [\d.]+", line), line


def test_the_api_describes_itself(client):
    text = client("GET", "/openapi.json").body.decode()
    described = json.loads(text)
    assert set(described["paths"]) == {"/api/poses", "/api/batch", "/api/health", "/api/model", "/api/metrics"}
    poses = described["paths"]["/api/poses"]["post"]
    body = poses["requestBody"]["content"]
    assert set(body) == {"image/jpeg", "image/png", "image/webp", "multipart/form-data"}
    form = body["multipart/form-data"]["schema"]
    assert (list(form["properties"]), form["additionalProperties"]) == (["photo"], False)
    assert set(poses["responses"]["200"]["content"]) == {"application/json", "image/jpeg", "image/png"}
    assert poses["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Result")
    assert {"413", "422", "429", "503"} < set(poses["responses"])
    for path in ("/api/poses", "/api/batch"):  # the options that a request without them is told of
        [refusal] = re.findall("; there (?:is|are) (.*)", client.post(f"{path}?a=1", b"", "image/png").error)
        names = [one["name"] for one in described["paths"][path]["post"]["parameters"]]
        assert re.split(", | and ", refusal) == names
    assert described["components"]["schemas"]["Batch"]["properties"]["photos"]["maxItems"] == 16
    [layers] = [one for one in described["paths"]["/api/poses"]["post"]["parameters"] if one["name"] == "layers"]
    for wish, is_right in (("", True), ("body,offsets", True), ("body,", False), ("depth", False)):
        assert (re.search(layers["schema"]["pattern"], wish) is not None) == is_right
    for name in re.findall(r'"#/components/schemas/(\w+)"', text):
        assert name in described["components"]["schemas"]


def test_a_photo_in_a_form_is_answered_like_one_alone(client, photos):
    data = (photos / "group.jpg").read_bytes()
    alone = client.post("/api/poses?threshold=0.3", data).json
    for field, name, known in (
        ("photo", "group.jpg", "group.jpg"),
        ("file", "C:\\\\photos\\\\Größe.JPG", "Größe.JPG"),
        ("x", "/tmp/../a b.jpg", "a b.jpg"),
        ("", "n" * 900, "n" * 200),
    ):
        answer = client.post_form("/api/poses?threshold=0.3", file_part(data, name, field))
        assert answer.status == 200
        assert answer.json["photo"] == known
        assert answer.json["people"] == alone["people"] != []
    assert "photo" not in alone


def test_curl_sends_a_form(client, photos):
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl on the PATH; apt-get install curl")
    command = [curl, "-sS", "-F", f"photo=@{photos / 'astronaut.jpg'}", f"{client.url}api/poses"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
    answer = json.loads(run.stdout)
    assert (answer["photo"], len(answer["people"])) == ("astronaut.jpg", 1)


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("?picture=1", "", "JPEG"),
        ("?picture=true", "*/*", "JPEG"),
        ("?picture=1", "image/png", "PNG"),
        ("?picture=1", "application/json, image/png;q=0.5", "PNG"),
        ("", "image/png", "PNG"),
        ("", "image/jpeg", "JPEG"),
        ("", "IMAGE/JPEG;q=0.9, image/png", "JPEG"),
        ("", "image/*", "JPEG"),
        ("", "image/jpeg; q=0, image/png", "PNG"),
        ("", "application/json;q=0, image/png, */*;q=0.0", "PNG"),
        ("", "image/jpeg;q=0", None),
        ("", "image/png, */*", None),
        ("", "text/html", None),
        ("?picture=0", "application/json", None),
    ],
)
def test_a_picture_where_one_is_asked_for(client, photos, query, accept, kind):
    answer = client.post(f"/api/poses{query}", (photos / "astronaut.jpg").read_bytes(), Accept=accept)
    assert answer.status == 200
    if kind is None:
        assert len(answer.json["people"]) == 1
        return
    assert answer.headers["Content-Type"] == f"image/{kind.lower()}"
    picture = Image.open(io.BytesIO(answer.body))
    assert (picture.format, picture.size) == (kind, (512, 512))


def test_the_picture_shows_the_people_above_the_threshold(client, estimator, photos):
    path = photos / "group.jpg"
    poses = estimator(path)
    photo = open_image(path)
    for threshold in (0.25, 0.9):
        answer = client.post(f"/api/poses?picture=1&threshold={threshold}", path.read_bytes(), Accept="image/png")
        got = np.asarray(Image.open(io.BytesIO(answer.body)))
        np.testing.assert_array_equal(got, draw_poses(photo, poses[poses.scores >= threshold]))
        assert np.array_equal(got, photo) == (threshold == 0.9)


def test_a_picture_that_fits_no_jpeg_file(client):
    long = encoded(Image.new("L", (66_000, 8)), "PNG")
    answer = client.post("/api/poses?picture=1", long, "image/png")
    assert answer.status == 422
    assert "does not fit a JPEG file; ask for a PNG file: Accept: image/png" in answer.error
    answer = client.post("/api/poses?picture=1", long, "image/png", Accept="image/png")
    assert Image.open(io.BytesIO(answer.body)).size == (66_000, 8)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/api/poses?treshold=0.9", "there is no option 'treshold'; there are threshold, layers and picture"),
        (
            "/api/poses?threshold=0.9&Layers=body",
            "there is no option 'Layers'; there are threshold, layers and picture",
        ),
        ("/api/poses?threshold=0.9&threshold=0.1", "the option 'threshold' comes 2 times; send it once"),
        ("/api/poses?=1", "there is no option ''; there are threshold, layers and picture"),
        ("/api/batch?layers=body", "there is no option 'layers'; there is threshold"),
        ("/api/poses?layers=body&picture=1", "layers come with JSON, not with a picture; leave one of the two out"),
    ],
)
def test_options_that_there_are_not_are_named(client, path, line):
    answer = client.post(path, b"{}", "application/json" if "batch" in path else "image/jpeg")
    assert (answer.status, answer.error) == (422, line)


def test_other_methods_are_told_what_to_do(client):
    for method in ("GET", "PUT"):
        answer = client(method, "/api/poses?threshold=1")
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        use = f"wrong method {method}; send a photo with POST, as in curl -F photo=@photo.jpg {client.url}api/poses"
        assert answer.error == use
    assert f"{client.url}api/poses sends one photo" in client("GET", "/api/batch").error
    answer = client("POST", "/api/model")
    assert (answer.headers["Allow"], answer.error) == ("GET", "wrong method POST; use GET")


@pytest.mark.parametrize(
    "path", ["/docs", "/redoc", "/page/page.js", "/../limits.py", "/%2e%2e/app.py", "//etc/passwd"]
)
def test_nothing_but_the_page_and_the_api_is_served(client, path):
    answer = client("GET", path)
    assert answer.status == 404
    assert "/openapi.json" in answer.error
    assert client("GET", "/api/poses").status == 405


def test_headers_bind_the_browser(client):
    for path in ("/", "/page.js", "/api/model", "/nothing"):
        headers = client("GET", path).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers
        assert "server" not in headers


def test_the_page_asks_for_nothing_elsewhere(client):
    page = client("GET", "/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.body.decode()):
        assert client("GET", path).status == 200, path
