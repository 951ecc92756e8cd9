// The theme: dark, light, or the system's.

import { byId, mark, text } from "./document.js";
import { forgetColours } from "./sparkline.js";

const THEMES = ["auto", "dark", "light"];

/** The theme, stored in this browser. */
export class Theme {
  /** @param {() => void} onChange the colours have changed */
  constructor(onChange) {
    this.onChange = onChange;
    this.name = remembered();
  }

  paint() {
    mark(document.documentElement, "data-theme", this.name === "auto" ? null : this.name);
    text(byId("theme-name"), `: ${this.name}`);
    mark(byId("theme"), "aria-label", `Theme: ${this.name}`);
    forgetColours();
    this.onChange();
  }

  /** Change to the next theme. */
  next() {
    this.name = THEMES[(THEMES.indexOf(this.name) + 1) % THEMES.length];
    try {
      localStorage.setItem("theme", this.name);
    } catch {
      // Storage may be forbidden: the theme then lasts until the page is closed.
    }
    this.paint();
  }
}

function remembered() {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem("theme")) ?? "auto";
  } catch {
    return "auto"; // storage may be forbidden
  }
}
