// How long the steps took for the photo that is shown.

import { $ } from "/controls.js";

/** Fills the list of times; hides it where nothing was measured. */
export function showTimings(photo) {
  $("timings").hidden = !photo?.found;
  if (!photo?.found) return;
  const { read, network, decode } = photo.found.timings_ms;
  for (const [id, value] of Object.entries({ read, network, decode, all: photo.milliseconds })) {
    $(`time-${id}`).textContent = `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  }
}
