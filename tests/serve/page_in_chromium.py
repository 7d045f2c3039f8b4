"""The page in a real browser: photos, layers, sliders, saving, keyboard, camera (test_page.py runs this file)."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from strongpose import Poses
from strongpose.poses import KEYPOINT_THRESHOLD

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
expect.set_options(timeout=60_000)

CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium on the PATH; apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CAMERA, timeout=120_000)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, client):
    """``opened(width=…)``: the page; at the end no request went elsewhere, and nothing was complained about."""
    contexts, requests, complaints = [], [], []

    def open_page(width: int = 1280, **options) -> sync_api.Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        context.set_default_timeout(60_000)
        context.on("request", lambda request: requests.append(request.url))
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(client.url)
        expect(page.locator("#model")).to_contain_text("base, 257 px")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert requests
    assert [url for url in requests if not url.startswith((client.url, f"blob:{client.url}"))] == []
    assert complaints == []


def picture(page) -> np.ndarray:
    """(h, w, 3) int, what is drawn on the canvas now."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    text = page.evaluate("() => document.getElementById('picture').toDataURL().split(',')[1]")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")).astype(int)


def differ(a: np.ndarray, b: np.ndarray) -> float:
    """The share of pixels that differ visibly."""
    return float((np.abs(a - b).max(axis=2) > 16).mean())


def choose(page, path) -> None:
    page.set_input_files("#file", path)
    expect(page.locator("#status")).to_contain_text("found.")


def test_a_photo_its_people_layers_and_files(opened, estimator, photos, tmp_path):
    page = opened()
    expect(page.locator("#save-json")).to_be_disabled()
    choose(page, photos / "group.jpg")
    found = estimator.with_threshold(0)(photos / "group.jpg")
    shown = found[found.scores >= 0.25]
    assert len(shown) == 3
    expect(page.locator("#status")).to_have_text("Three people found.")
    assert page.locator("#picture").get_attribute("aria-label") == "Three people found."
    expect(page.locator("#count")).to_have_text("3")
    assert page.locator(".person .score").all_text_contents() == [f"{score:.2f}" for score in shown.scores]
    assert all(page.locator(f"#time-{step}").text_content().endswith(" ms") for step in ("read", "network", "all"))

    # the poses are drawn where the people are
    poses = picture(page)
    page.uncheck("#poses")
    bare = picture(page)
    scale = bare.shape[1] / 1198
    assert bare.shape[0] == pytest.approx(420 * scale, abs=1)
    for x, y, score in shown.keypoints.reshape(-1, 3):
        if score >= 0.3 and 12 < x < 1186 and 12 < y < 408:
            column, row = round((x + 0.5) * scale), round((y + 0.5) * scale)
            around = np.s_[row - 3 : row + 4, column - 3 : column + 4]
            assert differ(poses[around], bare[around]) > 0.5, (x, y)
    assert 0.001 < differ(poses, bare) < 0.2

    # layers: every one differs, fades with its opacity, and can show one keypoint
    layers = {}
    for name in ("heatmaps", "offsets", "body"):
        page.locator(f"input[value={name}]").check(force=True)
        layers[name] = picture(page)
        assert differ(layers[name], bare) > 0.3
    assert differ(layers["heatmaps"], layers["body"]) > 0.1
    assert differ(layers["heatmaps"], layers["offsets"]) > 0.02
    fields = estimator.fields(photos / "group.jpg")
    # it is warm where the network says so: the body map is brighter where the heat is high than where it is low
    rows, columns = (np.arange(count) * 8 * bare.shape[1] / 257 for count in (11, 32))
    shade = layers["body"][rows.astype(int)[:, None], columns.astype(int)].sum(axis=2)
    heat = fields.body[:11, :32]
    assert shade[heat > 0.8].mean() > 1.5 * shade[heat < 0.1].mean()
    page.locator("input[value=offsets]").check(force=True)
    page.select_option("#keypoint", label="left ear")
    assert 0.0005 < differ(picture(page), layers["offsets"]) < 0.2
    page.locator("#opacity").fill("0")
    expect(page.locator("#opacity-value")).to_have_text("0 %")
    assert differ(picture(page), bare) == 0

    # people: the sliders hide them and their keypoints, pointing at one fades the others, a click lists keypoints
    page.check("#poses")
    page.locator("input[name=layer]").first.check(force=True)
    page.select_option("#keypoint", "")
    assert differ(picture(page), poses) == 0
    page.locator(".person").nth(1).hover()
    assert differ(picture(page), poses) > 0.002
    page.locator(".person").nth(1).click()
    names = page.locator(".keypoints:visible dt").all_text_contents()
    assert (len(names), names[:2]) == (17, ["nose", "left eye"])
    page.locator(".person").nth(1).click()
    expect(page.locator(".keypoints:visible")).to_have_count(0)
    page.mouse.move(0, 0)
    page.locator("#keypoint-threshold").fill("1")
    assert differ(picture(page), bare) == 0
    page.locator("#keypoint-threshold").fill("0.3")
    limit = float(shown.scores[1]) - 0.005
    page.locator("#threshold").fill(f"{limit:.2f}")
    expect(page.locator(".person")).to_have_count(2)

    # files: what is shown, nothing else
    with page.expect_download() as download:
        page.click("#save-json")
    assert download.value.suggested_filename == "group.poses.json"
    download.value.save_as(tmp_path / "found.json")
    saved = json.loads((tmp_path / "found.json").read_text())
    assert (saved["width"], saved["height"], len(saved["people"])) == (1198, 420, 2)
    np.testing.assert_allclose(Poses.from_json(json.dumps(saved)).keypoints, shown[:2].keypoints, atol=5.1e-4)
    assert (saved["version"], saved["photo"]) == (1, "group.jpg")
    assert "layers" not in saved
    with page.expect_download() as download:
        page.click("#save-png")
    assert download.value.suggested_filename == "group.poses.png"
    download.value.save_as(tmp_path / "found.png")
    assert Image.open(tmp_path / "found.png").size == (1198, 420)


def test_what_is_no_photo_is_explained(opened, photos, tmp_path):
    page = opened()
    (tmp_path / "broken.jpg").write_bytes((photos / "astronaut.jpg").read_bytes()[:300])
    page.set_input_files("#file", tmp_path / "broken.jpg")
    alarm = page.locator("#failure")
    assert alarm.get_attribute("role") == "alert"
    expect(alarm).to_contain_text("not a photo that the browser can read")
    (tmp_path / "notes.txt").write_text("no photo")
    page.set_input_files("#file", tmp_path / "notes.txt")
    expect(alarm).to_have_text("Choose a JPEG, PNG or WebP photo.")
    choose(page, photos / "astronaut.jpg")
    expect(alarm).to_be_empty()


def test_several_photos_are_processed_in_turn_and_a_bad_one_keeps_none_back(opened, photos, tmp_path):
    page = opened()
    strip = page.get_by_role("list", name="Photos").get_by_role("button")
    expect(strip).to_have_count(0)
    (tmp_path / "bad.jpg").write_bytes((photos / "astronaut.jpg").read_bytes()[:300])
    (tmp_path / "notes.txt").write_text("no photo")
    names = ["group.jpg", "bad.jpg", "notes.txt", "astronaut.jpg"]
    page.set_input_files("#file", [(photos if (photos / name).exists() else tmp_path) / name for name in names])
    expect(page.locator("#status")).to_have_text("4 people found in 2 photos; 2 photos failed.")
    assert strip.locator(".name").all_text_contents() == names
    assert strip.locator(".part").all_text_contents() == ["3 people", "failed", "failed", "1 person"]
    expect(strip.nth(0)).to_have_attribute("aria-current", "true")
    expect(page.locator(".person")).to_have_count(3)
    expect(page.locator("#failure")).to_be_empty()
    group = picture(page)
    strip.nth(1).click()
    expect(page.locator("#failure")).to_contain_text("bad.jpg: This file is not a photo that the browser can read")
    expect(page.locator("#save-json")).to_be_disabled()
    expect(page.locator("#picture")).to_be_hidden()
    strip.nth(3).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".person")).to_have_count(1)
    expect(page.locator("#failure")).to_be_empty()
    page.locator("input[value=body]").check(force=True)
    assert picture(page).shape[0] == picture(page).shape[1]
    page.locator("input[name=layer]").first.check(force=True)
    with page.expect_download() as download:
        page.click("#save-json")
    assert download.value.suggested_filename == "astronaut.poses.json"
    strip.nth(0).click()
    expect(strip.nth(0)).to_have_attribute("aria-current", "true")
    expect(page.locator(".person")).to_have_count(3)
    page.mouse.move(0, 0)
    page.locator("#save-json").focus()
    assert differ(picture(page), group) == 0
    page.locator("#threshold").fill("1")
    assert strip.locator(".part").all_text_contents() == ["0 people", "failed", "failed", "0 people"]
    choose(page, photos / "cameraman.jpg")  # others take their place
    expect(strip).to_have_count(0)


def test_new_photos_take_the_place_of_those_in_progress(opened, photos):
    page = opened()
    page.set_input_files("#file", [photos / "group.jpg"] * 30)
    expect(page.locator("#status")).to_have_text(re.compile(r"Processing photo \d+ of 30 …"))
    choose(page, photos / "astronaut.jpg")
    page.wait_for_timeout(1000)
    expect(page.locator("#status")).to_have_text("One person found.")
    expect(page.locator(".person")).to_have_count(1)


def test_the_layers_are_explained(opened):
    page = opened()
    for name, hint in (
        ("Strong keypoint heat maps (SKHM)", "How likely a keypoint of anybody is near"),
        ("Body heat map (BHM)", "How likely a cell is part of a person's body."),
    ):
        page.get_by_role("radio", name=name).check(force=True)
        expect(page.locator("#layer-hint")).to_contain_text(hint)
    expect(page.locator("#keypoint-threshold-value")).to_have_text(f"{KEYPOINT_THRESHOLD:.2f}")
    assert page.locator("#keypoint-threshold").input_value() == str(KEYPOINT_THRESHOLD)


def test_a_photo_is_dropped(opened, photos):
    page = opened()
    data = list((photos / "cameraman.jpg").read_bytes())
    page.evaluate(
        """(data) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(data)], "man.jpg", { type: "image/jpeg" }));
            window.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
        }""",
        data,
    )
    expect(page.locator("#status")).to_have_text("One person found.")


def test_the_keyboard_alone_is_enough(opened, photos):
    page = opened()
    chosen = iter([photos / "astronaut.jpg", photos / "group.jpg"])
    page.on("filechooser", lambda chooser: chooser.set_files(next(chosen)))
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Choose photos")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator(".person")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".person")).to_have_count(3)

    def tab() -> str:
        """Where the next press of Tab leads; what is there must be named and its focus seen."""
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => {
                const at = document.activeElement;
                const seen = at.type === "radio" ? at.nextElementSibling : at;
                const named = at.labels?.[0]?.textContent || at.textContent;
                return [at.id || at.className || at.name, named.trim(), getComputedStyle(seen).outlineStyle];
            }"""
        )
        assert at[1] and at[2] != "none", at
        return at[0]

    order = [tab() for _ in range(12)]
    controls = ["threshold", "keypoint-threshold", *["person"] * 3, "layer", "opacity", "keypoint", "poses"]
    assert order == ["camera", "save-json", "save-png", *controls]
    before = picture(page)
    page.keyboard.press("Space")  # on the check box of the poses
    assert differ(picture(page), before) > 0.001
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    assert page.locator("input[value=heatmaps]").is_checked()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert page.locator(".person").nth(2).get_attribute("aria-expanded") == "true"
    page.locator("#threshold").focus()
    page.keyboard.press("End")
    expect(page.locator("#status")).to_have_text("Nobody found.")
    expect(page.locator("#threshold-value")).to_have_text("1.00")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_is_legible_in_light_and_dark(opened, photos, scheme):
    page = opened(width=360, color_scheme=scheme)
    widths = "[document.documentElement.scrollWidth, document.querySelector('main').scrollWidth]"
    assert page.evaluate(widths) == [360, 360]
    choose(page, photos / "group.jpg")
    page.locator(".person").first.click()
    assert page.evaluate(widths) == [360, 360]
    assert page.locator("#picture").bounding_box()["width"] <= 328
    faint = page.evaluate(
        """() => {
            const light = (colour) => {
                const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => {
                    const value = part / 255;
                    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
                });
                return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
            };
            const clear = (colour) => /rgba\\(.*, 0\\)/.test(colour);
            const ground = (node) => {
                while (clear(getComputedStyle(node).backgroundColor)) node = node.parentElement;
                return getComputedStyle(node).backgroundColor;
            };
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const faint = [];
            while (walker.nextNode()) {
                const node = walker.currentNode.parentElement;
                const text = walker.currentNode.textContent.trim();
                if (!text || !node.checkVisibility() || ["OPTION", "NOSCRIPT"].includes(node.tagName)) continue;
                const [a, b] = [light(getComputedStyle(node).color), light(ground(node))];
                const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
                if (contrast < 4.5) faint.push([text, contrast]);
            }
            return faint;
        }"""
    )
    assert faint == []


def test_the_camera_is_looked_at_frame_by_frame_until_it_is_stopped(opened):
    page = opened()
    bodies = []
    page.on("request", lambda request: bodies.append(request.method) if "/api/poses" in request.url else None)
    page.click("#camera")
    expect(page.locator("#status")).to_contain_text("The camera is on. Photos stay on this machine.")
    expect(page.locator("#camera")).to_have_attribute("aria-pressed", "true")
    first = picture(page)
    assert first.max() > 100
    page.wait_for_event("response", lambda response: "/api/poses" in response.url)
    with page.expect_response(lambda response: "layers=heatmaps%2Cbody" in response.url):
        page.locator("input[value=body]").check(force=True)
    page.click("#camera")
    expect(page.locator("#status")).to_have_text("The camera is off.")
    expect(page.locator("#camera")).to_have_attribute("aria-pressed", "false")
    page.wait_for_timeout(500)
    sent = len(bodies)
    assert sent >= 3
    page.wait_for_timeout(700)
    assert len(bodies) == sent
    expect(page.locator("#failure")).to_be_empty()


def test_a_server_that_is_gone_is_named(serving, photos, browser):
    with serving() as other:
        context = browser.new_context()
        page = context.new_page()
        page.goto(other.url)
        expect(page.locator("#model")).to_contain_text("base")
    page.set_input_files("#file", photos / "astronaut.jpg")
    expect(page.locator("#failure")).to_have_text("The server does not answer. Is it still running?")
    context.close()
