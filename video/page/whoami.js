// Who is watching, and what that viewer may do, as the server says. Pure functions.

import { list, number, object, string } from "./checked.js";

/**
 * @typedef {object} Whoami
 * @property {string | null} name
 * @property {string} role
 * @property {string} by how the viewer has proved who it is; `nobody` if it has not
 * @property {string[]} cameras
 * @property {number | null} expiresAtMs since the epoch
 * @property {boolean} mayShare
 * @property {number} longestLinkS
 * @property {{ oidc: boolean, token: boolean }} login the ways to log in
 * @property {boolean} exposed everyone may see everything, and others than this machine reach the page
 */

/** How long a link may be valid, in seconds. */
const LINK_TIMES = [
  { seconds: 900, text: "15 minutes" },
  { seconds: 3600, text: "1 hour" },
  { seconds: 8 * 3600, text: "8 hours" },
  { seconds: 86400, text: "1 day" },
  { seconds: 7 * 86400, text: "1 week" },
];

/**
 * Read the answer of /whoami.
 * @param {unknown} value
 * @returns {Whoami}
 */
export function readWhoami(value) {
  const fields = object(value);
  const login = object(fields.login);
  const expiresAtUs = number(fields.expires_at);
  return {
    name: string(fields.name),
    role: string(fields.role) ?? "everyone",
    by: string(fields.by) ?? "nobody",
    cameras: list(fields.cameras).filter((camera) => typeof camera === "string"),
    expiresAtMs: expiresAtUs === null ? null : expiresAtUs / 1000,
    mayShare: fields.may_share === true,
    longestLinkS: number(fields.longest_link_s) ?? 0,
    login: { oidc: login.oidc === true, token: login.token === true },
    exposed: fields.open === true && fields.loopback === false,
  };
}

/**
 * Return who is watching, in words; null if there is nothing to say.
 * @param {Whoami} viewer
 */
export function viewerText(viewer) {
  if (viewer.exposed) return "Open to everyone";
  if (viewer.by === "nobody") return null;
  if (viewer.by === "link") return "Shared with you";
  return viewer.name ? `${viewer.name} · ${viewer.role}` : viewer.role;
}

/**
 * Return what else there is to know of the viewer, in words.
 * @param {Whoami} viewer
 */
export function viewerDetail(viewer) {
  if (viewer.exposed) return "Everyone who reaches this address sees every camera. Set ACCESSFILE to change that.";
  const cameras = viewer.cameras.length ? viewer.cameras.join(", ") : "none yet";
  const until = viewer.expiresAtMs === null ? "" : ` Until ${new Date(viewer.expiresAtMs).toLocaleString()}.`;
  return `Cameras: ${cameras}.${until}`;
}

/**
 * Return the times that a link may be valid, with the longest that is allowed.
 * @param {Whoami} viewer
 */
export function linkTimes(viewer) {
  const allowed = LINK_TIMES.filter(({ seconds }) => seconds <= viewer.longestLinkS);
  return allowed.length ? allowed : [{ seconds: viewer.longestLinkS, text: `${viewer.longestLinkS} seconds` }];
}
