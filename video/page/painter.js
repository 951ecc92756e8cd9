// From bytes to the screen: a frame is decoded, drawn with the next refresh and reported, one per camera at a time.
// Every frame is reported, including one that cannot be shown: the engine must acknowledge it.

/** @import { Head } from "./frame.js" */
import { acknowledgement, readHead, splitFrame } from "./frame.js";

/** @typedef {HTMLCanvasElement | OffscreenCanvas} Canvas */
/**
 * What the painter is told. `stage`: the canvas of the large picture; `tile`: the canvas of a camera on the
 * wall; `untile`: it is gone; `select`: the camera of the large picture, with the size of its last picture; `drop`:
 * give up what is in progress.
 * @typedef {{ type: "stage", canvas: Canvas }
 *   | { type: "tile", camera: string, canvas: Canvas }
 *   | { type: "untile", camera: string }
 *   | { type: "select", camera: string | null, width: number, height: number }
 *   | { type: "frame", serial: number, data: ArrayBuffer }
 *   | { type: "drop" }} Order
 */
/**
 * What became of a frame.
 * @typedef {object} Report
 * @property {number} serial of the order
 * @property {"shown" | "given up" | "broken"} outcome
 * @property {string | null} camera null if the frame does not name it
 * @property {string | null} acknowledgement the message to send; null if the frame does not identify itself
 * @property {Head | null} head if it was shown
 * @property {string} error why it is broken
 */
/**
 * @typedef {object} Frame
 * @property {number} serial
 * @property {string} acknowledgement
 * @property {Head} head
 * @property {Blob} jpeg
 * @property {ImageBitmap} [bitmap] once it is decoded
 */
/**
 * @typedef {object} Work what is in progress for one camera
 * @property {Frame | null} next waits to be decoded
 * @property {boolean} decoding
 * @property {Frame | null} ready waits for the screen's next refresh
 */

/** Draws the frames of all cameras. */
export class Painter {
  /**
   * @param {(reports: Report[]) => void} report
   * @param {(draw: () => void) => void} atRefresh calls back at the screen's next refresh
   */
  constructor(report, atRefresh) {
    this.report = report;
    this.atRefresh = atRefresh;
    /** @type {Canvas | null} */
    this.stage = null;
    /** @type {string | null} */
    this.selected = null;
    /** @type {Map<string, Canvas>} */
    this.tiles = new Map();
    /** @type {Map<string, Work>} */
    this.work = new Map();
    this.generation = 0; // counts `drop`: what was decoded before belongs to the past
    this.waiting = false;
  }

  /** @param {Order} order */
  handle(order) {
    switch (order.type) {
      case "stage":
        this.stage = order.canvas;
        break;
      case "tile":
        this.tiles.set(order.camera, order.canvas);
        break;
      case "untile":
        this.tiles.delete(order.camera);
        this.dropCamera(order.camera);
        break;
      case "select":
        this.select(order.camera, order);
        break;
      case "frame":
        this.receive(order.serial, order.data);
        break;
      case "drop":
        this.generation += 1;
        for (const camera of [...this.work.keys()]) this.dropCamera(camera);
    }
  }

  /**
   * @param {number} serial
   * @param {ArrayBuffer} data
   */
  receive(serial, data) {
    let owed = null;
    try {
      const { head, jpeg } = splitFrame(data);
      owed = acknowledgement(head);
      if (!owed) throw new SyntaxError("the frame's header does not name it");
      const blob = new Blob([jpeg], { type: "image/jpeg" });
      this.enqueue({ serial, acknowledgement: owed.message, head: readHead(head), jpeg: blob });
    } catch (error) {
      const { camera = null, message = null } = owed ?? {};
      this.report([{ serial, outcome: "broken", camera, acknowledgement: message, head: null, error: String(error) }]);
    }
  }

  /** @param {Frame} frame */
  enqueue(frame) {
    const { camera } = frame.head;
    const work = this.work.get(camera) ?? { next: null, decoding: false, ready: null };
    this.work.set(camera, work);
    if (work.next) this.giveUp(work.next);
    work.next = frame;
    if (!work.decoding) this.decode(camera, work);
  }

  /**
   * Decode a camera's frames until none is waiting.
   * @param {string} camera
   * @param {Work} work
   */
  async decode(camera, work) {
    work.decoding = true;
    while (work.next) {
      const { generation } = this;
      const frame = work.next;
      work.next = null;
      try {
        frame.bitmap = await createImageBitmap(frame.jpeg);
      } catch (error) {
        this.fail(frame, error);
        continue;
      }
      if (generation !== this.generation || this.work.get(camera) !== work) {
        this.giveUp(frame);
        continue;
      }
      if (work.ready) this.giveUp(work.ready);
      work.ready = frame;
      this.presentSoon();
    }
    work.decoding = false;
    if (!work.ready && this.work.get(camera) === work) this.work.delete(camera);
  }

  presentSoon() {
    if (this.waiting) return;
    this.waiting = true;
    this.atRefresh(() => {
      this.waiting = false;
      this.present();
    });
  }

  /** Draw all decoded pictures; one that cannot be drawn does not stop the others. */
  present() {
    /** @type {Report[]} */
    const reports = [];
    for (const [camera, work] of this.work) {
      const frame = work.ready;
      if (!frame?.bitmap) continue;
      work.ready = null;
      try {
        this.draw(camera, frame.bitmap);
        const { serial, acknowledgement: owed, head } = frame;
        reports.push({ serial, outcome: "shown", camera, acknowledgement: owed, head, error: "" });
      } catch (error) {
        this.fail(frame, error);
      }
      frame.bitmap.close();
      if (!work.next && !work.decoding) this.work.delete(camera);
    }
    if (reports.length) this.report(reports);
  }

  /**
   * @param {string} camera
   * @param {ImageBitmap} bitmap
   */
  draw(camera, bitmap) {
    const canvas = camera === this.selected ? this.stage : this.tiles.get(camera);
    if (canvas) drawPicture(canvas, bitmap, bitmap.width, bitmap.height);
  }

  /**
   * Show another camera large: the picture of its tile until its first large one arrives, otherwise black. The camera
   * that was large before leaves its last picture on its tile.
   * @param {string | null} camera
   * @param {{ width: number, height: number }} size
   */
  select(camera, { width, height }) {
    const [stage, before] = [this.stage, this.selected];
    this.selected = camera;
    if (!stage || camera === before) return;
    const left = before === null ? undefined : this.tiles.get(before);
    if (left && before !== null && stage.width > 1) {
      drawPicture(left, stage, left.width > 1 ? left.width : stage.width, left.width > 1 ? left.height : stage.height);
    }
    if (camera === null) return;
    const tile = this.tiles.get(camera);
    drawPicture(stage, tile && tile.width > 1 ? tile : null, width || 16, height || 9);
  }

  /**
   * Report a frame that is not shown because it is no longer wanted.
   * @param {Frame} frame
   */
  giveUp({ serial, acknowledgement: owed, head, bitmap }) {
    bitmap?.close();
    this.report([{ serial, outcome: "given up", camera: head.camera, acknowledgement: owed, head: null, error: "" }]);
  }

  /**
   * Report a frame that cannot be shown; a repeated one has been counted before.
   * @param {Frame} frame
   * @param {unknown} error
   */
  fail({ serial, acknowledgement: owed, head }, error) {
    const outcome = head.repeated ? "given up" : "broken";
    this.report([{ serial, outcome, camera: head.camera, acknowledgement: owed, head: null, error: String(error) }]);
  }

  /** @param {string} camera */
  dropCamera(camera) {
    const work = this.work.get(camera);
    if (work?.next) this.giveUp(work.next);
    if (work?.ready) this.giveUp(work.ready);
    this.work.delete(camera);
  }
}

/**
 * @param {Canvas} canvas
 * @param {CanvasImageSource | null} picture null: black
 * @param {number} width
 * @param {number} height
 */
function drawPicture(canvas, picture, width, height) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = /** @type {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D | null} */ (
    canvas.getContext("2d", { alpha: false })
  );
  if (!context) throw new Error("this browser has no canvas");
  if (picture) context.drawImage(picture, 0, 0, width, height);
  else context.fillRect(0, 0, width, height);
}
