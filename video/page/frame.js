// A frame on `/ws`: 4 bytes big-endian length of the header, the header in JSON, the JPEG. The header is checked once,
// here.

import { list, name, number, object, probability, string, whole } from "./checked.js";

/** @typedef {{ label: string, probability: number | null }} Finding probability: 0 to 1; null if the model does not tell */
/**
 * @typedef {object} Prediction
 * @property {string} model
 * @property {string} state `ok`, `stale` or `down`
 * @property {string | null} label
 * @property {number | null} probability 0 to 1
 * @property {Finding[]} findings about the whole picture, the best first
 * @property {Finding[]} boxes
 * @property {number} leftOut boxes for which the header had no room
 * @property {number | null} since µs since the epoch
 * @property {number | null} age_ms
 * @property {string | null} version
 * @property {string | null} seq of the frame that was asked about
 */
/**
 * @typedef {object} Head a frame's header
 * @property {string} camera
 * @property {string} run
 * @property {string} seq
 * @property {number} captured_at µs since the epoch
 * @property {number} width pixels
 * @property {number} height pixels
 * @property {string} clock `ok` or `unknown`
 * @property {boolean} repeated the frame was sent before
 * @property {string | null} notice
 * @property {Prediction[]} predictions
 */
const decoder = new TextDecoder();
// The start of every frame's header. Run and sequence number are kept as text: JavaScript's numbers are exact up to
// 2^53 only, and the rest of the header may not be valid JSON (NaN).
const IDENTITY = /^\{\s*"camera":\s*("(?:[^"\\]|\\.)*"),\s*"run":\s*("?\d+"?),\s*"seq":\s*("?\d+"?)/;

/**
 * Return the parts of a binary message: 4 bytes big-endian length of the header, the header in JSON, the JPEG.
 * @param {ArrayBuffer} data
 * @returns {{ head: string, jpeg: Uint8Array<ArrayBuffer> }}
 * @throws {RangeError} the message is shorter than its header
 */
export function splitFrame(data) {
  const length = new DataView(data).getUint32(0);
  return { head: decoder.decode(new Uint8Array(data, 4, length)), jpeg: new Uint8Array(data, 4 + length) };
}

/**
 * Return the message that acknowledges a frame, and its camera; null if the header does not identify a frame.
 * @param {string} head a frame's header as text
 * @returns {{ camera: string, message: string } | null}
 */
export function acknowledgement(head) {
  const found = IDENTITY.exec(head);
  if (!found) return null;
  const [, camera, run, seq] = found;
  try {
    return { camera: JSON.parse(camera), message: `{"type":"ack","camera":${camera},"run":${run},"seq":${seq}}` };
  } catch {
    return null;
  }
}

/**
 * Read a frame's header.
 * @param {string} head
 * @returns {Head}
 * @throws {SyntaxError} it is not a JSON object with the fields that every frame has
 */
export function readHead(head) {
  const value = object(JSON.parse(head));
  const capturedAt = number(value.captured_at);
  const identity = IDENTITY.exec(head);
  if (typeof value.camera !== "string" || capturedAt === null || !identity)
    throw new SyntaxError("not a frame's header");
  return {
    camera: value.camera,
    run: identity[2].replaceAll('"', ""),
    seq: identity[3].replaceAll('"', ""),
    captured_at: capturedAt,
    width: number(value.width) ?? 0,
    height: number(value.height) ?? 0,
    clock: string(value.clock) ?? "unknown",
    repeated: value.repeated === true,
    notice: string(value.notice),
    predictions: list(value.predictions).flatMap(prediction),
  };
}

/**
 * @param {unknown} value
 * @returns {Prediction[]} one, or none
 */
function prediction(value) {
  const { model, ...rest } = object(value);
  if (typeof model !== "string") return [];
  return [
    {
      model,
      state: string(rest.state) ?? "ok",
      label: string(rest.label),
      probability: probability(rest.probability),
      findings: list(rest.findings).flatMap(finding),
      boxes: list(rest.boxes).flatMap(finding),
      leftOut: whole(rest.left_out),
      since: number(rest.since),
      age_ms: number(rest.age_ms),
      version: name(rest.version),
      seq: name(rest.seq),
    },
  ];
}

/**
 * @param {unknown} value
 * @returns {Finding[]} one, or none
 */
function finding(value) {
  const { label, ...rest } = object(value);
  return typeof label === "string" ? [{ label, probability: probability(rest.probability) }] : [];
}
