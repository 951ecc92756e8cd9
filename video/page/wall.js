// All cameras: the rail of thumbnails, and the request for pictures of the right widths.

/** @import { Camera, Cameras } from "./cameras.js" */
import { byId, KeyedList, make, mark, text } from "./document.js";
import { cameraState, short, tone } from "./words.js";

const THUMB_WIDTH = 160; // CSS pixels
const WIDTH_STEP = 16; // pixels; resizing a window by less requests no other width
const MOST_KEYS = 9; // the keys 1 to 9 select a camera

/** @typedef {{ key: string, camera: Camera, number: number, current: boolean }} Item */

/**
 * Return the message that asks for pictures.
 * @param {Cameras} cameras
 * @param {{ stageWidth: number, pixelRatio: number, hidden: boolean }} page hidden: no pictures are needed
 */
export function watchMessage(cameras, { stageWidth, pixelRatio, hidden }) {
  /** @type {Record<string, { width: number }>} */
  const wanted = {};
  for (const camera of hidden ? [] : cameras.ordered()) {
    if (camera.status?.state === "removed") continue;
    const width = camera.id === cameras.selectedId ? stageWidth : THUMB_WIDTH;
    wanted[camera.id] = { width: Math.max(WIDTH_STEP, Math.ceil((width * pixelRatio) / WIDTH_STEP) * WIDTH_STEP) };
  }
  return JSON.stringify({ type: "watch", cameras: wanted });
}

/** The rail of thumbnails. */
export class Wall {
  /** @param {(id: string) => void} select */
  constructor(select) {
    this.select = select;
    this.list = new KeyedList(byId("rail"), (/** @type {Item} */ item) => this.create(item), this.update);
  }

  /** @param {Cameras} cameras */
  render(cameras) {
    byId("cameras").hidden = cameras.size < 2;
    this.list.show(
      cameras.ordered().map((camera, index) => {
        return { key: camera.id, camera, number: index + 1, current: camera.id === cameras.selectedId };
      }),
    );
  }

  /**
   * Move the keyboard's focus to a camera.
   * @param {string} id
   */
  focus(id) {
    this.list.parts.get(id)?.button.focus();
  }

  /** @param {Item} item */
  create(item) {
    const canvas = make("canvas", { width: 320, height: 180, "aria-hidden": "true" });
    const [name, state, key] = [make("b"), make("i"), make("kbd", { "aria-hidden": "true" })];
    const button = make("button", { class: "thumb", type: "button", "data-camera": item.key }, canvas);
    button.append(make("span", {}, name, state, key));
    button.addEventListener("click", () => this.select(item.key));
    return { root: make("li", {}, button), button, canvas, name, state, key };
  }

  /**
   * @param {ReturnType<Wall["create"]>} parts
   * @param {Item} item
   */
  update({ button, canvas, name, state, key }, { camera, number, current }) {
    camera.thumb = canvas;
    const notice = camera.status?.notice?.toLowerCase();
    const named = cameraState(camera.status);
    const shown = notice ? "bad" : tone(named);
    text(name, short(camera.id));
    text(state, shown === "ok" ? "" : short(named === "up" || named === "no picture" ? (notice ?? named) : named));
    text(key, String(number));
    key.hidden = number > MOST_KEYS;
    mark(button, "data-tone", shown);
    mark(button, "aria-current", current ? "true" : null);
    mark(button, "aria-label", `Camera ${short(camera.id)}, ${short(notice ?? named)}`);
  }
}
