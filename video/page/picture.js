// From bytes to the screen: a frame is decoded, drawn with the next refresh and acknowledged, one per camera at a time.
// Every frame is acknowledged, including one that cannot be shown: only then does the server send the next one, and
// after 30 s without an acknowledgement it closes the connection for all cameras.

/** @import { Camera, Cameras, Frame } from "./cameras.js" */
/** @import { Connection } from "./connection.js" */
/** @import { ServerClock } from "./clock.js" */
import { localMs } from "./clock.js";
import { canvasById, mark, sized } from "./document.js";
import { acknowledgement, readHead, splitFrame } from "./frame.js";
import { rememberShown } from "./measures.js";

const THUMB_GAP_MS = 100; // a thumbnail asks for ten pictures a second, the large picture for all
// Of all cameras together: the server accepts 100 messages a second, and the large picture has priority.
const MOST_THUMBS_PER_S = 60;
const THUMB_REDRAW_MS = 200; // of the camera that is shown large
const THUMB_WIDTH = 320; // pixels; twice what it measures on the page

/** Shows the frames of all cameras. */
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
    this.refresh = 0;
    this.presented = 0;
  }

  /**
   * Receive a frame.
   * @param {WebSocket} socket
   * @param {ArrayBuffer} data
   */
  receive(socket, data) {
    let owed = null;
    try {
      const { head, jpeg } = splitFrame(data);
      owed = acknowledgement(head);
      if (!owed) throw new SyntaxError("the frame's header does not name it");
      if (document.hidden) {
        this.connection.send(owed.message, socket);
        return;
      }
      this.enqueue({
        socket,
        acknowledgement: owed.message,
        head: readHead(head),
        jpeg: new Blob([jpeg], { type: "image/jpeg" }),
      });
    } catch (error) {
      if (owed) this.connection.send(owed.message, socket);
      this.count(owed && this.cameras.known(owed.camera), error);
    }
  }

  /**
   * Count a frame that cannot be shown; log the first one of each camera to the console.
   * @param {Camera | null} camera null if the frame does not name it
   * @param {unknown} error
   */
  count(camera, error) {
    if (!camera?.broken) console.warn(`A frame of ${camera?.id ?? "a camera"} cannot be shown:`, error);
    if (camera) camera.broken += 1;
  }

  /** @param {Frame} frame */
  enqueue(frame) {
    const camera = this.cameras.known(frame.head.camera);
    if (this.cameras.selectedId === null) this.onNewCamera();
    if (camera.next) this.giveUp(camera.next);
    camera.next = frame;
    if (!camera.decoding) this.decode(camera);
  }

  /**
   * Decode a camera's frames until none is waiting.
   * @param {Camera} camera
   */
  async decode(camera) {
    camera.decoding = true;
    while (camera.next) {
      const frame = camera.next;
      camera.next = null;
      try {
        frame.bitmap = await createImageBitmap(frame.jpeg);
      } catch (error) {
        this.giveUp(frame);
        if (!frame.head.repeated) this.count(camera, error); // otherwise it has been counted
        continue;
      }
      if (document.hidden || this.cameras.byId.get(camera.id) !== camera || frame.socket !== this.connection.socket) {
        this.giveUp(frame);
        continue;
      }
      if (camera.ready) this.giveUp(camera.ready);
      camera.ready = frame;
      this.refresh ||= requestAnimationFrame(() => this.present());
    }
    camera.decoding = false;
  }

  /** Draw all decoded pictures; one that cannot be drawn does not stop the others. */
  present() {
    this.refresh = 0;
    for (const camera of this.cameras.byId.values()) {
      const frame = camera.ready;
      if (!frame?.bitmap) continue;
      camera.ready = null;
      try {
        this.draw(camera, frame.bitmap);
        camera.head = frame.head;
        rememberShown(camera, this.clock, localMs());
        if (camera.id === this.cameras.selectedId) this.label(frame);
      } catch (error) {
        if (!frame.head.repeated) this.count(camera, error);
      }
      this.finish(camera, frame);
    }
  }

  /**
   * @param {Camera} camera
   * @param {ImageBitmap} bitmap
   */
  draw(camera, bitmap) {
    const large = camera.id === this.cameras.selectedId;
    if (large) drawBitmap(this.canvas, bitmap, bitmap.width, bitmap.height);
    const now = localMs();
    if (!camera.thumb || (large && now - camera.thumbMs <= THUMB_REDRAW_MS)) return;
    camera.thumbMs = now;
    drawBitmap(
      camera.thumb,
      bitmap,
      THUMB_WIDTH,
      Math.max(1, Math.round((THUMB_WIDTH * bitmap.height) / bitmap.width)),
    );
  }

  /**
   * Acknowledge a frame that was drawn: a large one at once, a thumbnail when its next picture is due.
   * @param {Camera} camera
   * @param {Frame} frame
   */
  finish(camera, frame) {
    frame.bitmap?.close();
    const now = localMs();
    const large = camera.id === this.cameras.selectedId;
    camera.acknowledgedMs = large ? now : Math.max(now, camera.acknowledgedMs + thumbGapMs(this.cameras.size));
    const acknowledge = () => this.connection.send(frame.acknowledgement, frame.socket);
    if (large) acknowledge();
    else setTimeout(acknowledge, camera.acknowledgedMs - now);
  }

  /**
   * Acknowledge a frame that is not shown.
   * @param {Frame} frame
   */
  giveUp(frame) {
    frame.bitmap?.close();
    this.connection.send(frame.acknowledgement, frame.socket);
  }

  /**
   * Give up the frames of a camera that are in progress.
   * @param {Camera} camera
   */
  drop(camera) {
    if (camera.next) this.giveUp(camera.next);
    if (camera.ready) this.giveUp(camera.ready);
    camera.next = camera.ready = null;
  }

  dropAll() {
    for (const camera of this.cameras.byId.values()) this.drop(camera);
  }

  /** Show the newly selected camera: its thumbnail until its first large picture arrives, otherwise black. */
  changeCamera() {
    const camera = this.cameras.selected;
    mark(this.canvas, "aria-label", camera ? `Live picture of camera ${camera.id}` : "No picture");
    if (!camera) return;
    const width = camera.head?.width || 16;
    const height = camera.head?.height || 9;
    const context = sized(this.canvas, width, height, { alpha: false });
    if (camera.thumb && camera.head) context.drawImage(camera.thumb, 0, 0, width, height);
    else context.fillRect(0, 0, width, height);
  }

  /**
   * Set attributes of the canvas that identify the frame, for programs that observe the page.
   * @param {Frame} frame
   */
  label({ head }) {
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

/**
 * Return the time from one picture of a thumbnail to the next.
 * @param {number} cameras number of cameras
 */
export function thumbGapMs(cameras) {
  return Math.max(THUMB_GAP_MS, (cameras * 1000) / MOST_THUMBS_PER_S);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {ImageBitmap} bitmap
 * @param {number} width
 * @param {number} height
 */
function drawBitmap(canvas, bitmap, width, height) {
  sized(canvas, width, height, { alpha: false }).drawImage(bitmap, 0, 0, width, height);
}
