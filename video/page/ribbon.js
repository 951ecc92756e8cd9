// What concerns the whole page, in one line each below the header: a slow viewer, and mistakes in documents.

import { announce, byId, KeyedList, make, mark, text } from "./document.js";

/**
 * @typedef {object} Line
 * @property {string} key
 * @property {"warn" | "bad"} tone
 * @property {string} text
 * @property {boolean} [retry] with a button to connect now
 */

/** @type {Set<string>} */
let said = new Set();

const lines = new KeyedList(
  byId("ribbon"),
  () => {
    const [words, retry] = [make("span"), make("button", { type: "button", "data-retry": "" }, "Try now")];
    return { root: make("p", {}, words, retry), words, retry };
  },
  ({ root, words, retry }, /** @type {Line} */ line) => {
    mark(root, "data-tone", line.tone);
    mark(root, "data-line", line.key);
    text(words, line.text);
    retry.hidden = !line.retry;
  },
);

/** @param {Line[]} shown each is announced once, when it appears: numbers in it may change */
export function renderRibbon(shown) {
  lines.show(shown);
  byId("ribbon").hidden = !shown.length;
  const news = shown.filter((line) => !said.has(line.key));
  said = new Set(shown.map((line) => line.key));
  if (news.length) announce(news.map((line) => line.text).join(" "));
}
