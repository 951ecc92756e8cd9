// The panel of states: camera, services, models and bus, each with its duration and its reason.

/** @import { Status } from "./status.js" */
/** @import { View } from "./view.js" */
import { byId, KeyedList, make, mark, text } from "./document.js";
import { isTooLarge } from "./measures.js";
import { since } from "./view.js";
import { cameraState, capital, duration, short, tone } from "./words.js";

const FRESH_MS = 3000; // the server sends a status every second

/**
 * @typedef {object} Row
 * @property {string} key
 * @property {"camera-state" | "service-state" | "model-state" | "bus-state"} test for programs that observe the page
 * @property {string} who
 * @property {string} more its name or instance
 * @property {string} state
 * @property {number | null | undefined} [at] since when, µs since the epoch
 * @property {string | null | undefined} [why]
 * @property {Record<string, string>} [data] further attributes
 */

const states = new KeyedList(
  byId("states"),
  (/** @type {Row & { since: string }} */ row) => {
    const more = make("small");
    const who = make("span", { class: "who" }, row.who, more);
    const what = make("span", { class: "what", "data-testid": row.test, ...row.data });
    const [at, why] = [make("span", { class: "since" }), make("span", { class: "why" })];
    return { root: make("li", {}, who, what, at, why), who, more, what, at, why };
  },
  ({ who, more, what, at, why }, row) => {
    text(more, short(row.more));
    mark(who, "title", `${row.who} ${row.more}`);
    text(what, short(row.state));
    mark(what, "data-tone", tone(row.state));
    mark(what, "data-state", row.state);
    text(at, row.since);
    text(why, row.why ? capital(short(row.why)) : "");
    mark(why, "title", row.why || null);
  },
);

/**
 * @param {View} view
 * @param {number} nowMs local time
 */
export function renderStates(view, nowMs) {
  const { status, connection, clock } = view;
  const quietMs = nowMs - view.statusMs;
  const fresh = !status || (connection.state === "open" && quietMs < FRESH_MS);
  byId("states-card").classList.toggle("past", !fresh);
  text(byId("h-states"), fresh ? "State" : `State ${duration(quietMs)} ago`);
  if (!status) return;
  const rows = [cameraRow(view), ...serviceRows(status), ...modelRows(status)];
  rows.push({
    key: "bus",
    test: "bus-state",
    who: "Bus",
    more: "Kafka",
    state: status.bus.state,
    at: status.bus.since,
  });
  states.show(rows.map((row) => ({ ...row, since: since(clock, nowMs, row.at) })));
}

/**
 * @param {View} view
 * @returns {Row}
 */
function cameraRow({ cameras }) {
  const camera = cameras.selected;
  const status = camera?.status;
  return {
    key: "camera",
    test: "camera-state",
    who: "Camera",
    more: camera?.id ?? "",
    state: cameraState(status),
    at: status?.since,
    why: status?.reason ?? (isTooLarge(camera) ? "pictures are dropped that are larger than the broker accepts" : null),
  };
}

/**
 * Return one row per service and state; instances in the same state share a row.
 * @param {Status} status
 * @returns {Row[]}
 */
function serviceRows(status) {
  return ["producer", "consumer", "video"].flatMap((service) => {
    const all = status.services.filter((one) => one.service === service);
    const who = capital(service);
    if (!all.length) return [{ key: service, test: "service-state", who, more: "", state: "no report" }];
    return ["live", "ending", "silent"].flatMap((state) => {
      const some = all.filter((one) => one.state === state);
      if (!some.length) return [];
      return /** @type {Row} */ ({
        key: `${service}/${state}`,
        test: "service-state",
        who,
        more: some.length > 1 ? `${some.length} instances` : some[0].instance,
        state,
        at: Math.max(...some.map((one) => one.since ?? 0)) || null,
        data: { "data-service": service },
      });
    });
  });
}

/**
 * @param {Status} status
 * @returns {Row[]}
 */
function modelRows(status) {
  if (!status.models.length) {
    return [{ key: "model", test: "model-state", who: "Model", more: "", state: "no report" }];
  }
  return status.models.map((model) => ({
    key: `model/${model.name}`,
    test: "model-state",
    who: "Model",
    more: model.name,
    state: model.state,
    at: model.since,
    why: model.state === "up" ? null : model.reason,
    data: { "data-model": model.name },
  }));
}
