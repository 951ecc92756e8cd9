// A line of the last values, without axes.

import { sized } from "./document.js";
import { HISTORY } from "./measures.js";

/** @type {{ line: string, fill: string, base: string } | null} */
let colours = null;

/** Read the colours again when the next line is drawn. */
export function forgetColours() {
  colours = null;
}

/**
 * Return the runs of values without a gap, as pairs of the first and the last index.
 * @param {(number | null)[]} values
 * @returns {[number, number][]}
 */
export function runs(values) {
  /** @type {[number, number][]} */
  const found = [];
  values.forEach((value, index) => {
    if (value === null) return;
    const last = found[found.length - 1];
    if (last?.[1] === index - 1) last[1] = index;
    else found.push([index, index]);
  });
  return found;
}

/**
 * Draw values, the newest on the right.
 * @param {HTMLCanvasElement} canvas
 * @param {(number | null)[]} values null: a gap
 * @param {number} least the smallest value at the top of the scale
 * @param {number} [points] that fit into the width
 */
export function drawSparkline(canvas, values, least, points = HISTORY) {
  const ratio = devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (!width) return;
  const context = sized(canvas, width, height);
  colours ??= themeColours();
  const { line, fill, base } = colours;
  const pad = 1.5 * ratio;
  const top = Math.max(least, ...values.map((value) => value ?? 0)) * 1.08;
  /** @param {number} index */
  const x = (index) => width - pad - ((values.length - 1 - index) * (width - 2 * pad)) / (points - 1);
  /** @param {number} index */
  const y = (index) => height - pad - (Math.max(0, values[index] ?? 0) / top) * (height - 2 * pad);
  context.clearRect(0, 0, width, height);
  context.fillStyle = base;
  context.fillRect(0, height - Math.ceil(ratio), width, Math.ceil(ratio));
  context.strokeStyle = line;
  context.fillStyle = fill;
  context.lineWidth = 1.5 * ratio;
  context.lineJoin = "round";
  for (const [first, last] of runs(values)) {
    context.beginPath();
    for (let index = first; index <= last; index++) context.lineTo(x(index), y(index));
    context.stroke();
    context.lineTo(x(last), height);
    context.lineTo(x(first), height);
    context.fill();
  }
}

function themeColours() {
  const style = getComputedStyle(document.documentElement);
  /** @param {string} name */
  const colour = (name) => style.getPropertyValue(name).trim();
  return { line: colour("--accent"), fill: colour("--fill"), base: colour("--line") };
}
