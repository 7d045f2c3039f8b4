// The page: its state, what the controls do to it, and how it is shown.

import { fetchModel, fetchPoses } from "/api.js";
import { startCamera } from "/camera.js";
import { drawLayer, readLayers } from "/layers.js";
import { drawPoses } from "/poses.js";
import { listPeople } from "/people.js";

const HINTS = {
  "": "The photo alone.",
  heatmaps: "Keypoint heat maps: is a keypoint of anybody near? One hue for each keypoint.",
  offsets: "Short offsets: from every cell of high heat to where exactly the keypoint is.",
  body: "Body heat map: is a person here?",
};
const HERE = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
const PRIVACY = HERE ? "Photos stay on this machine." : `Photos go to the server at ${location.hostname}, and nowhere else.`;
const MOST_PIXELS = 4096; // long side of a saved picture

const $ = (id) => document.getElementById(id);

const state = {
  name: "photo", // of the files that are saved
  file: undefined, // name of the photo's file
  picture: null, // ImageBitmap or canvas of the photo or frame
  photo: null, // its Blob, until the next one
  found: null, // the server's answer about it
  layers: null, // its maps
  lit: null, // the person pointed at
  open: null, // the person whose keypoints are listed
  pending: null, // AbortController of the request under way
  stopCamera: null,
  frames: 0,
  limits: null,
};

// ---------- reading the controls ----------

const layer = () => document.querySelector("input[name=layer]:checked").value;
const threshold = () => Number($("threshold").value);
const sure = () => Number($("sure").value);
const keypoint = () => ($("keypoint").value === "" ? null : Number($("keypoint").value));
const wantedLayers = () => (layer() ? [...new Set(["heatmaps", layer()])] : []);
const people = () => (state.found ? state.found.people.filter((person) => person.score >= threshold()) : []);

// ---------- asking the server ----------

async function lookAtPhoto(blob, name, file) {
  stopCamera();
  state.pending?.abort();
  fail("");
  const wrong = refusal(blob);
  if (wrong) return fail(wrong);
  const pending = (state.pending = new AbortController());
  try {
    const picture = await createImageBitmap(blob);
    if (pending.signal.aborted) return; // another photo was chosen meanwhile
    Object.assign(state, { name, file, picture, photo: blob, found: null, layers: null, open: null, lit: null });
  } catch {
    return fail("This file is not a photo that the browser can read, or it is damaged.");
  }
  show();
  await ask();
}

/** Asks about the present photo: all people, and all layers, so that switching between them is instant. */
async function ask() {
  const pending = (state.pending = new AbortController());
  $("stage").classList.add("busy");
  say("Looking …");
  const start = performance.now();
  try {
    const found = await fetchPoses(state.photo, ["heatmaps", "offsets", "body"], pending.signal);
    const layers = await readLayers(found);
    if (pending.signal.aborted) return;
    Object.assign(state, { found, layers });
    showTimings(performance.now() - start);
    say(summary());
    show();
  } catch (error) {
    if (error.name === "AbortError") return;
    say("");
    fail(error.message);
  } finally {
    if (state.pending === pending) $("stage").classList.remove("busy");
  }
}

async function lookAtFrame(frame, blob) {
  const start = performance.now();
  const found = await fetchPoses(blob, wantedLayers(), state.pending?.signal);
  const layers = await readLayers(found);
  if (!state.stopCamera) return;
  Object.assign(state, { picture: frame, found, layers });
  state.frames += 1;
  showTimings(performance.now() - start);
  if (state.frames === 1) say(`The camera is on. ${PRIVACY}`);
  show();
}

function refusal(blob) {
  if (!["image/jpeg", "image/png", "image/webp"].includes(blob.type)) return "Choose a JPEG, PNG or WebP photo.";
  const most = state.limits?.max_bytes ?? Infinity;
  return blob.size > most ? `The file has ${Math.ceil(blob.size / 1e6)} MB; at most ${most / 1e6} MB are taken.` : "";
}

async function toggleCamera() {
  fail("");
  if (state.stopCamera) {
    stopCamera();
    say("The camera is off.");
    return;
  }
  state.pending?.abort();
  state.pending = new AbortController();
  state.frames = 0;
  $("camera").disabled = true;
  try {
    state.stopCamera = await startCamera(lookAtFrame, (error) => {
      stopCamera();
      fail(error.message);
    });
    Object.assign(state, { name: "camera", file: undefined, photo: null, open: null, lit: null });
  } catch (error) {
    fail(error.message);
  } finally {
    $("camera").disabled = false;
    showCamera();
  }
}

function stopCamera() {
  if (!state.stopCamera) return;
  state.stopCamera();
  state.stopCamera = null;
  state.pending?.abort();
  showCamera();
  // The last frame stays, and gets the layers that were not asked for.
  if (state.picture instanceof HTMLCanvasElement) {
    state.picture.toBlob((blob) => {
      if (!state.stopCamera && state.name === "camera") state.photo = blob;
    }, "image/png");
  }
}

// ---------- showing ----------

let drawn = 0;

function show() {
  const shown = people();
  $("stage").classList.toggle("empty", !state.picture);
  $("picture").hidden = !state.picture;
  $("save-json").disabled = !state.found;
  $("save-png").disabled = !state.found;
  $("count").textContent = shown.length;
  $("picture").setAttribute("aria-label", state.found ? summary() : "The photo, not looked at yet");
  $("nobody").hidden = shown.length > 0;
  $("nobody").textContent = state.found ? "Nobody scores so high." : "Nobody yet.";
  listPeople($("people"), state, shown, sure(), redraw);
  redraw();
}

function redraw() {
  cancelAnimationFrame(drawn);
  drawn = requestAnimationFrame(() => {
    if (!state.picture) return;
    const canvas = $("picture");
    const room = $("stage").clientWidth;
    const { width, height } = state.picture;
    const scale = Math.min(room / width, (0.78 * window.innerHeight) / height, 4);
    const dense = scale * (window.devicePixelRatio || 1);
    canvas.width = Math.max(1, Math.round(width * dense));
    canvas.height = Math.max(1, Math.round(height * dense));
    canvas.style.width = `${Math.round(width * scale)}px`;
    paint(canvas);
  });
}

/** The photo, the layer and the poses, filling a canvas. */
function paint(canvas) {
  const { picture, found } = state;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  if (!found) return;
  context.setTransform(canvas.width / found.width, 0, 0, canvas.height / found.height, 0, 0);
  if (layer()) drawLayer(context, state.layers, layer(), keypoint(), Number($("opacity").value) / 100, found);
  if ($("poses").checked) {
    const unit = found.width / (canvas.clientWidth || canvas.width); // photo pixels in one of the screen or the file
    drawPoses(context, found, people(), { sure: sure(), lit: state.lit ?? state.open, keypoint: keypoint(), unit });
  }
}

function summary() {
  const count = people().length;
  const words = ["Nobody", "One person", "Two people", "Three people"][count] ?? `${count} people`;
  return `${words} found.`;
}

function showTimings(all) {
  const { read, network, decode } = state.found.timings_ms;
  $("timings").hidden = false;
  for (const [id, value] of Object.entries({ read, network, decode, all })) {
    $(`time-${id}`).textContent = `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  }
}

function showCamera() {
  $("camera").setAttribute("aria-pressed", String(state.stopCamera !== null));
  $("camera").textContent = state.stopCamera ? "Stop the camera" : "Use the camera";
}

function say(line) {
  $("status").textContent = line;
}

function fail(line) {
  $("failure").textContent = line;
}

// ---------- saving ----------

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function saveJson() {
  const { version, layers, ...facts } = { ...state.found, people: people() };
  save(new Blob([`${JSON.stringify({ version, photo: state.file, ...facts }, null, 1)}\n`], { type: "application/json" }), `${state.name}.poses.json`);
}

function savePng() {
  const { width, height } = state.found;
  const scale = Math.min(1, MOST_PIXELS / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  paint(canvas);
  canvas.toBlob((blob) => save(blob, `${state.name}.poses.png`), "image/png");
}

// ---------- wiring ----------

function takeFile(file) {
  if (file) lookAtPhoto(file, file.name.replace(/\.[^.]*$/, "") || "photo", file.name);
}

function wire() {
  $("file").addEventListener("change", () => {
    takeFile($("file").files[0]);
    $("file").value = ""; // the same file again is a change
  });
  $("file").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return; // unlike the space bar, it does not open the list of files in every browser
    event.preventDefault();
    $("file").click();
  });
  $("camera").addEventListener("click", toggleCamera);
  $("save-json").addEventListener("click", saveJson);
  $("save-png").addEventListener("click", savePng);
  for (const id of ["threshold", "sure"]) {
    $(id).addEventListener("input", () => {
      $(`${id}-value`).textContent = Number($(id).value).toFixed(2);
      show();
    });
  }
  $("threshold").addEventListener("change", () => state.found && say(summary()));
  $("opacity").addEventListener("input", () => {
    $("opacity-value").textContent = `${$("opacity").value} %`;
    $("opacity").setAttribute("aria-valuetext", $("opacity-value").textContent);
    redraw();
  });
  for (const radio of document.getElementsByName("layer")) {
    radio.addEventListener("change", () => {
      $("layer-hint").textContent = HINTS[layer()];
      const missing = layer() && state.layers?.bytes[layer()] === undefined;
      if (missing && state.photo && !state.stopCamera) ask();
      redraw();
    });
  }
  for (const id of ["keypoint", "poses"]) $(id).addEventListener("change", redraw);
  window.addEventListener("resize", redraw);
  window.addEventListener("dragover", (event) => {
    event.preventDefault();
    $("stage").classList.add("over");
  });
  window.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) $("stage").classList.remove("over");
  });
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    $("stage").classList.remove("over");
    takeFile(event.dataTransfer.files[0]);
  });
  window.addEventListener("paste", (event) => takeFile(event.clipboardData.files[0]));
}

async function start() {
  wire();
  say(PRIVACY);
  try {
    const model = await fetchModel();
    state.limits = model.limits;
    $("threshold").value = model.threshold;
    $("threshold").dispatchEvent(new Event("input"));
    $("model").textContent = `${model.model}, ${model.sizes.join(" + ")} px · ${model.runtime}`;
    model.skeleton.names.forEach((name, k) => $("keypoint").add(new Option(name.replaceAll("_", " "), k)));
  } catch (error) {
    fail(error.message);
  }
}

start();
