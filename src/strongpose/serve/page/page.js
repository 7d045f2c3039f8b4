// The page: its state, what the controls do to it, and how it is shown.

import { fetchModel, fetchPoses } from "/api.js";
import { startCamera } from "/camera.js";
import { $, HINTS, keypoint, keypointThreshold, layer, threshold, wantedLayers } from "/controls.js";
import { drawLayer, readLayers } from "/layers.js";
import { listPeople } from "/people.js";
import { newPhoto, process, processAll } from "/photos.js";
import { drawPoses } from "/poses.js";
import { saveJson, savePng } from "/saving.js";
import { listPhotos } from "/strip.js";
import { showTimings } from "/timings.js";
import { allFound, counted, peopleFound } from "/words.js";

const HERE = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
const PRIVACY = HERE ? "Photos stay on this machine." : `Photos go to the server at ${location.hostname}, and nowhere else.`;

const state = {
  photos: [], // those that were chosen together
  shown: null, // the one shown large, or the camera's last frame
  wanted: null, // the one that will be shown once it is decoded
  lit: null, // the person pointed at
  open: null, // the person whose keypoints are listed
  pending: null, // AbortController of the requests in progress
  stopCamera: null,
  frames: 0,
  limits: null,
};

const peopleOf = (photo) => (photo?.found ? photo.found.people.filter((person) => person.score >= threshold()) : []);

// ---------- photos ----------

async function takeFiles(files) {
  if (!files.length) return;
  stopCamera();
  begin();
  const { signal } = state.pending;
  state.photos = [...files].map((file) => newPhoto(file, file.name));
  showPhoto(state.photos[0]);
  $("stage").classList.add("busy");
  let seen = 0;
  await processAll(state.photos, state.limits, signal, (photo) => {
    seen += 1; // twice for each
    if (state.photos.length > 1) say(`Processing photo ${Math.ceil(seen / 2)} of ${state.photos.length} …`);
    if (photo === state.wanted) showPhoto(photo);
    else show();
  });
  if (signal.aborted) return;
  $("stage").classList.remove("busy");
  say(state.photos.length > 1 ? total() : state.photos[0].failure ? "" : summary(state.photos[0]));
}

/** Shows a photo large: what there is of it now. The one before stays until this one can be drawn. */
async function showPhoto(photo) {
  state.wanted = photo;
  const decode = () => createImageBitmap(photo.blob).catch(() => null); // that it is no photo is told by `process`
  const picture = photo.picture ?? (photo.failure ? null : await decode());
  const layers = photo.layers ?? (photo.found && (await readLayers(photo.found)));
  if (state.wanted !== photo) return;
  if (state.shown && state.shown !== photo) {
    Object.assign(state.shown, { picture: null, layers: null }); // they are large
    Object.assign(state, { lit: null, open: null });
  }
  Object.assign(photo, { picture, layers });
  state.shown = photo;
  fail(photo.failure && state.photos.length > 1 ? `${photo.file}: ${photo.failure}` : photo.failure);
  show();
}

/** Asks about the shown photo once more, for layers that were not asked for before. */
async function askAgain() {
  begin();
  const photo = state.shown;
  const { signal } = state.pending;
  $("stage").classList.add("busy");
  say("Processing …");
  await process(photo, state.limits, signal);
  if (signal.aborted) return;
  $("stage").classList.remove("busy");
  photo.layers = null;
  say(photo.failure ? "" : summary(photo));
  await showPhoto(photo);
}

/** Aborts what is in progress. */
function begin() {
  state.pending?.abort();
  state.pending = new AbortController();
  state.wanted = null;
  fail("");
}

// ---------- the camera ----------

async function processFrame(frame, blob) {
  const start = performance.now();
  const found = await fetchPoses(blob, wantedLayers(), state.pending?.signal);
  const layers = await readLayers(found);
  if (!state.stopCamera) return;
  Object.assign(state.shown, { picture: frame, found, layers, milliseconds: performance.now() - start });
  state.frames += 1;
  if (state.frames === 1) say(`The camera is on. ${PRIVACY}`);
  show();
}

async function toggleCamera() {
  if (state.stopCamera) {
    stopCamera();
    say("The camera is off.");
    return;
  }
  begin();
  $("stage").classList.remove("busy");
  state.frames = 0;
  $("camera").disabled = true;
  try {
    const stop = await startCamera(processFrame, (error) => {
      stopCamera();
      fail(error.message);
    });
    const shown = { ...newPhoto(null), name: "camera" };
    Object.assign(state, { stopCamera: stop, photos: [], shown, open: null, lit: null });
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
  const photo = state.shown;
  photo.picture?.toBlob((blob) => (photo.blob = blob), "image/png");
}

// ---------- showing ----------

let drawn = 0;

function show() {
  const photo = state.shown;
  const shown = peopleOf(photo);
  $("stage").classList.toggle("empty", !photo?.picture);
  $("picture").hidden = !photo?.picture;
  $("save-json").disabled = !photo?.found;
  $("save-png").disabled = !photo?.found;
  $("count").textContent = shown.length;
  $("picture").setAttribute("aria-label", photo?.found ? summary(photo) : "The photo, not processed yet");
  $("nobody").hidden = shown.length > 0;
  $("nobody").textContent = photo?.found ? "Nobody above the threshold." : "Nobody yet.";
  showTimings(photo);
  listPhotos($("photos"), state.photos, photo, label, showPhoto);
  listPeople($("people"), { state, found: photo?.found, people: shown, threshold: keypointThreshold(), changed: redraw });
  redraw();
}

function redraw() {
  cancelAnimationFrame(drawn);
  drawn = requestAnimationFrame(() => {
    if (!state.shown?.picture) return;
    const canvas = $("picture");
    const room = $("stage").clientWidth;
    const { width, height } = state.shown.picture;
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
  const { picture, found, layers } = state.shown;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  if (!found) return;
  context.setTransform(canvas.width / found.width, 0, 0, canvas.height / found.height, 0, 0);
  if (layer()) drawLayer(context, layers, layer(), keypoint(), Number($("opacity").value) / 100, found);
  if ($("poses").checked) {
    const unit = found.width / (canvas.clientWidth || canvas.width); // photo pixels in one of the screen or the file
    const look = { threshold: keypointThreshold(), lit: state.lit ?? state.open, keypoint: keypoint(), unit };
    drawPoses(context, found, peopleOf(state.shown), look);
  }
}

const summary = (photo) => peopleFound(peopleOf(photo).length);

/** What the strip says of a photo. */
function label(photo) {
  if (photo.failure) return "failed";
  return photo.found ? counted(peopleOf(photo).length, "person", "people") : "…";
}

function total() {
  const failed = state.photos.filter((photo) => photo.failure).length;
  const people = state.photos.reduce((sum, photo) => sum + peopleOf(photo).length, 0);
  return allFound(people, state.photos.length - failed, failed);
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

// ---------- wiring ----------

function wire() {
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    takeFiles([...$("file").files]);
    $("file").value = ""; // the same files again are a change
  });
  $("camera").addEventListener("click", toggleCamera);
  $("save-json").addEventListener("click", () => saveJson(state.shown, peopleOf(state.shown)));
  $("save-png").addEventListener("click", () => savePng(state.shown, paint));
  for (const id of ["threshold", "keypoint-threshold"]) {
    $(id).addEventListener("input", () => {
      $(`${id}-value`).textContent = Number($(id).value).toFixed(2);
      show();
    });
  }
  $("threshold").addEventListener("change", () => state.shown?.found && say(summary(state.shown)));
  $("opacity").addEventListener("input", () => {
    $("opacity-value").textContent = `${$("opacity").value} %`;
    $("opacity").setAttribute("aria-valuetext", $("opacity-value").textContent);
    redraw();
  });
  for (const radio of document.getElementsByName("layer")) {
    radio.addEventListener("change", () => {
      $("layer-hint").textContent = HINTS[layer()];
      const { found, layers, blob } = state.shown ?? {};
      const isMissing = layer() && found && layers?.bytes[layer()] === undefined;
      if (isMissing && blob && state.photos.length === 0 && !state.stopCamera) askAgain(); // the camera's last frame
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
    takeFiles(event.dataTransfer.files);
  });
  window.addEventListener("paste", (event) => takeFiles(event.clipboardData.files));
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
