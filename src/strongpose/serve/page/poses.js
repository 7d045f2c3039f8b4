// Drawing poses, in photo pixels: a canvas context is scaled so that one unit is one photo pixel.

import { css, LEFT, OUTLINE, personColour, RIGHT } from "/colours.js";

// As in draw/poses.py.
const OPAQUE = 0.7; // keypoint score from which nothing fades
const FAINT = 0.5; // opacity at the least score that is drawn
const THIN = 0.6; // width there, of an opaque one's
const WIDTH = 0.014; // of a line, times the person's extent
const LEAST = 1.35; // width in pixels of the screen
const MOST = 0.012; // width, times the picture's long side

/**
 * Draws people, the highest score on top: left limbs orange, right ones blue, trunks in the person's colour.
 *
 * Limbs and keypoints fade as their score falls; a limb has the lower score of its two ends. `threshold` is the least
 * score of keypoints that are drawn, `lit` the person who stands out, `keypoint` the one that is drawn larger, and
 * `unit` the size of a pixel of the screen in photo pixels.
 */
export function drawPoses(context, found, people, { threshold, lit, keypoint, unit }) {
  const body = anatomy(found.skeleton);
  const order = people.map((_, i) => i).reverse();
  if (lit !== null && lit < people.length) order.push(...order.splice(order.indexOf(lit), 1));
  for (const i of order) {
    const colours = { left: css(LEFT), trunk: css(personColour(i)), right: css(RIGHT) };
    const look = lookOf(points(people[i], found.skeleton), body, threshold);
    const most = MOST * Math.max(found.width, found.height);
    const width = Math.max(Math.min(WIDTH * extent(look.dots), most), LEAST * unit);
    drawPerson(context, look, { width, unit, colours, opacity: lit === null || lit === i ? 1 : 0.2, chosen: keypoint });
  }
  context.globalAlpha = 1;
}

/** x, y and score of each keypoint, in the order of the skeleton's names. */
export function points(person, { names }) {
  return names.map((name) => person.keypoints[name]);
}

/** Of the skeleton's keypoints and limbs, the side: left, right or trunk. */
function anatomy({ names, limbs, flip_pairs: pairs }) {
  const index = new Map(names.map((name, k) => [name, k]));
  const sides = names.map(() => "trunk");
  for (const [left, right] of pairs) {
    sides[index.get(left)] = "left";
    sides[index.get(right)] = "right";
  }
  const joined = limbs.map((pair) => pair.map((name) => index.get(name)));
  const mirrored = new Set(pairs.map((pair) => [...pair].sort().join()));
  const trunk = sides.map((side) => side === "trunk");
  limbs.forEach((pair, i) => {
    if (mirrored.has([...pair].sort().join())) for (const k of joined[i]) trunk[k] = true;
  });
  return {
    sides,
    limbs: joined.map(([a, b]) => {
      const side = trunk[a] && trunk[b] ? "trunk" : sides[a] === "trunk" ? sides[b] : sides[a];
      return { a, b, side };
    }),
    lone: names.map((_, k) => !joined.some((pair) => pair.includes(k))),
  };
}

/** The limbs and dots that are drawn, the lowest score first; a dot whose every limb is left out is none. */
function lookOf(keypoints, { sides, limbs, lone }, threshold) {
  const seen = keypoints.map(([, , score]) => score >= threshold);
  const strength = keypoints.map(([, , score]) => Math.min(Math.max((score - threshold) / Math.max(OPAQUE - threshold, 1e-6), 0), 1));
  const drawn = limbs.filter(({ a, b }) => seen[a] && seen[b]);
  const ends = new Set(drawn.flatMap(({ a, b }) => [a, b]));
  const byStrength = (one, other) => one.strength - other.strength;
  return {
    limbs: drawn
      .map(({ a, b, side }) => ({ from: keypoints[a], to: keypoints[b], side, strength: Math.min(strength[a], strength[b]) }))
      .sort(byStrength),
    dots: keypoints
      .map((at, k) => ({ at, k, side: sides[k], strength: strength[k] }))
      .filter(({ k }) => ends.has(k) || (seen[k] && lone[k]))
      .sort(byStrength),
  };
}

function drawPerson(context, { limbs, dots }, { width, unit, colours, opacity, chosen }) {
  const edge = Math.min(Math.max(0.25 * width, 0.6 * unit), 2.5 * unit);
  context.lineCap = "butt"; // the dots are the joints
  for (const outline of [true, false]) {
    const rim = outline ? edge : 0;
    const colour = (side) => (outline ? css(OUTLINE) : colours[side]);
    const fade = (strength) => {
      const faded = FAINT + (1 - FAINT) * strength;
      context.globalAlpha = opacity * (outline ? faded ** 2 : faded);
      return width * (THIN + (1 - THIN) * strength);
    };
    for (const { from, to, side, strength } of limbs) {
      context.lineWidth = fade(strength) + 2 * rim;
      context.strokeStyle = colour(side);
      context.beginPath();
      context.moveTo(...place(from));
      context.lineTo(...place(to));
      context.stroke();
    }
    for (const { at, k, side, strength } of dots) {
      const wide = fade(strength) * (k === chosen ? 2.2 : 1);
      disc(context, at, 0.9 * wide + rim, colour(side));
      if (!outline && wide > 2 * unit) disc(context, at, 0.45 * wide, "white");
    }
  }
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

/** The diagonal of the box around some dots, in photo pixels. */
function extent(dots) {
  if (!dots.length) return 0;
  const spread = (axis) => Math.max(...dots.map(({ at }) => at[axis])) - Math.min(...dots.map(({ at }) => at[axis]));
  return Math.hypot(spread(0), spread(1));
}
