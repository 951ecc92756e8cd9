// Runs the painter: in a worker if the browser can draw from one, otherwise in the page.

/** @import { Order, Report } from "./painter.js" */
import { Painter } from "./painter.js";

const START_MS = 5000; // a worker that has not started by then is given up

/** The painter, wherever it runs. Orders wait until that is known. */
export class PainterHost {
  /** @param {(reports: Report[]) => void} onReports */
  constructor(onReports) {
    this.onReports = onReports;
    /** @type {((order: Order) => void) | null} */
    this.deliver = null;
    /** @type {Order[]} */
    this.waiting = [];
    if (canDrawInWorker()) this.startWorker();
    else this.startHere();
  }

  /**
   * @param {Order} order the canvas or the data in it belong to the painter from now on
   */
  post(order) {
    if (this.deliver) this.deliver(order);
    else this.waiting.push(order);
  }

  startWorker() {
    const worker = new Worker(new URL("painter_worker.js", import.meta.url), { type: "module" });
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
    worker.onmessage = ({ data }) => {
      if (data.type === "reports") this.onReports(data.reports);
      else {
        clearTimeout(timer);
        this.start((order) => {
          const [message, transfer] = transferred(order);
          worker.postMessage(message, transfer);
        });
      }
    };
  }

  startHere() {
    const painter = new Painter(this.onReports, (draw) => requestAnimationFrame(draw));
    this.start((order) => painter.handle(order));
  }

  /** @param {(order: Order) => void} deliver */
  start(deliver) {
    this.deliver = deliver;
    for (const order of this.waiting.splice(0)) deliver(order);
  }
}

function canDrawInWorker() {
  return typeof Worker === "function" && "transferControlToOffscreen" in HTMLCanvasElement.prototype;
}

/**
 * @param {Order} order
 * @returns {[Order, Transferable[]]} the order as a worker gets it, and what it takes over
 */
function transferred(order) {
  if (order.type === "frame") return [order, [order.data]];
  if (!("canvas" in order) || !(order.canvas instanceof HTMLCanvasElement)) return [order, []];
  const canvas = order.canvas.transferControlToOffscreen();
  return [{ ...order, canvas }, [canvas]];
}
