// The camera: frame after frame, each sent when the answer to the one before has come.

const LONG_SIDE = 960; // frames are sent no larger
const QUALITY = 0.85;

/** Starts the camera. `look` is given one frame, as a canvas and a Blob, and is waited for. Returns how to stop. */
export async function startCamera(look, failed) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("Browsers give the camera only to pages on this machine or behind https.");
  }
  const stream = await open();
  const video = document.createElement("video");
  video.muted = video.playsInline = true;
  video.srcObject = stream;
  let running = true;
  const stop = () => {
    running = false;
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  stream.getVideoTracks()[0].addEventListener("ended", () => {
    if (running) {
      stop();
      failed(new Error("The camera was taken away."));
    }
  });
  await video.play();
  loop(video, look, () => running).catch((error) => {
    if (running) {
      stop();
      failed(error);
    }
  });
  return stop;
}

async function open() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, facingMode: "user" } });
  } catch (error) {
    const lines = {
      NotAllowedError: "The camera is not allowed for this page; allow it in the browser's settings.",
      NotFoundError: "There is no camera.",
      NotReadableError: "The camera is in use by another program.",
    };
    throw new Error(lines[error.name] ?? `The camera does not start (${error.message}).`, { cause: error });
  }
}

async function loop(video, look, running) {
  while (running()) {
    await shown();
    if (!video.videoWidth) continue;
    const scale = Math.min(1, LONG_SIDE / Math.max(video.videoWidth, video.videoHeight));
    const frame = document.createElement("canvas");
    frame.width = Math.round(video.videoWidth * scale);
    frame.height = Math.round(video.videoHeight * scale);
    frame.getContext("2d").drawImage(video, 0, 0, frame.width, frame.height);
    const blob = await new Promise((done) => frame.toBlob(done, "image/jpeg", QUALITY));
    if (!running()) return;
    try {
      await look(frame, blob);
    } catch (error) {
      if (!error.retryAfter) throw error;
      await new Promise((done) => setTimeout(done, 1000 * error.retryAfter)); // the server is busy
    }
  }
}

/** The next moment in which the page is shown: a page in the background takes no pictures. */
function shown() {
  return new Promise((done) => requestAnimationFrame(done));
}
