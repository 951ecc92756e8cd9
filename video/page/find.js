// The filter of the wall: a field, and a button for each common tag.

/** @import { View } from "./view.js" */
import { byId, inputById, KeyedList, make, mark } from "./document.js";
import { commonTags, matches } from "./filter.js";

const TYPING_MS = 150; // after the last key

/** The field and the tags. */
export class Find {
  /** @param {{ onFilter: (filter: string) => void, onLeave: () => void }} handlers onLeave: to the tiles */
  constructor({ onFilter, onLeave }) {
    this.field = inputById("filter");
    this.onFilter = onFilter;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.tags = new KeyedList(
      byId("tags"),
      (/** @type {{ key: string, pressed: boolean }} */ { key }) => this.createTag(key),
      ({ root }, { pressed }) => mark(root, "aria-pressed", String(pressed)),
    );
    this.field.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.apply(this.field.value), TYPING_MS);
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.apply("");
      else if (event.key !== "Enter" && event.key !== "ArrowDown") return;
      else this.apply(this.field.value);
      event.preventDefault();
      onLeave();
    });
  }

  /** @param {View} view */
  render({ cameras }) {
    const { filter } = cameras.address;
    byId("find").hidden = !cameras.onWall;
    if (document.activeElement !== this.field && this.field.value !== filter) this.field.value = filter;
    const named = [...cameras.byId.values()].map(({ id, status }) => {
      return { id, title: status?.title ?? null, tags: status?.tags ?? [] };
    });
    this.tags.show(commonTags(named).map((tag) => ({ key: tag, pressed: isTag(filter, tag) })));
  }

  focus() {
    this.field.focus();
    this.field.select();
  }

  /** @param {string} filter */
  apply(filter) {
    clearTimeout(this.timer);
    this.field.value = filter;
    this.onFilter(filter.trim());
  }

  /** @param {string} tag */
  createTag(tag) {
    const root = make("button", { type: "button" }, tag);
    root.addEventListener("click", () => this.apply(isTag(this.field.value, tag) ? "" : tag));
    return { root };
  }
}

/**
 * @param {string} filter
 * @param {string} tag
 */
function isTag(filter, tag) {
  return filter.trim().toLowerCase() === tag.toLowerCase() && matches({ id: "", title: null, tags: [tag] }, filter);
}
