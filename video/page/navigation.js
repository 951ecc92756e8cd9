// Moves between the wall and the cameras, and keeps the address and the browser's history in step.

/** @import { Address } from "./address.js" */
import { cameraAddress, readAddress, wallAddress } from "./address.js";

/** The view that the address names. */
export class Navigation {
  /** @param {(address: Address) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    this.address = readAddress(location.hash);
    addEventListener("hashchange", () => this.read());
    addEventListener("popstate", () => this.read());
  }

  /**
   * Show a camera. From the wall this is a step of the history, from another camera it is not: the browser's back
   * leads to the wall.
   * @param {string} camera
   * @param {boolean} fromWall
   */
  openCamera(camera, fromWall) {
    const target = cameraAddress(camera, this.address.filter);
    if (fromWall) history.pushState({ fromWall: true }, "", target);
    else history.replaceState(history.state, "", target);
    this.read();
  }

  /** Show the wall: back to it if the page came from there. */
  openWall() {
    if (history.state?.fromWall) {
      history.back();
      return;
    }
    history.pushState(null, "", wallAddress(this.address.filter));
    this.read();
  }

  /**
   * Filter the wall.
   * @param {string} filter
   */
  filter(filter) {
    history.replaceState(history.state, "", wallAddress(filter));
    this.read();
  }

  read() {
    this.address = readAddress(location.hash);
    this.onChange(this.address);
  }
}
