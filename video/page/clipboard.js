// Copies text, and says so on the button that was pressed.

import { make, text } from "./document.js";

const CONFIRMED_MS = 1600;

/**
 * Copy a text, and confirm it on a button.
 * @param {string} value
 * @param {HTMLElement} button
 */
export async function copyFrom(value, button) {
  const name = button.textContent ?? "";
  if (button.dataset.copying !== undefined) return; // the confirmation is still there
  button.dataset.copying = "";
  text(button, (await copy(value)) ? "Copied" : "Failed");
  setTimeout(() => {
    text(button, name);
    delete button.dataset.copying;
  }, CONFIRMED_MS);
}

/** @param {string} value */
async function copy(value) {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    return copyBySelection(value); // without HTTPS there is no clipboard
  }
}

/** @param {string} value */
function copyBySelection(value) {
  const area = make("textarea", { class: "said", readonly: "" });
  area.value = value;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
