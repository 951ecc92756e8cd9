// The engine in a worker: receiving, decoding and drawing take none of the page's time.

/** @import { Request } from "./engine.js" */
import { Engine } from "./engine.js";

const FRAME_MS = 16; // between two refreshes, where a worker is not told of them

const engine = new Engine(
  (notice) => postMessage(notice),
  (draw) => (typeof requestAnimationFrame === "function" ? requestAnimationFrame(draw) : setTimeout(draw, FRAME_MS)),
);
addEventListener("message", (/** @type {MessageEvent<Request>} */ { data }) => engine.handle(data));
postMessage({ type: "ready" });
