// Everything around the large picture: notice, caption, full screen, and the state of the connection.

/** @import { View } from "./view.js" */
/** @import { Notice } from "./notice.js" */
import { nameOf } from "./cameras.js";
import { byId, KeyedList, make, mark, text } from "./document.js";
import { duration, fixed, short, tone } from "./words.js";

const SILENT_AFTER_MS = 3000;

const steps = new KeyedList(
  byId("plate-list"),
  () => {
    const name = make("b");
    const state = make("span");
    return { root: make("li", {}, name, state), name, state };
  },
  ({ root, name, state }, /** @type {{ key: string, state: string }} */ step) => {
    text(name, step.key);
    text(state, step.state);
    mark(root, "data-tone", tone(step.state));
  },
);

/** @param {Notice | null} notice */
export function renderNotice(notice) {
  const stage = byId("stage");
  const plate = byId("plate");
  stage.hidden = false;
  mark(stage, "data-dim", notice ? "" : null);
  plate.hidden = !notice;
  mark(plate, "data-tone", notice?.bad ? "bad" : null);
  text(byId("plate-title"), notice?.title ?? "");
  text(byId("plate-text"), notice?.text ?? "");
  byId("retry").hidden = !notice?.retry;
  byId("plate-list").hidden = !notice?.steps;
  steps.show(notice?.steps ?? []);
}

/**
 * @param {View} view
 * @param {number} nowMs local time
 */
export function renderConnection({ connection, clock, hello }, nowMs) {
  const silentMs = nowMs - connection.heardMs;
  /** @type {[string, string]} */
  let [state, words] = ["waiting", "Disconnected"];
  if (connection.state === "connecting")
    [state, words] = ["connecting", connection.lostMs ? "Reconnecting" : "Connecting"];
  else if (connection.state === "open" && document.hidden) [state, words] = ["paused", "Paused"];
  else if (connection.state === "open" && silentMs > SILENT_AFTER_MS) {
    [state, words] = ["silent", `No response for ${duration(silentMs)}`];
  } else if (connection.state === "open") [state, words] = ["open", "Connected"];
  mark(byId("connection"), "data-state", state);
  text(byId("connection"), words);
  text(
    byId("version"),
    hello ? short(`Video ${hello.version} · ${hello.instance}`) : "Live video with machine-learning labels",
  );
  const { roundTripMs, offsetMs } = clock;
  const known = roundTripMs !== null && offsetMs !== null;
  text(byId("link"), known ? `Round trip ${fixed(roundTripMs, 1)} ms · clock offset ${fixed(offsetMs, 1)} ms` : "");
}

/** @param {View} view */
export function renderCaption({ cameras }) {
  const camera = cameras.selected;
  const status = camera?.status;
  const width = status?.width || camera?.head?.width;
  const height = status?.height || camera?.head?.height;
  const facts = [];
  const wanted = cameras.address.camera;
  if (wanted !== null && camera && wanted !== camera.id) facts.push(`camera “${short(wanted)}” not found`);
  if (camera && nameOf(camera) !== camera.id) facts.push(short(camera.id));
  if (width) facts.push(`${width} × ${height}`);
  if (status?.viewers != null) facts.push(`${status.viewers} ${status.viewers === 1 ? "viewer" : "viewers"}`);
  if (status?.tags.length) facts.push(short(status.tags.join(", ")));
  text(byId("name"), camera ? short(nameOf(camera)) : "No camera");
  text(byId("facts"), facts.join(" · "));
  byId("steps").hidden = cameras.size < 2;
  byId("snapshot").hidden = byId("fullscreen").hidden = !camera;
  const ratio = width && height ? `${width} / ${height}` : "";
  const stage = byId("stage");
  if (ratio && stage.style.aspectRatio !== ratio) stage.style.aspectRatio = ratio;
}

/**
 * Enter or leave full screen.
 * @param {HTMLElement} stage what fills the screen
 */
export function toggleFullscreen(stage) {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (stage.classList.contains("fill")) stage.classList.remove("fill");
  else if (stage.requestFullscreen) stage.requestFullscreen().catch(() => stage.classList.add("fill"));
  else stage.classList.add("fill"); // telephones that give full screen to videos only
}
