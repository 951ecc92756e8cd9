// The page's address names what is shown, so that it can be bookmarked: `#wall`, `#wall&filter=outside`, `#camera=front`.
// Without a view, the page chooses one. Pure functions.

/**
 * @typedef {object} Address
 * @property {"auto" | "wall" | "camera"} view auto: the wall if there are several cameras, the camera if there is one
 * @property {string | null} camera of the view `camera`; it may not exist (yet)
 * @property {string} filter of the wall; kept while a camera is shown, for the way back
 */

/**
 * Read the part of the address that follows `#`.
 * @param {string} hash with or without `#`
 * @returns {Address}
 */
export function readAddress(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const filter = fields.get("filter") ?? "";
  const camera = fields.get("camera");
  if (camera) return { view: "camera", camera, filter };
  return { view: fields.has("wall") || filter ? "wall" : "auto", camera: null, filter };
}

/**
 * Return the address of the wall.
 * @param {string} filter
 */
export function wallAddress(filter) {
  return filter ? `#wall&filter=${encodeURIComponent(filter)}` : "#wall";
}

/**
 * Return the address of a camera.
 * @param {string} camera
 * @param {string} filter
 */
export function cameraAddress(camera, filter) {
  const kept = filter ? `&filter=${encodeURIComponent(filter)}` : "";
  return `#camera=${encodeURIComponent(camera)}${kept}`;
}
