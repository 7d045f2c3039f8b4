// Colours: the same as in the pictures of `strongpose predict` (draw/colours.py).

export const LEFT = [255, 153, 0]; // of the person
export const RIGHT = [56, 149, 255];
export const OUTLINE = [20, 20, 24];

// One per person, in turn; of the trunk, in the list of people, and of body regions.
const PEOPLE = [
  [122, 230, 96], [255, 110, 200], [255, 228, 92], [178, 132, 255], [0, 214, 184],
  [255, 92, 92], [235, 235, 235], [186, 148, 106],
];

// From cold to hot, at equal distances; between them colours are mixed.
const HEAT = [
  [0, 0, 4], [33, 12, 74], [87, 16, 110], [138, 34, 106], [188, 55, 84],
  [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164],
];

export function css([r, g, b]) {
  return `rgb(${r} ${g} ${b})`;
}

/** The colour of a person, by rank. */
export function personColour(i) {
  return PEOPLE[i % PEOPLE.length];
}

/** The hue of keypoint k of count; neighbours in number are far apart in hue. */
export function keypointColour(k, count) {
  let step = Math.max(1, Math.round(count * 0.38));
  while (divisor(step, count) !== 1) step += 1;
  return hsv(((k * step) % count) / count, 0.85, 1);
}

/** The colour of heat from 0 to 1. */
export function heatColour(heat) {
  const place = Math.min(Math.max(heat, 0), 1) * (HEAT.length - 1);
  const low = Math.min(Math.floor(place), HEAT.length - 2);
  return HEAT[low].map((part, i) => Math.round(part + (HEAT[low + 1][i] - part) * (place - low)));
}

function divisor(a, b) {
  return b === 0 ? a : divisor(b, a % b);
}

function hsv(h, s, v) {
  const channel = (n) => {
    const k = (n + h * 6) % 6;
    return Math.round(255 * (v - v * s * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [channel(5), channel(3), channel(1)];
}
