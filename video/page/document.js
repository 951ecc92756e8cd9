// Access to the document: elements are created once, and only changes are written.

/**
 * Return the element of the page with this id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  return instance(document.getElementById(id), HTMLElement, id);
}

/**
 * Return the canvas with this id.
 * @param {string} id
 */
export function canvasById(id) {
  return instance(document.getElementById(id), HTMLCanvasElement, id);
}

/**
 * Return the input with this id.
 * @param {string} id
 */
export function inputById(id) {
  return instance(document.getElementById(id), HTMLInputElement, id);
}

/**
 * Return the link with this id.
 * @param {string} id
 */
export function linkById(id) {
  return instance(document.getElementById(id), HTMLAnchorElement, id);
}

/**
 * Return the dialog with this id.
 * @param {string} id
 */
export function dialogById(id) {
  return instance(document.getElementById(id), HTMLDialogElement, id);
}

/**
 * Create an element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * Set an element's text.
 * @param {Element} element
 * @param {string} value
 */
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

/**
 * Set an attribute; without a value, remove it.
 * @param {Element} element
 * @param {string} name
 * @param {string | number | null | undefined} value
 */
export function mark(element, name, value) {
  if (value == null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/**
 * Announce a sentence to screen readers.
 * @param {string} sentence
 */
export function announce(sentence) {
  byId("said").textContent = sentence;
}

/**
 * Return a canvas's context; resize the canvas if its size differs.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function sized(canvas, width, height, settings) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("this browser has no canvas");
  return context;
}

/**
 * A list with one element per item; an item keeps its element while it is in the list.
 * @template {{ key: string }} Item
 * @template {{ root: HTMLElement }} Parts
 */
export class KeyedList {
  /**
   * @param {HTMLElement} parent
   * @param {(item: Item) => Parts} create
   * @param {(parts: Parts, item: Item) => void} update
   */
  constructor(parent, create, update) {
    this.parent = parent;
    this.create = create;
    this.update = update;
    /** @type {(key: string, parts: Parts) => void} */
    this.onRemove = () => {};
    /** @type {Map<string, Parts>} */
    this.parts = new Map();
  }

  /** @param {Item[]} items */
  show(items) {
    const kept = new Set(items.map((item) => item.key));
    for (const [key, parts] of this.parts) {
      if (kept.has(key)) continue;
      parts.root.remove();
      this.parts.delete(key);
      this.onRemove(key, parts);
    }
    items.forEach((item, index) => {
      const parts = this.of(item);
      const there = this.parent.children[index];
      if (there !== parts.root) this.parent.insertBefore(parts.root, there ?? null);
      this.update(parts, item);
    });
  }

  /**
   * @param {Item} item
   * @returns {Parts}
   */
  of(item) {
    const known = this.parts.get(item.key);
    if (known) return known;
    const made = this.create(item);
    this.parts.set(item.key, made);
    return made;
  }
}

/**
 * @template T
 * @param {unknown} value
 * @param {new () => T} type
 * @param {string} id
 * @returns {T}
 */
function instance(value, type, id) {
  if (!(value instanceof type)) throw new Error(`the page has no ${type.name} "${id}"`);
  return value;
}
