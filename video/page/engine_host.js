// Runs the engine: in a worker if the browser can draw from one, otherwise in the page.

/** @import { Notice, Request } from "./engine.js" */
import { Engine } from "./engine.js";

const START_MS = 5000; // a worker that has not started by then is given up

/** The engine, wherever it runs. Requests wait until that is known. */
export class EngineHost {
  /** @param {(notice: Notice) => void} onNotice */
  constructor(onNotice) {
    this.onNotice = onNotice;
    /** @type {((request: Request) => void) | null} */
    this.deliver = null;
    /** @type {Request[]} */
    this.waiting = [];
    if (canDrawInWorker()) this.startWorker();
    else this.startHere();
  }

  /**
   * @param {Request} request a canvas in it belongs to the engine from now on
   */
  post(request) {
    if (this.deliver) this.deliver(request);
    else this.waiting.push(request);
  }

  startWorker() {
    const worker = new Worker(new URL("engine_worker.js", import.meta.url), { type: "module" });
    const timer = setTimeout(() => failed("it does not start"), START_MS);
    /** @param {string} why */
    const failed = (why) => {
      if (this.deliver) return;
      clearTimeout(timer);
      worker.terminate();
      console.warn(`The worker that draws is not available (${why}): the page draws itself.`);
      this.startHere();
    };
    worker.onerror = (event) => failed(event.message || "it cannot be loaded");
    worker.onmessage = (/** @type {MessageEvent<Notice | { type: "ready" }>} */ { data }) => {
      if (data.type !== "ready") {
        this.onNotice(data);
        return;
      }
      clearTimeout(timer);
      this.start((request) => {
        const [message, transfer] = transferred(request);
        worker.postMessage(message, transfer);
      });
    };
  }

  startHere() {
    const engine = new Engine(this.onNotice, (draw) => requestAnimationFrame(draw));
    this.start((request) => engine.handle(request));
  }

  /** @param {(request: Request) => void} deliver */
  start(deliver) {
    this.deliver = deliver;
    for (const request of this.waiting.splice(0)) deliver(request);
  }
}

function canDrawInWorker() {
  return typeof Worker === "function" && "transferControlToOffscreen" in HTMLCanvasElement.prototype;
}

/**
 * @param {Request} request
 * @returns {[Request, Transferable[]]} the request as a worker gets it, and what it takes over
 */
function transferred(request) {
  if (!("canvas" in request) || !(request.canvas instanceof HTMLCanvasElement)) return [request, []];
  const canvas = request.canvas.transferControlToOffscreen();
  return [{ ...request, canvas }, [canvas]];
}
