// Dark, light, or as the system has it.

import { byId, mark, text } from "./document.js";
import { forgetColours } from "./sparkline.js";

const THEMES = ["auto", "dark", "light"];

/** The theme, remembered in this browser. */
export class Theme {
  /** @param {() => void} onChange the colours are others */
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
      // Storage may be forbidden: the theme then lasts until the page is left.
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
