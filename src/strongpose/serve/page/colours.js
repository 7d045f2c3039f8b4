// Colours: of people as in the pictures of `strongpose predict`, of keypoints and heat as in those of its fields.

const PEOPLE = [
  [255, 159, 28], [46, 196, 255], [255, 77, 109], [128, 237, 93], [199, 125, 255],
  [255, 226, 84], [0, 214, 170], [255, 140, 220], [120, 150, 255], [210, 160, 110],
];

// From cold to hot, at equal distances; between them colours are mixed.
const HEAT = [
  [0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39], [252, 255, 164],
];

export function css([r, g, b]) {
  return `rgb(${r} ${g} ${b})`;
}

/** The colour of a person, by rank; darker for keypoints of the right side. */
export function personColour(i, right = false) {
  const colour = PEOPLE[i % PEOPLE.length];
  return right ? colour.map((part) => Math.round(part * 0.68)) : colour;
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
