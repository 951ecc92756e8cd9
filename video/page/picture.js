// The pictures as the page follows them: it tells the engine where to draw, and remembers what has been shown.

/** @import { Camera, Cameras } from "./cameras.js" */
/** @import { ServerClock } from "./clock.js" */
/** @import { Notice, Shown } from "./engine.js" */
/** @import { EngineHost } from "./engine_host.js" */
import { localMs } from "./clock.js";
import { canvasById, mark } from "./document.js";
import { rememberShown } from "./measures.js";

/** Follows the pictures of all cameras. */
export class Pictures {
  /**
   * @param {Cameras} cameras
   * @param {ServerClock} clock
   * @param {EngineHost} engine
   * @param {() => void} onNewCamera a picture was shown before any status named its camera
   */
  constructor(cameras, clock, engine, onNewCamera) {
    this.cameras = cameras;
    this.clock = clock;
    this.engine = engine;
    this.onNewCamera = onNewCamera;
    this.canvas = canvasById("picture");
    this.presented = 0;
    engine.post({ type: "stage", canvas: this.canvas });
  }

  /**
   * Draw a camera's pictures on a canvas of the wall from now on.
   * @param {string} camera
   * @param {HTMLCanvasElement} canvas
   */
  addTile(camera, canvas) {
    this.engine.post({ type: "tile", camera, canvas });
  }

  /** @param {string} camera */
  removeTile(camera) {
    this.engine.post({ type: "untile", camera });
  }

  /** Show the selected camera large. */
  changeCamera() {
    const camera = this.cameras.selected;
    mark(this.canvas, "aria-label", camera ? `Live picture of camera ${camera.id}` : "No picture");
    const { width = 16, height = 9 } = camera?.head ?? {};
    this.engine.post({ type: "select", camera: camera?.id ?? null, width, height });
  }

  /**
   * Take what the engine tells about pictures.
   * @param {Notice} notice
   */
  take(notice) {
    if (notice.type === "broken") {
      this.count(notice.camera === null ? null : this.cameras.known(notice.camera), notice.error);
    } else if (notice.type === "shown") for (const shown of notice.cameras) this.note(shown);
  }

  /** @param {Shown} shown */
  note({ camera: id, head, browserMs, pictures }) {
    const isNew = !this.cameras.byId.has(id);
    const camera = this.cameras.known(id);
    const now = localMs();
    camera.head = head;
    camera.browserMs = browserMs;
    camera.shown += pictures.length;
    for (const { agoMs, ...picture } of pictures) rememberShown(camera, this.clock, now - agoMs, picture);
    if (id === this.cameras.selectedId) this.label(camera, pictures.length);
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
   * @param {number} pictures
   */
  label({ head }, pictures) {
    if (!head) return;
    this.presented += pictures;
    Object.assign(this.canvas.dataset, {
      camera: head.camera,
      run: head.run,
      seq: head.seq,
      capturedAt: head.captured_at,
      presented: this.presented,
    });
  }
}
