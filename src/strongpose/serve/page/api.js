// Talking to the server. Every failure becomes an Error with one line for people.

/** The facts about the model and the limits. */
export async function fetchModel() {
  return answer(await send("/api/model"));
}

/** The people in a photo (Blob), all of them, and the maps of the layers named. */
export async function fetchPoses(photo, layers, signal) {
  const query = new URLSearchParams({ threshold: "0", layers: layers.join(",") });
  return answer(
    await send(`/api/poses?${query}`, { method: "POST", body: photo, headers: { "Content-Type": photo.type }, signal }),
  );
}

async function send(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is it still running?", { cause: error });
  }
}

async function answer(response) {
  if (response.ok) return response.json();
  const body = await response.json().catch(() => ({}));
  const failure = new Error(sentence(body.error ?? `The server answered with status ${response.status}`));
  failure.retryAfter = Number(response.headers.get("Retry-After")) || 0;
  throw failure;
}

function sentence(line) {
  return `${line[0].toUpperCase()}${line.slice(1)}.`;
}
