// A WebSocket that the engine holds, as the page sees it: texts come through, frames stay with the engine.

/** @import { Notice } from "./engine.js" */
/** @import { EngineHost } from "./engine_host.js" */

/**
 * What a connection needs of a WebSocket.
 * @typedef {object} Link
 * @property {number} readyState as of WebSocket
 * @property {(() => void) | null} onopen
 * @property {((event: { data: string }) => void) | null} onmessage
 * @property {((event: { code: number, reason: string }) => void) | null} onclose
 * @property {(text: string) => void} send
 * @property {() => void} close
 */

/** The engine's WebSockets. */
export class Links {
  /** @param {EngineHost} engine */
  constructor(engine) {
    this.engine = engine;
    this.last = 0;
    /** @type {Link | null} */
    this.current = null;
  }

  /**
   * Open a WebSocket; the one before is closed.
   * @param {URL} address
   * @returns {Link}
   */
  open(address) {
    this.last += 1;
    const socket = this.last;
    /** @type {Link} */
    const link = {
      readyState: WebSocket.CONNECTING,
      onopen: null,
      onmessage: null,
      onclose: null,
      send: (text) => this.engine.post({ type: "send", socket, text }),
      close: () => this.engine.post({ type: "close", socket }),
    };
    this.current = link;
    this.engine.post({ type: "open", socket, address: address.href });
    return link;
  }

  /**
   * Take what the engine tells about the connection.
   * @param {Notice} notice
   */
  take(notice) {
    const link = this.current;
    if (!link || !("socket" in notice) || notice.socket !== this.last) return;
    if (notice.type === "opened") {
      link.readyState = WebSocket.OPEN;
      link.onopen?.();
    } else if (notice.type === "text") link.onmessage?.({ data: notice.text });
    else {
      link.readyState = WebSocket.CLOSED;
      link.onclose?.(notice);
    }
  }
}
