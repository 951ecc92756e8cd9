// Readers of JSON values of any type: each returns a value of one type, or an empty one.

/**
 * @template T
 * @param {unknown} value
 * @param {(entry: Record<string, unknown>) => T} read
 * @returns {Map<string, T>}
 */
export function mapped(value, read) {
  return new Map(Object.entries(object(value)).map(([key, entry]) => [key, read(object(entry))]));
}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown>} the value if it is an object, else an empty one
 */
export function object(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/**
 * @param {unknown} value
 * @returns {unknown[]}
 */
export function list(value) {
  return Array.isArray(value) ? value : [];
}

/** @param {unknown} value */
export function string(value) {
  return typeof value === "string" ? value : null;
}

/**
 * @param {unknown} value
 * @returns {number | null} null too for what JSON writes as 1e999
 */
export function number(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** @param {unknown} value */
export function whole(value) {
  return number(value) ?? 0;
}

/**
 * @param {unknown} value
 * @returns {string | null} a number or a text as text
 */
export function name(value) {
  return typeof value === "number" || typeof value === "string" ? String(value) : null;
}

/**
 * @param {unknown} value
 * @returns {number | null} 0 to 1
 */
export function probability(value) {
  const given = number(value);
  return given === null ? null : Math.min(1, Math.max(0, given));
}
