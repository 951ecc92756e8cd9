// The panel of a camera's last minutes: asks the server when the camera is opened, and again while it is shown.

/** @import { Drop, Finding, Point } from "./past.js" */
/** @import { View } from "./view.js" */
import { number, object } from "./checked.js";
import { byId, canvasById, KeyedList, make, mark, text } from "./document.js";
import { readPast, summarise } from "./past.js";
import { drawSparkline } from "./sparkline.js";
import { age, capital, grouped, percent, short, words } from "./words.js";

const ASK_MS = 5000;
const POINTS = 30; // that the server keeps
const AGE_TOP_MS = 50; // the lines' scales reach at least this far
const RATE_TOP_FPS = 10;

const findings = new KeyedList(
  byId("past-findings"),
  () => {
    const [name, share, bar] = [make("span", { class: "who" }), make("span", { class: "share" }), make("i")];
    return {
      root: make("li", {}, name, share, make("span", { class: "bar", "aria-hidden": "true" }, bar)),
      name,
      share,
      bar,
    };
  },
  ({ root, name, share, bar }, /** @type {Finding} */ finding) => {
    text(name, short(finding.label));
    mark(root, "title", `${finding.label}, ${finding.model}: at most ${percent(finding.probability)} sure`);
    text(share, finding.share < 0.005 ? "< 1 %" : percent(finding.share));
    bar.style.transform = `scaleX(${finding.share.toFixed(3)})`;
  },
);
const drops = new KeyedList(
  byId("past-drops"),
  () => {
    const [name, frames] = [make("span", { class: "who" }), make("span", { class: "share" })];
    return { root: make("li", {}, name, frames), name, frames };
  },
  ({ root, name, frames }, /** @type {Drop} */ drop) => {
    mark(root, "data-reason", drop.reason);
    text(name, `${capital(drop.service)}: ${words(drop.reason)}`);
    text(frames, grouped(drop.frames));
  },
);

/** The history of the camera that is shown. */
export class History {
  /** @param {URL} page address of the page's folder */
  constructor(page) {
    this.page = page;
    /** @type {string | null} */
    this.camera = null;
    this.askedMs = 0;
    /** @type {Point[]} */
    this.points = [];
    this.intervalS = 10;
  }

  /**
   * @param {View} view
   * @param {number} nowMs local time
   */
  render({ cameras, connection }, nowMs) {
    if (cameras.selectedId !== this.camera) {
      this.camera = cameras.selectedId;
      this.askedMs = 0;
      this.show([]);
    }
    if (this.camera === null || connection.state !== "open" || nowMs - this.askedMs < ASK_MS) return;
    this.askedMs = nowMs;
    this.ask(this.camera);
  }

  /** @param {string} camera */
  async ask(camera) {
    try {
      const answer = await fetch(new URL(`cameras/${encodeURIComponent(camera)}/history`, this.page), {
        cache: "no-store",
      });
      if (!answer.ok || camera !== this.camera) return;
      const past = object(await answer.json());
      this.intervalS = number(past.interval_s) ?? this.intervalS;
      if (camera === this.camera) this.show(readPast(past));
    } catch {
      return; // the server is gone: the connection's notice says so, and what was there stays
    }
  }

  /** @param {Point[]} points */
  show(points) {
    this.points = points;
    byId("past").hidden = !points.length;
    if (!points.length) return;
    const past = summarise(points, this.intervalS);
    text(byId("h-past"), past.minutes === 1 ? "Last minute" : `Last ${past.minutes} minutes`);
    const highest = past.ageMaxMs === null ? "" : `, at most ${age(past.ageMaxMs).join(" ")}`;
    text(
      byId("past-age"),
      past.ageMs === null ? "Age unknown" : `Age ${age(past.ageMs).join(" ")} on average${highest}`,
    );
    text(byId("past-fps"), `${past.fps.toFixed(1)} fps on average`);
    byId("past-nothing").hidden = past.findings.length > 0;
    byId("past-no-drops").hidden = past.dropped.length > 0;
    findings.show(past.findings);
    drops.show(past.dropped);
    this.lines();
  }

  /** Draw the lines; again when their colours or sizes have changed. */
  lines() {
    const [ages, rates] = [this.points.map(({ ageMs }) => ageMs), this.points.map(({ fps }) => fps)];
    drawSparkline(canvasById("past-age-line"), ages, AGE_TOP_MS, POINTS);
    drawSparkline(canvasById("past-fps-line"), rates, RATE_TOP_FPS, POINTS);
  }
}
