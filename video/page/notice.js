// The notice over a picture that is not live, and the announcements for screen readers. Pure functions.

/** @import { Camera } from "./cameras.js" */
/** @import { Status } from "./status.js" */
/** @import { View } from "./view.js" */
import { isTooLarge } from "./measures.js";
import { since } from "./view.js";
import { capital, duration, sentence, short } from "./words.js";

const SILENT_AFTER_MS = 3000; // the server sends a status every second
const TOO_LARGE =
  "The producer drops pictures that are larger than the broker accepts. Its log names their size and the limit.";
const MOST_NAMED = 3; // in an announcement
const NOTICE_LASTS_MS = 1500; // for a notice that arrived with a frame
const SERVICE_NOTICE = /BUS|PRODUCER|CONSUMER/; // these name a service: a camera's reason does not explain them

/**
 * @typedef {object} Notice
 * @property {string} title
 * @property {string} text
 * @property {boolean} [bad]
 * @property {boolean} [retry] the page offers a button to connect now
 * @property {{ key: string, state: string }[]} [steps] the parts that are needed for a first picture
 */

/**
 * Return the notice to show over the picture; null if the picture is live.
 * @param {View} view
 * @param {number} nowMs local time
 * @param {{ hidden?: boolean }} [options] hidden: the page is not visible, so it receives no pictures
 * @returns {Notice | null}
 */
export function notice(view, nowMs, { hidden = false } = {}) {
  const { connection, status } = view;
  if (connection.state !== "open") return connectionNotice(view, nowMs);
  const silentMs = nowMs - connection.heardMs;
  if (silentMs > SILENT_AFTER_MS && view.lag.slow?.cause === "connection") {
    return { title: "Slow connection", text: `Nothing has arrived for ${duration(silentMs)}.` };
  }
  if (silentMs > SILENT_AFTER_MS) {
    return { title: "The server does not respond", bad: true, text: `For ${duration(silentMs)}.` };
  }
  if (!status) return { title: "Connecting", text: "Waiting for the server's first status." };
  const camera = view.cameras.selected;
  if (!camera) return { title: "No camera yet", ...missing(view, status, nowMs) };
  const named = cameraNotice(camera, nowMs);
  if (named) return downNotice(named, camera, view, status, nowMs);
  if (hidden) return null;
  const why = sentence(short(camera.status?.reason ?? ""));
  if (isTooLarge(camera) && nowMs - camera.shownMs > SILENT_AFTER_MS) {
    return { title: "PICTURE TOO LARGE", bad: true, text: why || TOO_LARGE };
  }
  if (camera.head) return null;
  const state = camera.status?.state ?? "new";
  return { title: "Waiting for the first picture", text: why || `Camera ${camera.id}: ${state}.` };
}

/**
 * @param {View} view
 * @param {number} nowMs
 * @returns {Notice}
 */
function connectionNotice({ connection }, nowMs) {
  const { state, lostMs, full, lostReason, attempts } = connection;
  if (state === "connecting" && !lostMs && !attempts)
    return { title: "Connecting", text: `to ${connection.page.host}` };
  const lostForMs = lostMs ? nowMs - lostMs : 0;
  const seconds = Math.ceil((connection.retryAtMs - nowMs) / 1000);
  const lines = [
    lostForMs >= 1000 ? `For ${duration(lostForMs, { fine: true })}.` : "",
    short(lostReason),
    state === "waiting" && seconds > 0 ? `Retrying in ${seconds} s.` : "Retrying now.",
  ];
  const lost = lostMs ? "Disconnected" : "Cannot reach the server";
  return {
    title: full ? "The viewer limit is reached" : lost,
    text: lines.filter(Boolean).join(" "),
    bad: true,
    retry: state === "waiting",
  };
}

/**
 * @param {Camera} camera
 * @param {number} nowMs
 * @returns {string | null}
 */
function cameraNotice(camera, nowMs) {
  if (camera.status?.notice) return camera.status.notice;
  if (camera.head?.notice && nowMs - camera.shownMs < NOTICE_LASTS_MS) return camera.head.notice;
  if (camera.status?.state === "removed") return "CAMERA REMOVED";
  return camera.status?.state === "disabled" ? "CAMERA DISABLED" : null;
}

/**
 * @param {string} title
 * @param {Camera} camera
 * @param {View} view
 * @param {Status} status
 * @param {number} nowMs
 * @returns {Notice}
 */
function downNotice(title, camera, view, status, nowMs) {
  const at = noticeSince(title, camera, status);
  const lines = [
    at ? `For ${since(view.clock, nowMs, at, { fine: true })}.` : "",
    SERVICE_NOTICE.test(title) ? "" : sentence(short(camera.status?.reason ?? "")),
  ];
  return { title: short(title), bad: true, text: lines.filter(Boolean).join(" ") };
}

/**
 * Return the time in µs since the epoch from which a notice applies: when the service it names went away.
 * @param {string} title
 * @param {Camera} camera
 * @param {Status} status
 * @returns {number | null | undefined}
 */
function noticeSince(title, camera, status) {
  if (title.startsWith("BUS")) return status.bus.since;
  const service = title.split(" ")[0].toLowerCase();
  const gone = status.services.filter((one) => one.service === service && one.state !== "live");
  return gone.length ? Math.max(...gone.map((one) => one.since ?? 0)) : camera.status?.since;
}

/**
 * @param {View} view
 * @param {Status} status
 * @param {number} nowMs
 * @returns {{ text: string, steps: { key: string, state: string }[] }}
 */
function missing(view, status, nowMs) {
  /** @param {string} service */
  const live = (service) => status.services.some((one) => one.service === service && one.state === "live");
  const steps = [
    { key: "Bus", state: status.bus.state },
    { key: "Producer", state: live("producer") ? "live" : "no report" },
    { key: "Consumer", state: live("consumer") ? "live" : "no report" },
    ...status.models.map((model) => ({ key: `Model ${short(model.name)}`, state: model.state })),
  ];
  const silent = since(view.clock, nowMs, status.bus.since);
  let text = "Waiting for the first picture from a producer.";
  if (status.bus.state !== "ok") text = `Waiting for the bus${silent && `, silent for ${silent}`}.`;
  else if (!live("producer")) text = "Waiting for a producer to report on the bus.";
  else if (!live("consumer")) text = "Waiting for a consumer to forward pictures.";
  return { text, steps };
}

/**
 * Return the state changes between two statuses, as sentences. What changes in the same way is one sentence, so that
 * a screen reader does not read out sixteen of them when a producer ends.
 * @param {Status | null} before
 * @param {Status} after
 */
export function changes(before, after) {
  if (!before) return "";
  const old = new Map(states(before).map(({ key, state }) => [key, state]));
  /** @type {Map<string, State[]>} */
  const groups = new Map();
  for (const news of states(after)) {
    if (old.get(news.key) === news.state) continue;
    const group = `${news.kind} ${news.state}`;
    groups.set(group, [...(groups.get(group) ?? []), news]);
  }
  return [...groups.values()].map(groupSentence).join(" ");
}

/** @typedef {{ key: string, kind: string, name: string, state: string }} State */

/** @param {State[]} group */
function groupSentence(group) {
  const [{ kind, name, state }] = group;
  if (group.length === 1) return `${[kind, short(name)].filter(Boolean).join(" ")}: ${short(state)}.`;
  const names = group.slice(0, MOST_NAMED).map((one) => short(one.name));
  const more = group.length > MOST_NAMED ? ` and ${group.length - MOST_NAMED} more` : "";
  return `${kind}s ${names.join(", ")}${more}: ${short(state)}.`;
}

/**
 * @param {Status} status
 * @returns {State[]}
 */
function states(status) {
  const cameras = status.cameras.map(({ id, title, notice: said, state }) => {
    return { key: `camera ${id}`, kind: "Camera", name: title || id, state: said?.toLowerCase() ?? state };
  });
  const services = status.services.map(({ service, instance, state }) => {
    return { key: `${service} ${instance}`, kind: capital(service), name: instance, state };
  });
  const models = status.models.map(({ name, state }) => ({ key: `model ${name}`, kind: "Model", name, state }));
  return [...cameras, ...services, ...models, { key: "bus", kind: "Bus", name: "", state: status.bus.state }];
}
