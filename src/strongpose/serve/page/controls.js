// What the controls are set to.

/** What the network's maps show, by layer. */
export const HINTS = {
  "": "The photo alone.",
  heatmaps: "How likely a keypoint of anybody is near: high in a whole disk around it. One hue for each keypoint.",
  offsets: "From every cell where a keypoint is near, a line to where exactly it is.",
  body: "How likely a cell is part of a person's body.",
};

/** The element of an id. */
export const $ = (id) => document.getElementById(id);

export const layer = () => document.querySelector("input[name=layer]:checked").value;
export const threshold = () => Number($("threshold").value);
export const keypointThreshold = () => Number($("keypoint-threshold").value);
export const keypoint = () => ($("keypoint").value === "" ? null : Number($("keypoint").value));
export const wantedLayers = () => (layer() ? [...new Set(["heatmaps", layer()])] : []);
