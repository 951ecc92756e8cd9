// The table of frames of the selected camera: in, out and dropped at each stage, in the order of the data flow.

/** @import { Account, Ledger } from "./status.js" */
/** @import { Camera } from "./cameras.js" */
/** @import { View } from "./view.js" */
import { byId, KeyedList, make, mark, text } from "./document.js";
import { perSecond } from "./measures.js";
import { capital, grouped, short, words } from "./words.js";

/**
 * @typedef {object} Row
 * @property {string} key
 * @property {string} name
 * @property {number | null} in
 * @property {number | null} out
 * @property {number} dropped
 * @property {string} rate dropped per second
 * @property {{ stage: string, reason: string }} [data] set for a drop reason, absent for a stage
 */

const rows = new KeyedList(
  byId("ledger"),
  (/** @type {Row} */ row) => {
    const name = make("th", { scope: "row", title: row.name }, short(row.name));
    const cells = [make("td"), make("td"), make("td"), make("td", { class: "rate" })];
    const root = make("tr", { class: row.data ? "reason" : "stage-row" }, name, ...cells);
    Object.assign(root.dataset, row.data);
    return { root, cells };
  },
  ({ root, cells }, row) => {
    const shown = [row.in, row.out, row.dropped].map((count) => (count === null ? "" : grouped(count)));
    for (const [index, value] of [...shown, row.rate].entries()) text(cells[index], value);
    mark(root, "data-count", row.dropped);
  },
);

/** @param {View} view */
export function renderLedger({ cameras, status }) {
  const camera = cameras.selected;
  const ledger = camera && status?.ledger.get(camera.id);
  byId("ledger-hint").hidden = !!ledger;
  text(byId("ledger-hint"), camera ? "No count of this camera yet." : "Waiting for the first count.");
  const viewer = camera && status?.viewer.get(camera.id);
  rows.show([
    ...(ledger ? ["producer", "consumer", "video"].flatMap((stage) => stageRows(camera, ledger, stage)) : []),
    ...(viewer ? pageRows(camera, viewer) : []),
  ]);
}

/**
 * @param {Camera} camera
 * @param {Ledger} ledger
 * @param {string} stage
 * @returns {Row[]} none if the stage has not reported
 */
function stageRows(camera, ledger, stage) {
  const account = ledger[stage];
  if (!account) return [];
  const reasons = Object.keys(account.dropped).filter((reason) => account.dropped[reason]);
  const rows = [
    {
      key: stage,
      name: capital(stage),
      in: account.in,
      out: account.out,
      dropped: total(account),
      rate: perSecond(camera, (past) => total(past[stage])),
    },
    ...reasons.sort().map((reason) => {
      const rate = perSecond(camera, (past) => past[stage]?.dropped[reason] ?? 0);
      return reasonRow({ stage, reason, dropped: account.dropped[reason], rate });
    }),
  ];
  if (!account.lost_upstream) return rows;
  const rate = perSecond(camera, (past) => past[stage]?.lost_upstream ?? 0);
  return [...rows, reasonRow({ stage, reason: "lost_upstream", dropped: account.lost_upstream, rate })];
}

/**
 * @param {Camera} camera
 * @param {{ sent: number, skipped: number }} viewer
 * @returns {Row[]}
 */
function pageRows(camera, { sent, skipped }) {
  const { broken } = camera;
  const stage = {
    key: "page",
    name: "This page",
    in: sent + skipped,
    out: sent - broken,
    dropped: skipped + broken,
    rate: "",
  };
  /** @type {Row[]} */
  const rows = [stage];
  if (skipped) rows.push(reasonRow({ stage: "viewer", reason: "skipped", dropped: skipped, rate: "" }));
  if (broken) rows.push(reasonRow({ stage: "viewer", reason: "undecodable", dropped: broken, rate: "" }));
  return rows;
}

/**
 * @param {{ stage: string, reason: string, dropped: number, rate: string }} drop
 * @returns {Row}
 */
function reasonRow({ stage, reason, dropped, rate }) {
  return {
    key: `${stage}/${reason}`,
    name: words(reason),
    in: null,
    out: null,
    dropped,
    rate,
    data: { stage, reason },
  };
}

/**
 * @param {Account | undefined} account
 * @returns {number}
 */
function total(account) {
  return Object.values(account?.dropped ?? {}).reduce((sum, frames) => sum + frames, 0);
}
