// Receives and shows frames: the WebSocket, the painter and the acknowledgements in one place, which is a worker where
// the browser can draw from one (engine_worker.js), otherwise the page (engine_host.js). The page itself only learns
// what has been shown, at once for the large picture and a few times a second for the tiles of the wall.
// Every frame is acknowledged, including one that cannot be shown: only then does the server send the next one, and
// after 30 s without an acknowledgement it closes the connection for all cameras.

/** @import { Head } from "./frame.js" */
/** @import { Order, Report } from "./painter.js" */
import { acknowledgement, splitFrame } from "./frame.js";
import { Painter } from "./painter.js";

const REPORT_MS = 250; // between two reports about tiles

/**
 * What the page asks for: orders of the painter; `open`, `send` and `close` for the connection, which has a number;
 * `hidden`: nobody sees the page.
 * @typedef {Exclude<Order, { type: "frame" }>
 *   | { type: "open", socket: number, address: string }
 *   | { type: "send", socket: number, text: string }
 *   | { type: "close", socket: number }
 *   | { type: "hidden", hidden: boolean }} Request
 */
/**
 * @typedef {object} Shown what has been shown of a camera since the last report
 * @property {string} camera
 * @property {Head} head of the newest picture
 * @property {number} browserMs from its arrival until it was drawn
 * @property {{ agoMs: number, capturedAt: number, known: boolean, repeated: boolean }[]} pictures known: the clocks agree
 */
/**
 * What the page is told. `heard`: bytes have arrived.
 * @typedef {{ type: "opened", socket: number }
 *   | { type: "text", socket: number, text: string }
 *   | { type: "closed", socket: number, code: number, reason: string }
 *   | { type: "shown", cameras: Shown[] }
 *   | { type: "broken", camera: string | null, error: string }} Notice
 */

/** Runs the connection and the painter. */
export class Engine {
  /**
   * @param {(notice: Notice) => void} tell
   * @param {(draw: () => void) => void} atRefresh calls back at the screen's next refresh
   */
  constructor(tell, atRefresh) {
    this.tell = tell;
    this.painter = new Painter((reports) => {
      for (const report of reports) this.take(report);
    }, atRefresh);
    this.hidden = false;
    /** @type {{ id: number, link: WebSocket } | null} */
    this.socket = null;
    this.serial = 0;
    /** @type {Map<number, { link: WebSocket, atMs: number }>} frames that the painter has */
    this.inWork = new Map();
    /** @type {Map<string, Shown>} not reported yet */
    this.shown = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** @param {Request} request */
  handle(request) {
    switch (request.type) {
      case "open":
        this.open(request.socket, request.address);
        break;
      case "send":
        if (request.socket === this.socket?.id) sendTo(this.socket.link, request.text);
        break;
      case "close":
        if (request.socket === this.socket?.id) this.close();
        break;
      case "hidden":
        this.hidden = request.hidden;
        if (this.hidden) this.painter.handle({ type: "drop" });
        break;
      default:
        this.painter.handle(request);
    }
  }

  /**
   * @param {number} id
   * @param {string} address
   */
  open(id, address) {
    this.close();
    const link = new WebSocket(address);
    link.binaryType = "arraybuffer";
    this.socket = { id, link };
    link.onopen = () => this.tell({ type: "opened", socket: id });
    link.onclose = ({ code, reason }) => this.tell({ type: "closed", socket: id, code, reason });
    link.onmessage = ({ data }) => {
      if (typeof data === "string") this.tell({ type: "text", socket: id, text: data });
      else this.receive(link, data);
    };
  }

  close() {
    const { link } = this.socket ?? {};
    this.socket = null;
    if (!link) return;
    link.onopen = link.onmessage = link.onclose = null;
    link.close();
    this.painter.handle({ type: "drop" });
  }

  /**
   * @param {WebSocket} link
   * @param {ArrayBuffer} data
   */
  receive(link, data) {
    if (this.hidden) {
      this.refuse(link, data);
      return;
    }
    this.serial += 1;
    this.inWork.set(this.serial, { link, atMs: performance.now() });
    this.painter.handle({ type: "frame", serial: this.serial, data });
  }

  /**
   * Acknowledge a frame without showing it.
   * @param {WebSocket} link
   * @param {ArrayBuffer} data
   */
  refuse(link, data) {
    try {
      const owed = acknowledgement(splitFrame(data).head);
      if (owed) sendTo(link, owed.message);
    } catch (error) {
      this.tell({ type: "broken", camera: null, error: String(error) }); // it is shorter than its header
    }
  }

  /** @param {Report} report */
  take({ serial, outcome, camera, acknowledgement: owed, head, error }) {
    const work = this.inWork.get(serial);
    this.inWork.delete(serial);
    if (work && owed) sendTo(work.link, owed);
    if (outcome === "broken") this.tell({ type: "broken", camera, error });
    if (outcome !== "shown" || !head || !work || work.link !== this.socket?.link) return;
    this.note(head, performance.now() - work.atMs);
  }

  /**
   * @param {Head} head
   * @param {number} browserMs
   */
  note(head, browserMs) {
    const known = head.clock === "ok";
    const picture = { agoMs: performance.now(), capturedAt: head.captured_at, known, repeated: head.repeated };
    const pictures = [...(this.shown.get(head.camera)?.pictures ?? []), picture];
    this.shown.set(head.camera, { camera: head.camera, head, browserMs, pictures });
    if (head.camera === this.painter.selected) this.report();
    else this.timer ??= setTimeout(() => this.report(), REPORT_MS);
  }

  report() {
    clearTimeout(this.timer);
    this.timer = undefined;
    const now = performance.now();
    const cameras = [...this.shown.values()];
    this.shown.clear();
    for (const picture of cameras.flatMap(({ pictures }) => pictures)) picture.agoMs = now - picture.agoMs;
    if (cameras.length) this.tell({ type: "shown", cameras });
  }
}

/**
 * @param {WebSocket} link
 * @param {string} text
 */
function sendTo(link, text) {
  if (link.readyState === WebSocket.OPEN) link.send(text);
}
