// The viewer's own lag: how long pictures take from the server to this screen, and whether connection or browser is to
// blame. It is measured by acknowledgements on the server's clock, so it needs no agreement of clocks, and it says
// nothing about the cameras. Pure functions.

/** @import { Cameras } from "./cameras.js" */
/** @import { ViewerCount } from "./status.js" */
import { quantile } from "./measures.js";

const SLOW_MS = 500; // from the sending of a picture to its acknowledgement
const FINE_MS = 300;
const SLOW_SHARE = 0.5; // of the pictures skipped, with at least LEAST_LAG_MS of lag
const FINE_SHARE = 0.25;
const LEAST_LAG_MS = 150; // below that, skipped pictures are a matter of rates
const LATE_MS = 100; // a timer of the page that fires that late: the browser has too much to do
const TIMERS = 12; // the last three seconds
const STATUSES = 3; // in a row, one a second, before the verdict changes: a hiccup is no slow connection

/** @typedef {{ cause: "connection" | "browser", ms: number }} Slow */

/** Follows the counts of this viewer in each status. */
export class ViewerLag {
  constructor() {
    /** @type {Slow | null} */
    this.slow = null;
    this.streak = 0; // statuses in a row that contradict the verdict
    this.before = { sent: 0, skipped: 0 };
    /** @type {number[]} how late the page's timer has been, ms */
    this.lateness = [];
  }

  /**
   * Note how late a timer of the page fires.
   * @param {number} ms
   */
  noteLateness(ms) {
    this.lateness.push(Math.max(0, ms));
    if (this.lateness.length > TIMERS) this.lateness.shift();
  }

  /** A new connection counts from zero. */
  restart() {
    this.before = { sent: 0, skipped: 0 };
    this.streak = 0;
  }

  /**
   * Take the counts of a status.
   * @param {Map<string, ViewerCount>} viewer
   * @param {Cameras} cameras
   */
  note(viewer, cameras) {
    const counts = [...viewer.values()];
    const total = { sent: sum(counts, "sent"), skipped: sum(counts, "skipped") };
    const [sent, skipped] = [total.sent - this.before.sent, total.skipped - this.before.skipped];
    this.before = total;
    const lags = counts.flatMap(({ ack_ms: ms }) => (ms === null ? [] : [ms]));
    if (!lags.length || sent < 0 || skipped < 0) return; // nothing is shown, or fewer cameras are
    const ms = quantile(lags, 0.5);
    const share = skipped / Math.max(1, sent + skipped);
    const isSlow = ms > SLOW_MS || (share > SLOW_SHARE && ms > LEAST_LAG_MS);
    const isFine = ms < FINE_MS && (share < FINE_SHARE || ms < LEAST_LAG_MS);
    this.streak = (this.slow ? isFine : isSlow) ? this.streak + 1 : 0;
    if (this.streak >= STATUSES) {
      this.streak = 0;
      this.slow = this.slow ? null : { cause: "connection", ms };
    }
    if (this.slow) this.slow = { cause: this.isBusy(viewer, cameras, ms) ? "browser" : "connection", ms };
  }

  /**
   * Return whether the browser is to blame: the pictures wait for it, or its timers are late.
   * @param {Map<string, ViewerCount>} viewer
   * @param {Cameras} cameras
   * @param {number} ms lag of the viewer
   */
  isBusy(viewer, cameras, ms) {
    const waits = [...viewer.keys()].flatMap((id) => {
      const camera = cameras.byId.get(id);
      return camera?.shown ? [camera.browserMs] : [];
    });
    const isLate = this.lateness.length > 0 && quantile(this.lateness, 0.5) > LATE_MS;
    return isLate || (waits.length > 0 && quantile(waits, 0.5) > ms / 2);
  }
}

/**
 * Return the notice for a slow viewer.
 * @param {Slow} slow
 */
export function lagText({ cause, ms }) {
  const seconds = `${(ms / 1000).toFixed(1)} s`;
  return cause === "browser"
    ? `This browser is slow: it takes ${seconds} to show a picture. The cameras are not the cause.`
    : `Slow connection: pictures take ${seconds} from the server to this page. The cameras are not the cause.`;
}

/**
 * @param {ViewerCount[]} counts
 * @param {"sent" | "skipped"} key
 */
function sum(counts, key) {
  return counts.reduce((total, count) => total + count[key], 0);
}
