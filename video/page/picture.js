// The pictures as the page follows them: frames go to the painter, and what it reports is acknowledged and remembered.
// Without an acknowledgement the server closes the connection after 30 s, for all cameras.

/** @import { Camera, Cameras } from "./cameras.js" */
/** @import { Connection } from "./connection.js" */
/** @import { ServerClock } from "./clock.js" */
/** @import { Report } from "./painter.js" */
import { localMs } from "./clock.js";
import { canvasById, mark } from "./document.js";
import { acknowledgement, splitFrame } from "./frame.js";
import { rememberShown } from "./measures.js";
import { PainterHost } from "./painter_host.js";

/** Follows the frames of all cameras from their arrival until they are shown. */
export class Pictures {
  /**
   * @param {Cameras} cameras
   * @param {ServerClock} clock
   * @param {Connection} connection
   * @param {() => void} onNewCamera a frame has arrived before any status named its camera
   */
  constructor(cameras, clock, connection, onNewCamera) {
    this.cameras = cameras;
    this.clock = clock;
    this.connection = connection;
    this.onNewCamera = onNewCamera;
    this.canvas = canvasById("picture");
    this.presented = 0;
    this.serial = 0;
    /** @type {Map<number, { socket: WebSocket, atMs: number }>} frames that the painter has */
    this.inWork = new Map();
    this.painter = new PainterHost((reports) => {
      for (const report of reports) this.take(report);
    });
    this.painter.post({ type: "stage", canvas: this.canvas });
  }

  /**
   * Receive a frame.
   * @param {WebSocket} socket
   * @param {ArrayBuffer} data
   */
  receive(socket, data) {
    if (document.hidden) {
      this.refuse(socket, data);
      return;
    }
    this.serial += 1;
    this.inWork.set(this.serial, { socket, atMs: localMs() });
    this.painter.post({ type: "frame", serial: this.serial, data });
  }

  /**
   * Draw a camera's pictures on a canvas of the wall from now on.
   * @param {string} camera
   * @param {HTMLCanvasElement} canvas
   */
  addTile(camera, canvas) {
    this.painter.post({ type: "tile", camera, canvas });
  }

  /** @param {string} camera */
  removeTile(camera) {
    this.painter.post({ type: "untile", camera });
  }

  /** Show the selected camera large. */
  changeCamera() {
    const camera = this.cameras.selected;
    mark(this.canvas, "aria-label", camera ? `Live picture of camera ${camera.id}` : "No picture");
    const { width = 16, height = 9 } = camera?.head ?? {};
    this.painter.post({ type: "select", camera: camera?.id ?? null, width, height });
  }

  /** Give up the frames that are in progress. */
  dropAll() {
    this.painter.post({ type: "drop" });
  }

  /**
   * Acknowledge a frame without showing it.
   * @param {WebSocket} socket
   * @param {ArrayBuffer} data
   */
  refuse(socket, data) {
    try {
      const owed = acknowledgement(splitFrame(data).head);
      if (owed) this.connection.send(owed.message, socket);
    } catch (error) {
      this.count(null, String(error)); // it is shorter than its header
    }
  }

  /** @param {Report} report */
  take({ serial, outcome, camera: id, acknowledgement: owed, head, error }) {
    const work = this.inWork.get(serial);
    this.inWork.delete(serial);
    if (work && owed) this.connection.send(owed, work.socket);
    if (outcome === "broken") this.count(id === null ? null : this.cameras.known(id), error);
    if (outcome !== "shown" || !head || work?.socket !== this.connection.socket) return;
    const isNew = !this.cameras.byId.has(head.camera);
    const camera = this.cameras.known(head.camera);
    const now = localMs();
    camera.head = head;
    camera.browserMs = now - work.atMs;
    camera.shown += 1;
    rememberShown(camera, this.clock, now);
    if (camera.id === this.cameras.selectedId) this.label(camera);
    if (isNew) this.onNewCamera();
  }

  /**
   * Count a frame that cannot be shown; log the first one of each camera to the console.
   * @param {Camera | null} camera null if the frame does not name it
   * @param {string} error
   */
  count(camera, error) {
    if (!camera?.broken) console.warn(`A frame of ${camera?.id ?? "a camera"} cannot be shown: ${error}`);
    if (camera) camera.broken += 1;
  }

  /**
   * Set attributes of the canvas that identify the frame, for programs that observe the page.
   * @param {Camera} camera
   */
  label({ head }) {
    if (!head) return;
    this.presented += 1;
    Object.assign(this.canvas.dataset, {
      camera: head.camera,
      run: head.run,
      seq: head.seq,
      capturedAt: head.captured_at,
      presented: this.presented,
    });
  }
}
