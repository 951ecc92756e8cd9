// The message that asks the server for pictures: which cameras, how wide, how many a second. Pure functions.

const WIDTH_STEP = 16; // pixels; resizing a window by less requests no other width
// The server sends the nearest of a few widths: a picture is enlarged by at most a quarter before the next one is asked for.
const SHARPNESS = 1.2;
const MOST_TILES_PER_S = 160; // pictures of all tiles together
const MOST_PER_TILE = 25;
const FEWEST_PER_TILE = 2;

/** @typedef {{ id: string, width: number }} Shown a camera, and the width at which it is shown in CSS pixels */

/**
 * Return the message.
 * @param {{ large: Shown | null, tiles: Shown[] }} shown
 * @param {number} pixelRatio device pixels per CSS pixel
 */
export function watchMessage({ large, tiles }, pixelRatio) {
  /** @type {Record<string, { width: number, fps?: number }>} */
  const cameras = {};
  const fps = tileRate(tiles.length);
  for (const { id, width } of tiles) cameras[id] = { width: asked(width * pixelRatio * SHARPNESS), fps };
  if (large) cameras[large.id] = { width: asked(large.width * pixelRatio * SHARPNESS) };
  return JSON.stringify({ type: "watch", cameras });
}

/**
 * Return how many pictures a second a tile asks for.
 * @param {number} tiles number of tiles in view
 */
export function tileRate(tiles) {
  const share = Math.round(MOST_TILES_PER_S / Math.max(1, tiles));
  return Math.min(MOST_PER_TILE, Math.max(FEWEST_PER_TILE, share));
}

/** @param {number} pixels */
function asked(pixels) {
  return Math.max(WIDTH_STEP, Math.ceil(pixels / WIDTH_STEP) * WIDTH_STEP);
}
