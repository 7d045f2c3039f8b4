// Photos that were chosen together: processed one after another, and a bad one does not keep the others.

import { fetchPoses } from "/api.js";

const TYPES = ["image/jpeg", "image/png", "image/webp"];
const LAYERS = ["heatmaps", "offsets", "body"]; // all, so that switching between them is instant
const THUMB = 72; // height in pixels

/** A photo that was not processed yet; `file` is the name of its file, `name` that of files that are saved. */
export function newPhoto(blob, file) {
  const name = file?.replace(/\.[^.]*$/, "") || "photo";
  return { blob, file, name, thumb: null, picture: null, found: null, layers: null, failure: "", milliseconds: 0 };
}

/** Processes photos in turn; `changed` is told of each before and after it. */
export async function processAll(photos, limits, signal, changed) {
  for (const photo of photos) {
    changed(photo);
    await process(photo, limits, signal);
    if (signal.aborted) return;
    changed(photo);
  }
}

/** Fills in what the server finds in a photo, or the `failure`. */
export async function process(photo, limits, signal) {
  photo.failure = refusal(photo.blob, limits);
  if (photo.failure) return;
  try {
    photo.thumb ??= await createImageBitmap(photo.blob, { resizeHeight: THUMB, resizeQuality: "medium" });
  } catch {
    photo.failure = "This file is not a photo that the browser can read, or it is damaged.";
    return;
  }
  while (!signal.aborted) {
    const start = performance.now();
    try {
      photo.found = await fetchPoses(photo.blob, LAYERS, signal);
      photo.milliseconds = performance.now() - start;
      return;
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!error.retryAfter) {
        photo.failure = error.message;
        return;
      }
      await new Promise((done) => setTimeout(done, 1000 * error.retryAfter)); // the server is busy
    }
  }
}

function refusal(blob, limits) {
  if (!TYPES.includes(blob.type)) return "Choose a JPEG, PNG or WebP photo.";
  const most = limits?.max_bytes ?? Infinity;
  return blob.size > most ? `The file has ${Math.ceil(blob.size / 1e6)} MB; at most ${most / 1e6} MB are taken.` : "";
}
