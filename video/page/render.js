// Draws all parts of the page from its state, several times a second; only changes are written to the document.

/** @import { View } from "./view.js" */
/** @import { Find } from "./find.js" */
/** @import { History } from "./history.js" */
/** @import { MaskEditor } from "./mask_editor.js" */
/** @import { Line } from "./ribbon.js" */
/** @import { Wall } from "./wall.js" */
import { localMs } from "./clock.js";
import { renderFigures } from "./figures.js";
import { lagText } from "./lag.js";
import { renderLedger } from "./ledger.js";
import { renderModels } from "./models.js";
import { notice } from "./notice.js";
import { renderRibbon } from "./ribbon.js";
import { renderCaption, renderConnection, renderNotice } from "./stage.js";
import { renderStates } from "./states.js";
import { capital, short } from "./words.js";

const WALL_MS = 1000; // between two updates of the wall's texts: many numbers that change all the time are hard to read
const MOST_MISTAKES = 3; // shown at a time
const FRESH_MS = 3000; // the server sends a status every second

/** @type {Set<string>} */
const failures = new Set();
let wallMs = 0;

/**
 * Draw all parts; one that fails does not stop the others.
 * @param {View} view
 * @param {{ wall: Wall, find: Find, masks: MaskEditor, history: History }} parts
 * @param {{ wall?: boolean }} [options] wall: draw its texts at once instead of once a second
 */
export function render(view, { wall, find, masks, history }, { wall: wallNow = false } = {}) {
  const now = localMs();
  attempt(() => renderConnection(view, now));
  attempt(() => renderRibbon(ribbonLines(view, now)));
  attempt(() => find.render(view));
  attempt(() => masks.render(view.cameras.selected));
  if (!view.cameras.onWall) renderCamera(view, history, now);
  else if (wallNow || now - wallMs >= WALL_MS) {
    wallMs = now;
    attempt(() => wall.render(view, { nowMs: now, live: isLive(view, now) }));
  }
}

/**
 * @param {View} view
 * @param {History} history
 * @param {number} now local time
 */
function renderCamera(view, history, now) {
  const shown = notice(view, now, { hidden: document.hidden });
  attempt(() => renderNotice(shown));
  attempt(() => renderCaption(view));
  attempt(() => renderModels(view, view.connection.state === "open" && !shown));
  attempt(() => renderFigures(view, now));
  attempt(() => history.render(view, now));
  attempt(() => renderStates(view, now));
  attempt(() => renderLedger(view));
}

/**
 * @param {View} view
 * @param {number} now local time
 * @returns {Line[]}
 */
function ribbonLines(view, now) {
  /** @type {Line[]} */
  const lines = [];
  if (view.cameras.onWall && !isLive(view, now)) {
    const said = notice(view, now);
    if (said) lines.push({ key: "connection", tone: "bad", text: `${said.title}. ${said.text}`, retry: said.retry });
  } else if (view.lag.slow) lines.push({ key: "lag", tone: "warn", text: lagText(view.lag.slow) });
  const mistakes = (view.status?.services ?? []).flatMap(({ service, documents }) =>
    documents.map(({ setting, mistake }) => ({ key: `${service} ${setting}`, service, setting, mistake })),
  );
  const once = new Map(mistakes.map((one) => [one.key, one])); // replicas read the same document
  for (const { key, service, setting, mistake } of [...once.values()].slice(0, MOST_MISTAKES)) {
    const text = `${capital(service)}: a mistake in ${short(setting)}, the old state stays in force: ${short(mistake)}`;
    lines.push({ key, tone: "bad", text });
  }
  return lines;
}

/**
 * Return whether what is known of the cameras is up to date.
 * @param {View} view
 * @param {number} now local time
 */
function isLive({ connection }, now) {
  return connection.state === "open" && now - connection.heardMs < FRESH_MS;
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
