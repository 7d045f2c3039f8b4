// Drawing poses, in photo pixels: a canvas context is scaled so that one unit is one photo pixel.

import { css, personColour } from "/colours.js";

const OUTLINE = "rgb(20 20 24)";

/**
 * Draws people, the surest on top.
 *
 * `sure` is the least score of keypoints that are drawn, `lit` the person who stands out, `keypoint` the one
 * that is drawn larger, and `unit` the size of a pixel of the screen in photo pixels: the least of which lines are made.
 */
export function drawPoses(context, found, people, { sure, lit, keypoint, unit }) {
  const skeleton = found.skeleton;
  const index = new Map(skeleton.names.map((name, k) => [name, k]));
  const limbs = skeleton.limbs.map((pair) => pair.map((name) => index.get(name)));
  const right = new Set(skeleton.flip_pairs.map(([, name]) => index.get(name)));
  const order = people.map((_, i) => i).reverse();
  if (lit !== null && lit < people.length) order.push(...order.splice(order.indexOf(lit), 1));
  for (const i of order) {
    context.globalAlpha = lit === null || lit === i ? 1 : 0.2;
    const keypoints = points(people[i], skeleton);
    const seen = keypoints.map(([, , score]) => score >= sure);
    const width = Math.max(lineWidth(keypoints.filter((_, k) => seen[k]), longSide(found)), 2.25 * unit);
    drawPerson(context, { keypoints, seen, width, edge: Math.max(0.3 * width, unit), i }, limbs, right, keypoint);
  }
  context.globalAlpha = 1;
}

/** x, y and score of each keypoint, in the order of the skeleton's names. */
export function points(person, { names }) {
  return names.map((name) => person.keypoints[name]);
}

function drawPerson(context, { keypoints, seen, width, edge, i }, limbs, right, chosen) {
  context.lineCap = "round";
  for (const outline of [true, false]) {
    for (const [a, b] of limbs) {
      if (!seen[a] || !seen[b]) continue;
      context.strokeStyle = outline ? OUTLINE : css(personColour(i, right.has(a) || right.has(b)));
      context.lineWidth = outline ? width + 2 * edge : width;
      context.beginPath();
      context.moveTo(...place(keypoints[a]));
      context.lineTo(...place(keypoints[b]));
      context.stroke();
    }
  }
  keypoints.forEach((keypoint, k) => {
    if (!seen[k]) return;
    const radius = (0.9 * width + edge) * (k === chosen ? 1.7 : 1);
    disc(context, keypoint, radius + edge, OUTLINE);
    disc(context, keypoint, radius, "white");
    disc(context, keypoint, radius - 0.45 * width, css(personColour(i, right.has(k))));
  });
}

function disc(context, keypoint, radius, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(...place(keypoint), Math.max(radius, 0), 0, 2 * Math.PI);
  context.fill();
}

/** Where a point is on the canvas, where whole numbers are the corners of pixels, not their centres. */
function place([x, y]) {
  return [x + 0.5, y + 0.5];
}

function lineWidth(keypoints, long) {
  const spread = (axis) => Math.max(...keypoints.map((p) => p[axis])) - Math.min(...keypoints.map((p) => p[axis]));
  const extent = keypoints.length ? Math.hypot(spread(0), spread(1)) : 0;
  return Math.min(Math.max(0.014 * extent, long / 500), long / 160);
}

function longSide(found) {
  return Math.max(found.width, found.height);
}
