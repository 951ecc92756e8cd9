// Which cameras a filter lets through, and the tags to choose from. Pure functions.

const MOST_TAGS = 12; // offered as buttons; all can be typed

/** @typedef {{ id: string, title: string | null, tags: string[] }} Named */

/**
 * Return whether a camera's id, title or tags contain every word of a filter, whatever the case.
 * @param {Named} camera
 * @param {string} filter
 */
export function matches({ id, title, tags }, filter) {
  const names = [id, title ?? "", ...tags].map((name) => name.toLowerCase());
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => names.some((name) => name.includes(word)));
}

/**
 * Return the tags that most cameras have, sorted by name; none if every camera has the same ones.
 * @param {Named[]} cameras
 * @returns {string[]}
 */
export function commonTags(cameras) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const tag of cameras.flatMap((camera) => [...new Set(camera.tags)])) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  const useful = [...counts].filter(([, count]) => count < cameras.length);
  const most = useful.sort(([, one], [, other]) => other - one).slice(0, MOST_TAGS);
  return most.map(([tag]) => tag).sort((one, other) => one.localeCompare(other));
}
