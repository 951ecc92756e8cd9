// The page's entry point: connects its parts and keeps them up to date.

/** @import { Status } from "./status.js" */
/** @import { View } from "./view.js" */
import { Cameras, nameOf } from "./cameras.js";
import { localMs, ServerClock } from "./clock.js";
import { Connection } from "./connection.js";
import { announce, byId, mark } from "./document.js";
import { EngineHost } from "./engine_host.js";
import { renderLines, sampleAll } from "./figures.js";
import { Find } from "./find.js";
import { History } from "./history.js";
import { listenToKeys, showKeys } from "./keyboard.js";
import { ViewerLag } from "./lag.js";
import { Links } from "./link.js";
import { MaskEditor } from "./mask_editor.js";
import { rememberLedger } from "./measures.js";
import { Navigation } from "./navigation.js";
import { changes } from "./notice.js";
import { Pictures } from "./picture.js";
import { render } from "./render.js";
import { toggleFullscreen } from "./stage.js";
import { renderStreams } from "./streams.js";
import { listenToSwipes } from "./swipe.js";
import { Theme } from "./theme.js";
import { showViewer } from "./viewer.js";
import { Wall } from "./wall.js";
import { watchMessage } from "./watch.js";
import { short } from "./words.js";

const RENDER_MS = 250;
const SAMPLE_MS = 500;
const PING_MS = 1000;
const SETTLED_MS = 200; // after the last change of sizes and of what is in view, so that scrolling sends few messages

const page = new URL(".", location.href);
const cameras = new Cameras();
const clock = new ServerClock();
const lag = new ViewerLag();
const engine = new EngineHost((notice) => {
  links.take(notice);
  pictures.take(notice);
  if (notice.type === "shown") connection.heard();
});
const links = new Links(engine);
/** @type {import("./connection.js").Handlers} */
const handlers = {
  onOpen: () => {
    clock.forget();
    lag.restart();
    watched = "";
  },
  onHello: (hello) => {
    view.hello = hello;
    if (connection.lostMs) announce("Connected again.");
    watch();
  },
  onStatus: takeStatus,
  onPong: (sentMs, receivedMs, serverUs) => clock.learn(sentMs, receivedMs, serverUs),
  onLost: () => {
    if (connection.lostMs && connection.attempts === 1) announce("Connection lost. Retrying.");
  },
  onDenied: () => location.reload(), // the server answers with the login
  onChange: () => draw(),
};
const connection = new Connection(page, handlers, (address) => links.open(address));
/** @type {View} */
const view = { cameras, clock, connection, lag, status: null, statusMs: 0, hello: null };
const pictures = new Pictures(cameras, clock, engine, choose);
const wall = new Wall(pictures, { open: (id) => open(id), onViewChange: watchSoon });
const past = new History(page);
const masks = new MaskEditor();
const theme = new Theme(() => {
  renderLines(view);
  past.lines();
});
const navigation = new Navigation((address) => {
  cameras.address = address;
  choose();
  watchSoon();
  draw({ wall: true });
  if (!cameras.onWall) return;
  awaitingWall();
  awaitingWall = () => {};
});
const find = new Find({ onFilter: (filter) => navigation.filter(filter), onLeave: () => wall.focus() });
/** @type {() => void} */
let awaitingWall = () => {};
let watched = ""; // the last `watch` message on this connection
/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;

/** @param {{ wall?: boolean }} [options] wall: draw its texts at once instead of once a second */
function draw(options) {
  render(view, { wall, find, masks, history: past }, options);
}

/** @param {Status} status */
function takeStatus(status) {
  const now = localMs();
  const news = changes(view.status, status);
  if (news) announce(news);
  view.status = status;
  view.statusMs = now;
  cameras.update(status.cameras, now);
  for (const camera of cameras.byId.values()) rememberLedger(camera, status.ledger.get(camera.id), now);
  lag.note(status.viewer, cameras);
  choose();
  if (!document.documentElement.dataset.view) mark(document.documentElement, "data-view", "camera");
  draw({ wall: news !== "" });
  watch();
}

/** Ask the server for the pictures that are in view, at the sizes at which they are shown. */
function watch() {
  clearTimeout(settling);
  const message = watchMessage(document.hidden ? NOTHING : shown(), devicePixelRatio || 1);
  if (connection.state !== "open" || message === watched || (!watched && !cameras.size)) return;
  watched = message;
  connection.send(message);
}

/** @type {ReturnType<typeof shown>} */
const NOTHING = { large: null, tiles: [] };

/** @returns {{ large: import("./watch.js").Shown | null, tiles: import("./watch.js").Shown[] }} */
function shown() {
  /** @param {string} id */
  const sends = (id) => !["removed", "disabled"].includes(cameras.byId.get(id)?.status?.state ?? "");
  if (cameras.onWall) return { large: null, tiles: wall.shown.filter(({ id }) => cameras.byId.has(id) && sends(id)) };
  const id = cameras.selectedId;
  return id === null || !sends(id) ? NOTHING : { large: { id, width: byId("stage").clientWidth }, tiles: [] };
}

function watchSoon() {
  clearTimeout(settling);
  settling = setTimeout(watch, SETTLED_MS);
}

/** Show what the address selects of the cameras that there are. */
function choose() {
  const isHeld = masks.isOpen || document.fullscreenElement !== null; // a further camera does not take the view away
  if (cameras.address.view === "auto" && cameras.selected && isHeld) return;
  if (!cameras.choose()) return;
  const { selected, onWall } = cameras;
  mark(document.documentElement, "data-view", onWall ? "wall" : "camera");
  byId("wall").hidden = !onWall;
  byId("single").hidden = onWall;
  document.title = selected ? `${short(nameOf(selected))} · Live video` : "Live video";
  renderStreams(page, cameras.selectedId);
  pictures.changeCamera();
}

/**
 * Show a camera.
 * @param {string | null | undefined} id
 */
function open(id) {
  if (id == null || !cameras.byId.has(id)) return;
  const fromWall = cameras.onWall;
  navigation.openCamera(id, fromWall);
  if (fromWall) byId("main").focus({ preventScroll: true });
  const { selected } = cameras;
  if (selected) announce(`Camera ${short(nameOf(selected))}.`);
  watch();
}

function openWall() {
  const last = cameras.selectedId;
  onceOnWall(() => wall.focus(last));
  navigation.openWall();
  announce(`All cameras: ${cameras.size}.`);
}

/**
 * Do something as soon as the wall is shown: the browser's own way back takes its time.
 * @param {() => void} action
 */
function onceOnWall(action) {
  if (cameras.onWall) action();
  else awaitingWall = action;
}

/** @param {string} key */
function arrow(key) {
  if (cameras.onWall) wall.step(key);
  else if (key === "ArrowLeft" || key === "ArrowRight") open(cameras.neighbour(key === "ArrowLeft" ? -1 : 1));
}

function leave() {
  const filled = document.querySelector(".fill");
  if (filled) filled.classList.remove("fill");
  else if (!cameras.onWall && cameras.size > 1) openWall();
  else if (cameras.onWall && cameras.address.filter) navigation.filter("");
}

function startFilter() {
  if (!cameras.onWall) openWall();
  onceOnWall(() => find.focus());
}

function onVisibility() {
  engine.post({ type: "hidden", hidden: document.hidden });
  if (!document.hidden) {
    connection.heard(); // browsers stop the timers of a hidden page, so the silence may not be the server's
    clock.forget();
    connection.ping();
    connection.retry();
  }
  watch();
  draw();
}

function whileVisible(/** @type {() => void} */ action) {
  return () => {
    if (!document.hidden) action();
  };
}

const fill = () => toggleFullscreen(cameras.onWall ? byId("wall") : byId("stage"));
listenToKeys({
  arrow,
  pick: (index) => open(cameras.filtered()[index]?.id),
  escape: leave,
  filter: startFilter,
  mask: () => masks.open(),
  fullscreen: fill,
  snapshot: () => cameras.selected && byId("snapshot").click(),
  theme: () => theme.next(),
});
byId("theme").addEventListener("click", () => theme.next());
byId("help").addEventListener("click", showKeys);
byId("fullscreen").addEventListener("click", fill);
byId("stage").addEventListener("dblclick", fill);
byId("retry").addEventListener("click", () => connection.retry());
byId("ribbon").addEventListener("click", ({ target }) => {
  if (target instanceof Element && target.closest("[data-retry]")) connection.retry();
});
byId("previous").addEventListener("click", () => open(cameras.neighbour(-1)));
byId("next").addEventListener("click", () => open(cameras.neighbour(1)));
byId("back").addEventListener("click", (event) => {
  event.preventDefault();
  openWall();
});
byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the part of the address after # names the view
  byId("main").focus();
});
listenToSwipes(byId("stage"), (step) => open(cameras.neighbour(step)));
document.addEventListener("visibilitychange", onVisibility);
addEventListener("online", () => connection.retry());
addEventListener("pageshow", (event) => event.persisted && connection.retry());
matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => theme.paint());
const sizes = new ResizeObserver(() => {
  if (cameras.onWall) draw({ wall: true });
  watchSoon();
});
sizes.observe(byId("stage"));
sizes.observe(byId("wall"));

theme.paint();
engine.post({ type: "hidden", hidden: document.hidden });
cameras.address = navigation.address;
choose();
renderStreams(page, cameras.selectedId);
connection.connect();
showViewer(page, () => cameras.selectedId);
let rendered = performance.now();
setInterval(() => {
  const now = performance.now();
  if (!document.hidden) lag.noteLateness(now - rendered - RENDER_MS);
  rendered = now;
  connection.checkSilence({ slow: lag.slow?.cause === "connection" });
  if (!document.hidden) draw();
}, RENDER_MS);
setInterval(
  whileVisible(() => sampleAll(view)),
  SAMPLE_MS,
);
setInterval(
  whileVisible(() => connection.state === "open" && connection.ping()),
  PING_MS,
);
