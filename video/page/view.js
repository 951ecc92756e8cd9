// The state of the page as one object, from which its parts are drawn.

/** @import { Cameras } from "./cameras.js" */
/** @import { ServerClock } from "./clock.js" */
/** @import { Connection } from "./connection.js" */
/** @import { ViewerLag } from "./lag.js" */
/** @import { Hello, Status } from "./status.js" */
import { duration } from "./words.js";

/**
 * @typedef {object} View
 * @property {Cameras} cameras
 * @property {ServerClock} clock
 * @property {Connection} connection
 * @property {ViewerLag} lag of this viewer
 * @property {Status | null} status
 * @property {number} statusMs local time at which the status came
 * @property {Hello | null} hello
 */

/**
 * Return how long ago something was by the server's clock, as text; empty if that is unknown.
 * @param {ServerClock} clock
 * @param {number} nowMs local time
 * @param {number | null | undefined} us µs since the epoch
 * @param {{ fine?: boolean }} [options]
 */
export function since(clock, nowMs, us, options) {
  return us == null ? "" : duration(clock.serverMs(nowMs) - us / 1000, options);
}
