// The last minutes of a camera, as the server keeps them in points of ten seconds. Pure functions.

import { list, number, object, string, whole } from "./checked.js";

const MOST_FINDINGS = 6;
const MOST_REASONS = 8;

/** @typedef {{ key: string, label: string, model: string, share: number, probability: number }} Finding */
/** @typedef {{ key: string, service: string, reason: string, frames: number }} Drop */
/**
 * @typedef {object} Point
 * @property {number} at begin, µs since the epoch
 * @property {number} fps
 * @property {number | null} ageMs
 * @property {number | null} ageMaxMs
 * @property {Drop[]} dropped
 * @property {Finding[]} findings
 */
/**
 * @typedef {object} Summary
 * @property {number} minutes
 * @property {number | null} ageMs mean
 * @property {number | null} ageMaxMs
 * @property {number} fps mean
 * @property {Finding[]} findings those seen longest first; `share` is that of the time
 * @property {Drop[]} dropped most frames first
 */

/**
 * Read the server's answer. Invalid entries are left out.
 * @param {unknown} answer
 * @returns {Point[]}
 */
export function readPast(answer) {
  return list(object(answer).points).flatMap((value) => {
    const point = object(value);
    const at = number(point.at);
    if (at === null) return [];
    return [
      {
        at,
        fps: number(point.fps) ?? 0,
        ageMs: number(point.age_ms),
        ageMaxMs: number(point.age_max_ms),
        dropped: drops(point.dropped),
        findings: list(point.findings).flatMap(finding),
      },
    ];
  });
}

/**
 * Summarise the points.
 * @param {Point[]} points
 * @param {number} intervalS of a point
 * @returns {Summary}
 */
export function summarise(points, intervalS) {
  const ages = points.flatMap(({ ageMs }) => (ageMs === null ? [] : [ageMs]));
  const highest = points.flatMap(({ ageMaxMs }) => (ageMaxMs === null ? [] : [ageMaxMs]));
  return {
    minutes: Math.max(1, Math.round((points.length * intervalS) / 60)),
    ageMs: ages.length ? ages.reduce((sum, ms) => sum + ms, 0) / ages.length : null,
    ageMaxMs: highest.length ? Math.max(...highest) : null,
    fps: points.reduce((sum, { fps }) => sum + fps, 0) / Math.max(1, points.length),
    findings: findings(points),
    dropped: dropped(points),
  };
}

/**
 * @param {Point[]} points
 * @returns {Finding[]}
 */
function findings(points) {
  /** @type {Map<string, Finding>} */
  const sums = new Map();
  for (const one of points.flatMap((point) => point.findings)) {
    const sum = sums.get(one.key) ?? { ...one, share: 0, probability: 0 };
    sum.share += one.share / points.length;
    sum.probability = Math.max(sum.probability, one.probability);
    sums.set(one.key, sum);
  }
  return [...sums.values()].sort((one, other) => other.share - one.share).slice(0, MOST_FINDINGS);
}

/**
 * @param {Point[]} points
 * @returns {Drop[]}
 */
function dropped(points) {
  /** @type {Map<string, Drop>} */
  const sums = new Map();
  for (const one of points.flatMap((point) => point.dropped)) {
    const sum = sums.get(one.key) ?? { ...one, frames: 0 };
    sum.frames += one.frames;
    sums.set(one.key, sum);
  }
  return [...sums.values()].sort((one, other) => other.frames - one.frames).slice(0, MOST_REASONS);
}

/**
 * @param {unknown} value
 * @returns {Drop[]}
 */
function drops(value) {
  return Object.entries(object(value)).flatMap(([service, reasons]) =>
    Object.entries(object(reasons)).map(([reason, frames]) => {
      return { key: `${service}/${reason}`, service, reason, frames: whole(frames) };
    }),
  );
}

/**
 * @param {unknown} value
 * @returns {Finding[]} one, or none
 */
function finding(value) {
  const one = object(value);
  const label = string(one.label);
  const model = string(one.model) ?? "";
  if (label === null) return [];
  const [share, probability] = [number(one.share) ?? 0, number(one.probability) ?? 0];
  return [{ key: `${model}/${label}`, label, model, share, probability }];
}
