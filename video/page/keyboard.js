// Keyboard shortcuts. Combinations with Ctrl, Meta or Alt are left to the browser.

import { dialogById } from "./document.js";

/**
 * @typedef {object} Actions
 * @property {(key: string) => void} arrow move to another tile, or show another camera
 * @property {(index: number) => void} pick show the camera at this index, from 0
 * @property {() => void} escape leave what is open: full screen, or the camera for the wall
 * @property {() => void} filter
 * @property {() => void} mask
 * @property {() => void} fullscreen
 * @property {() => void} snapshot
 * @property {() => void} theme
 */

/** @param {Actions} actions */
export function listenToKeys(actions) {
  /** @type {Record<string, () => void>} */
  const keys = {
    Escape: actions.escape,
    "/": actions.filter,
    m: actions.mask,
    f: actions.fullscreen,
    s: actions.snapshot,
    t: actions.theme,
    "?": showKeys,
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return; // a part of the page has used it
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || dialogById("keys").open) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    let action = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (/^[1-9]$/.test(key)) action = () => actions.pick(Number(key) - 1);
    if (key.startsWith("Arrow")) action = () => actions.arrow(key);
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
