// The network's maps: reading them from the pictures that the server sends, and drawing them over the photo.

import { css, heatColour, keypointColour } from "/colours.js";

const WARM = 0.3; // heat from which a cell's offset is drawn

/** The maps in an answer: for each layer the bytes of its picture (four a cell) and the place of the cells. */
export async function readLayers(answer) {
  if (!answer.layers) return null;
  const { png, ...grid } = answer.layers;
  const bytes = {};
  for (const [name, text] of Object.entries(png)) bytes[name] = await pixels(text);
  return { ...grid, bytes, names: answer.skeleton.names };
}

/** Draws a layer; `keypoint` is an index, or null for all. */
export function drawLayer(context, layers, name, keypoint, opacity, { width, height }) {
  if (!layers || !layers.bytes.heatmaps || !layers.bytes[name]) return;
  context.fillStyle = `rgb(0 0 0 / ${0.6 * opacity})`;
  context.fillRect(0, 0, width, height);
  context.globalAlpha = opacity;
  if (name === "offsets") drawOffsets(context, layers, keypoint);
  else drawHeat(context, layers, name === "body" ? bodyColours(layers) : keypointColours(layers, keypoint));
  context.globalAlpha = 1;
}

async function pixels(base64) {
  const data = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([data], { type: "image/png" }), { colorSpaceConversion: "none" });
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, picture.width, picture.height).data;
}

/** Red, green, blue, alpha of every cell: the strongest keypoint decides the hue, with soft borders. */
function keypointColours(layers, keypoint) {
  const count = layers.names.length;
  const cells = layers.cells[0] * layers.cells[1];
  const colours = layers.names.map((_, k) => keypointColour(k, count));
  const shown = keypoint === null ? colours.map((_, k) => k) : [keypoint];
  const out = new Uint8ClampedArray(4 * cells);
  for (let cell = 0; cell < cells; cell += 1) {
    let total = 1e-9;
    let most = 0;
    const mixed = [0, 0, 0];
    for (const k of shown) {
      const heat = layers.bytes.heatmaps[4 * (k * cells + cell)] / 255;
      const weight = heat ** 4;
      total += weight;
      most = Math.max(most, heat);
      for (let c = 0; c < 3; c += 1) mixed[c] += weight * colours[k][c];
    }
    out.set([...mixed.map((part) => part / total), 255 * most], 4 * cell);
  }
  return out;
}

function bodyColours(layers) {
  const heats = layers.bytes.body;
  const out = new Uint8ClampedArray(heats.length);
  for (let at = 0; at < heats.length; at += 4) {
    const heat = heats[at] / 255;
    out.set([...heatColour(heat), 255 * Math.min(1, 1.2 * heat)], at);
  }
  return out;
}

function drawHeat(context, { cells: [columns, rows], origin, step }, colours) {
  const map = new OffscreenCanvas(columns, rows);
  map.getContext("2d").putImageData(new ImageData(colours, columns, rows), 0, 0);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  const [x, y] = [0, 1].map((axis) => origin[axis] + 0.5 - step[axis] / 2); // a cell is centred on its point
  context.drawImage(map, x, y, columns * step[0], rows * step[1]);
}

/** From every warm cell, a dot, a line to where it points; the end white. */
function drawOffsets(context, { cells: [columns, rows], origin, step, reach, bytes, names }, keypoint) {
  const shown = keypoint === null ? names.map((_, k) => k) : [keypoint];
  const cells = columns * rows;
  const ends = [];
  context.lineWidth = step[0] * 0.07;
  for (const k of shown) {
    context.strokeStyle = context.fillStyle = css(keypointColour(k, names.length));
    context.beginPath();
    const dots = new Path2D();
    for (let cell = 0; cell < cells; cell += 1) {
      const at = 4 * (k * cells + cell);
      if (bytes.heatmaps[at] < WARM * 255) continue;
      const x = origin[0] + 0.5 + (cell % columns) * step[0];
      const y = origin[1] + 0.5 + Math.floor(cell / columns) * step[1];
      const end = [0, 1].map((axis) => ((bytes.offsets[at + axis] - 128) / 127) * reach[axis] + [x, y][axis]);
      context.moveTo(x, y);
      context.lineTo(...end);
      dots.moveTo(x, y);
      dots.arc(x, y, step[0] * 0.12, 0, 2 * Math.PI);
      ends.push(end);
    }
    context.stroke();
    context.fill(dots);
  }
  context.fillStyle = "white";
  for (const [x, y] of ends) context.fillRect(x - step[0] * 0.06, y - step[1] * 0.06, step[0] * 0.12, step[1] * 0.12);
}
