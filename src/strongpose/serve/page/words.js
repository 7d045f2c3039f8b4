// What the page says of numbers of people and photos.

/** A number with its noun, in the singular for one. */
export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** How many people were found in the photo that is shown. */
export function peopleFound(count) {
  const words = ["Nobody", "One person", "Two people", "Three people"][count] ?? `${count} people`;
  return `${words} found.`;
}

/** How many people were found in so many photos, and how many photos failed. */
export function allFound(people, photos, failed) {
  const found = `${counted(people, "person", "people")} found in ${counted(photos, "photo")}`;
  return failed ? `${found}; ${counted(failed, "photo")} failed.` : `${found}.`;
}
