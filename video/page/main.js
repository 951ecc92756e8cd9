// The page's entry point: connects its parts and keeps them up to date.

/** @import { Status } from "./status.js" */
/** @import { View } from "./view.js" */
import { Cameras } from "./cameras.js";
import { localMs, ServerClock } from "./clock.js";
import { Connection } from "./connection.js";
import { announce, byId } from "./document.js";
import { renderFigures, renderLines, sampleAll } from "./figures.js";
import { listenToKeys, showKeys } from "./keyboard.js";
import { renderLedger } from "./ledger.js";
import { rememberLedger } from "./measures.js";
import { renderModels } from "./models.js";
import { changes, notice } from "./notice.js";
import { Pictures } from "./picture.js";
import { renderCaption, renderConnection, renderNotice, toggleFullscreen } from "./stage.js";
import { renderStates } from "./states.js";
import { renderStreams } from "./streams.js";
import { Theme } from "./theme.js";
import { Wall, watchMessage } from "./wall.js";

const RENDER_MS = 250;
const SAMPLE_MS = 500;
const PING_MS = 1000;
const RESIZED_AFTER_MS = 250; // after the last change of the size, so that dragging a window's edge sends few messages

const page = new URL(".", location.href);
const cameras = new Cameras();
const clock = new ServerClock();
const connection = new Connection(page, {
  onOpen: () => {
    clock.forget();
    watched = "";
  },
  onHello: (hello) => {
    view.hello = hello;
    if (connection.lostMs) announce("Connected again.");
    watch();
  },
  onStatus: takeStatus,
  onPong: (sentMs, receivedMs, serverUs) => clock.learn(sentMs, receivedMs, serverUs),
  onFrame: (socket, data) => pictures.receive(socket, data),
  onLost: () => {
    pictures.dropAll();
    if (connection.lostMs && connection.attempts === 1) announce("Connection lost. Retrying.");
  },
  onChange: render,
});
/** @type {View} */
const view = { cameras, clock, connection, status: null, statusMs: 0, hello: null };
const pictures = new Pictures(cameras, clock, connection, choose);
const wall = new Wall(select);
const theme = new Theme(() => renderLines(view));
/** @type {Set<string>} */
const failures = new Set();
let watched = ""; // the last `watch` message on this connection
/** @type {ReturnType<typeof setTimeout> | undefined} */
let resized;

/** @param {Status} status */
function takeStatus(status) {
  const now = localMs();
  const news = changes(view.status, status);
  if (news) announce(news);
  view.status = status;
  view.statusMs = now;
  for (const gone of cameras.update(status.cameras, now)) pictures.drop(gone);
  for (const camera of cameras.byId.values()) rememberLedger(camera, status.ledger.get(camera.id), now);
  choose();
  watch();
  render();
}

/** Ask the server for the pictures that are visible. */
function watch() {
  const stageWidth = byId("stage").clientWidth;
  const message = watchMessage(cameras, { stageWidth, pixelRatio: devicePixelRatio || 1, hidden: document.hidden });
  if (connection.state !== "open" || message === watched || (!watched && !cameras.size)) return;
  watched = message;
  connection.send(message);
}

function choose() {
  if (!cameras.choose()) return;
  document.title = cameras.selectedId === null ? "Live video" : `${cameras.selectedId} · Live video`;
  renderStreams(page, cameras.selectedId);
  pictures.changeCamera();
}

/** @param {string | null | undefined} id */
function select(id) {
  if (id == null || !cameras.byId.has(id)) return;
  const inRail = byId("rail").contains(document.activeElement);
  cameras.wantedId = id;
  history.replaceState(null, "", `#camera=${encodeURIComponent(id)}`);
  choose();
  watch();
  render();
  if (inRail) wall.focus(id);
}

/** Draw all parts; one that fails does not stop the others. */
function render() {
  const now = localMs();
  const shown = notice(view, now, { hidden: document.hidden });
  const parts = [
    () => renderConnection(view, now),
    () => renderNotice(shown),
    () => renderCaption(view),
    () => wall.render(cameras),
    () => renderModels(view, connection.state === "open" && !shown),
    () => renderFigures(view, now),
    () => renderStates(view, now),
    () => renderLedger(view),
  ];
  for (const part of parts) attempt(part);
}

/**
 * Draw a part of the page. Each failure is logged to the console once: it repeats four times a second.
 * @param {() => void} part
 */
function attempt(part) {
  try {
    part();
  } catch (error) {
    if (!failures.has(String(error))) console.error(error);
    failures.add(String(error));
  }
}

function readHash() {
  cameras.wantedId = new URLSearchParams(location.hash.slice(1)).get("camera");
}

function onVisibility() {
  if (document.hidden) pictures.dropAll();
  else {
    connection.heardMs = localMs(); // browsers stop the timers of a hidden page, so the silence may not be the server's
    clock.forget();
    connection.ping();
    connection.retry();
  }
  watch();
  render();
}

function whileVisible(/** @type {() => void} */ action) {
  return () => {
    if (!document.hidden) action();
  };
}

listenToKeys({
  step: (step) => select(cameras.neighbour(step)),
  pick: (index) => select(cameras.ordered()[index]?.id),
  fullscreen: toggleFullscreen,
  snapshot: () => cameras.selected && byId("snapshot").click(),
  theme: () => theme.next(),
});
byId("theme").addEventListener("click", () => theme.next());
byId("help").addEventListener("click", showKeys);
byId("fullscreen").addEventListener("click", toggleFullscreen);
byId("stage").addEventListener("dblclick", toggleFullscreen);
byId("retry").addEventListener("click", () => connection.retry());
document.addEventListener("visibilitychange", onVisibility);
addEventListener("hashchange", () => {
  readHash();
  choose();
  watch();
  render();
});
addEventListener("online", () => connection.retry());
addEventListener("pageshow", (event) => event.persisted && connection.retry());
matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => theme.paint());
new ResizeObserver(() => {
  clearTimeout(resized);
  resized = setTimeout(watch, RESIZED_AFTER_MS);
}).observe(byId("stage"));

theme.paint();
renderStreams(page, null);
readHash();
connection.connect();
setInterval(() => {
  connection.checkSilence();
  if (!document.hidden) render();
}, RENDER_MS);
setInterval(
  whileVisible(() => sampleAll(view)),
  SAMPLE_MS,
);
setInterval(
  whileVisible(() => connection.state === "open" && connection.ping()),
  PING_MS,
);
