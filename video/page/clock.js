// The server's clock, estimated from pings. NTP's method: https://www.rfc-editor.org/rfc/rfc5905#section-8

const WINDOW_MS = 30_000; // older samples are discarded

/** @typedef {{ atMs: number, roundTripMs: number, offsetMs: number }} Sample */

/** Return this browser's time in ms since the epoch; monotonic, unlike `Date.now()`. */
export function localMs() {
  return performance.timeOrigin + performance.now();
}

/** Estimates how far the server's clock is ahead of this browser's. */
export class ServerClock {
  constructor() {
    /** @type {Sample[]} */
    this.samples = [];
    /** @type {number | null} */
    this.offsetMs = null;
    /** @type {number | null} */
    this.roundTripMs = null;
  }

  /**
   * Add a sample from one ping. The sample with the shortest round trip in the last 30 s sets the offset.
   * @param {number} sentMs local time at which the ping was sent
   * @param {number} receivedMs local time at which its answer arrived
   * @param {number} serverUs the server's time in the answer, µs since the epoch
   */
  learn(sentMs, receivedMs, serverUs) {
    const roundTripMs = receivedMs - sentMs;
    const offsetMs = serverUs / 1000 - (sentMs + receivedMs) / 2;
    if (!Number.isFinite(offsetMs) || roundTripMs < 0) return;
    this.samples = this.samples.filter((sample) => receivedMs - sample.atMs < WINDOW_MS);
    this.samples.push({ atMs: receivedMs, roundTripMs, offsetMs });
    const best = this.samples.reduce((one, other) => (other.roundTripMs < one.roundTripMs ? other : one));
    this.offsetMs = best.offsetMs;
    this.roundTripMs = best.roundTripMs;
  }

  /** Discard the samples, after a pause in which clocks may have drifted; the offset stays until the next sample. */
  forget() {
    this.samples = [];
  }

  /**
   * Return the server's time in ms since the epoch; this browser's own while the offset is unknown.
   * @param {number} nowMs local time
   */
  serverMs(nowMs) {
    return nowMs + (this.offsetMs ?? 0);
  }
}
