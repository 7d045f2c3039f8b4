// Files that are saved: the people of a photo as JSON, in the layout of all results, and the picture.

const MOST_PIXELS = 4096; // long side of a saved picture

/** Saves what was found in a photo, with these people only. */
export function saveJson(photo, people) {
  const { version, layers, ...facts } = { ...photo.found, people };
  const text = JSON.stringify({ version, photo: photo.file, ...facts }, null, 1);
  save(new Blob([`${text}\n`], { type: "application/json" }), `${photo.name}.poses.json`);
}

/** Saves a picture at the photo's own size, which `paint` draws on a canvas. */
export function savePng(photo, paint) {
  const { width, height } = photo.found;
  const scale = Math.min(1, MOST_PIXELS / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  paint(canvas);
  canvas.toBlob((blob) => save(blob, `${photo.name}.poses.png`), "image/png");
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
