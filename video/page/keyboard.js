// Keyboard shortcuts. Combinations with Ctrl, Meta or Alt are left to the browser.

import { byId, dialogById } from "./document.js";

/**
 * @typedef {object} Actions
 * @property {(step: 1 | -1) => void} step select the next or the previous camera
 * @property {(index: number) => void} pick select the camera at this index, from 0
 * @property {() => void} fullscreen
 * @property {() => void} snapshot
 * @property {() => void} theme
 */

/** @param {Actions} actions */
export function listenToKeys(actions) {
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowRight: () => actions.step(1),
    ArrowLeft: () => actions.step(-1),
    f: actions.fullscreen,
    s: actions.snapshot,
    t: actions.theme,
    "?": showKeys,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || dialogById("keys").open) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "Escape") byId("stage").classList.remove("fill");
    const action = /^[1-9]$/.test(key) ? () => actions.pick(Number(key) - 1) : keys[key];
    if (!action) return;
    action();
    event.preventDefault();
  });
}

export function showKeys() {
  dialogById("keys").showModal();
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof Element && target.closest("input, textarea, select") !== null;
}
