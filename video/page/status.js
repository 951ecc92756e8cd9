// The text messages that the server sends on `/ws`. They are checked once, here: they contain data from the bus, to
// which anyone may write.

import { list, mapped, name, number, object, probability, string, whole } from "./checked.js";

/**
 * @typedef {object} CameraStatus
 * @property {string} id
 * @property {number | null} width pixels
 * @property {number | null} height pixels
 * @property {number | null} fps
 * @property {number | null} viewers
 * @property {string} state
 * @property {number | null} since µs since the epoch
 * @property {string | null} reason
 * @property {string | null} notice
 * @property {string | null} title shown instead of the id
 * @property {string[]} tags
 */
/** @typedef {{ setting: string, mistake: string }} Mistake why the newest text of a document is not in force */
/**
 * @typedef {object} ServiceStatus
 * @property {string} service
 * @property {string} instance
 * @property {string} state
 * @property {number | null} since µs since the epoch
 * @property {Mistake[]} documents those with a mistake
 */
/**
 * @typedef {object} ModelStatus
 * @property {string} name
 * @property {string} state `up`, `down` or `waiting`
 * @property {number | null} since µs since the epoch
 * @property {string | null} version
 * @property {string | null} reason
 * @property {string | null} kind
 * @property {boolean} shadow its answers are not drawn
 * @property {string | null} compareWith the model that a shadow is compared with
 * @property {number | null} rate frames per second
 * @property {number | null} batch frames per request
 * @property {number | null} ms per frame
 * @property {number} compared answers
 * @property {number | null} agreement 0 to 1
 */
/** @typedef {{ in: number, out: number, dropped: Record<string, number>, lost_upstream: number }} Account */
/** @typedef {Record<string, Account>} Ledger the account of each service, for one camera */
/**
 * @typedef {object} ViewerCount frames of a camera for this page
 * @property {number} sent
 * @property {number} skipped because the page had not acknowledged the one before in time
 * @property {number | null} ack_ms from the sending of a frame to its acknowledgement, median of the last ones
 */
/**
 * @typedef {object} Status
 * @property {CameraStatus[]} cameras
 * @property {ServiceStatus[]} services
 * @property {ModelStatus[]} models
 * @property {{ state: string, since: number | null }} bus
 * @property {Map<string, Ledger>} ledger of each camera
 * @property {Map<string, ViewerCount>} viewer frames of each camera sent to this page
 */
/** @typedef {{ version: string, instance: string }} Hello */
/** @typedef {{ t: number, now: number }} Pong */

/**
 * Read a status message. Invalid entries are left out.
 * @param {Record<string, unknown>} message
 * @returns {Status}
 */
export function readStatus(message) {
  const bus = object(message.bus);
  return {
    cameras: list(message.cameras).flatMap(cameraStatus),
    services: list(message.services).flatMap(serviceStatus),
    models: list(message.models).flatMap(modelStatus),
    bus: { state: string(bus.state) ?? "no report", since: number(bus.since) },
    ledger: mapped(message.ledger, (accounts) => Object.fromEntries(mapped(accounts, account))),
    viewer: mapped(message.viewer, viewerCount),
  };
}

/**
 * Read the server's greeting.
 * @param {Record<string, unknown>} message
 * @returns {Hello}
 */
export function readHello(message) {
  return { version: string(message.version) ?? "", instance: string(message.instance) ?? "" };
}

/**
 * Read the answer to a ping; null if its times are missing.
 * @param {Record<string, unknown>} message
 * @returns {Pong | null}
 */
export function readPong(message) {
  const t = number(message.t);
  const now = number(message.now);
  return t === null || now === null ? null : { t, now };
}

/**
 * @param {unknown} value
 * @returns {CameraStatus[]} one, or none
 */
function cameraStatus(value) {
  const camera = object(value);
  if (typeof camera.id !== "string") return [];
  return [
    {
      id: camera.id,
      width: number(camera.width),
      height: number(camera.height),
      fps: number(camera.fps),
      viewers: number(camera.viewers),
      state: string(camera.state) ?? "waiting",
      since: number(camera.since),
      reason: string(camera.reason),
      notice: string(camera.notice),
      title: string(camera.title),
      tags: list(camera.tags).filter((tag) => typeof tag === "string"),
    },
  ];
}

/**
 * @param {unknown} value
 * @returns {ServiceStatus[]} one, or none
 */
function serviceStatus(value) {
  const { service, instance, state, since, documents } = object(value);
  if (typeof service !== "string" || typeof instance !== "string" || typeof state !== "string") return [];
  const mistakes = Object.entries(object(documents)).flatMap(([setting, mistake]) =>
    typeof mistake === "string" ? [{ setting, mistake }] : [],
  );
  return [{ service, instance, state, since: number(since), documents: mistakes }];
}

/**
 * @param {unknown} value
 * @returns {ModelStatus[]} one, or none
 */
function modelStatus(value) {
  const model = object(value);
  if (typeof model.name !== "string" || typeof model.state !== "string") return [];
  return [
    {
      name: model.name,
      state: model.state,
      since: number(model.since),
      version: name(model.version),
      reason: string(model.reason),
      kind: string(model.kind),
      shadow: model.shadow === true,
      compareWith: string(model.compare_with),
      rate: number(model.rate),
      batch: number(model.batch),
      ms: number(model.ms),
      compared: whole(model.compared),
      agreement: probability(model.agreement),
    },
  ];
}

/**
 * @param {Record<string, unknown>} value
 * @returns {ViewerCount}
 */
function viewerCount(value) {
  return { sent: whole(value.sent), skipped: whole(value.skipped), ack_ms: number(value.ack_ms) };
}

/**
 * @param {Record<string, unknown>} value
 * @returns {Account}
 */
function account(value) {
  const dropped = Object.entries(object(value.dropped)).map(([reason, frames]) => [reason, whole(frames)]);
  return {
    in: whole(value.in),
    out: whole(value.out),
    dropped: Object.fromEntries(dropped),
    lost_upstream: whole(value.lost_upstream),
  };
}
