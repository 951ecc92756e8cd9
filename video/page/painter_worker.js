// The painter in a worker: decoding and drawing take none of the page's time.

/** @import { Order } from "./painter.js" */
import { Painter } from "./painter.js";

const FRAME_MS = 16; // between two refreshes, where a worker is not told of them

const painter = new Painter(
  (reports) => postMessage({ type: "reports", reports }),
  (draw) => (typeof requestAnimationFrame === "function" ? requestAnimationFrame(draw) : setTimeout(draw, FRAME_MS)),
);
addEventListener("message", (/** @type {MessageEvent<Order>} */ { data }) => painter.handle(data));
postMessage({ type: "ready" });
