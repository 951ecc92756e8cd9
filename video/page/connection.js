// The WebSocket from which the page gets its data: connects, reconnects by itself, and detects a server that no
// longer responds.

/** @import { Link } from "./link.js" */
/** @import { Hello, Status } from "./status.js" */
import { object } from "./checked.js";
import { localMs } from "./clock.js";
import { readHello, readPong, readStatus } from "./status.js";

const BACKOFF_S = [0.5, 1, 2, 4, 5]; // before each further attempt; the last one stays
const SILENCE_MS = 6000; // the server sends a status every second: after this the connection counts as dead
const SLOW_SILENCE_MS = 20_000; // on a link that is known to be slow: one picture may take that long
const STABLE_MS = 5000; // after a connection of this length the back-off starts again
const PINGS_AT_START = 5; // for a good estimate of the server's clock at once
const PING_GAP_MS = 80;
const GOING_AWAY = 1001; // https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
const SERVICE_RESTART = 1012; // https://www.iana.org/assignments/websocket
const TRY_AGAIN_LATER = 1013;
const RIGHT_ENDED = 4401;
/** @type {Record<number, string>} */
const CLOSE_REASONS = {
  [GOING_AWAY]: "The server is restarting.",
  [SERVICE_RESTART]: "The server is restarting.",
  [RIGHT_ENDED]: "You may no longer see these cameras.",
  [TRY_AGAIN_LATER]: "The server gave this place to another viewer.",
};

/**
 * @typedef {object} Handlers
 * @property {(hello: Hello) => void} onHello
 * @property {(status: Status) => void} onStatus
 * @property {(sentMs: number, receivedMs: number, serverUs: number) => void} onPong
 * @property {() => void} onOpen before the first ping of a connection
 * @property {() => void} onLost
 * @property {() => void} onDenied the viewer may see nothing, or nothing any more
 * @property {() => void} onChange the connection's state has changed
 */

/** The connection, and its state as the page shows it. */
export class Connection {
  /**
   * @param {URL} page address of the page's folder; everything else is relative to it
   * @param {Handlers} handlers
   * @param {(address: URL) => Link} open opens a WebSocket
   */
  constructor(page, handlers, open) {
    this.page = page;
    this.handlers = handlers;
    this.open = open;
    /** @type {"connecting" | "open" | "waiting"} `waiting` for the next attempt */
    this.state = "connecting";
    /** @type {Link | null} */
    this.socket = null;
    this.attempts = 0;
    this.retryAtMs = 0;
    this.heardMs = 0;
    this.openedMs = 0;
    this.lostMs = 0; // 0 if it was never lost, or is open again
    this.lostReason = "";
    this.full = false; // the viewer limit is reached
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retryTimer = undefined;
  }

  connect() {
    clearTimeout(this.retryTimer);
    this.state = "connecting";
    const address = new URL("ws", this.page);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = this.open(address);
    this.socket = socket;
    this.heardMs = this.openedMs = localMs();
    socket.onopen = () => this.opened(socket);
    socket.onmessage = (event) => this.received(socket, event.data);
    socket.onclose = (event) => socket === this.socket && this.lost(event.code, event.reason);
    this.handlers.onChange();
  }

  /** Connect now instead of at the end of the back-off. */
  retry() {
    if (this.state === "waiting") this.connect();
  }

  /**
   * Send a message, if the connection is open.
   * @param {string} message
   */
  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(message);
  }

  /** Note that something has arrived. */
  heard() {
    this.heardMs = localMs();
  }

  ping() {
    this.send(JSON.stringify({ type: "ping", t: localMs() }));
  }

  /**
   * Close a connection on which nothing has arrived for too long.
   * @param {{ slow: boolean }} link whether it is known to be slow
   */
  checkSilence({ slow }) {
    const mostMs = slow ? SLOW_SILENCE_MS : SILENCE_MS;
    if (this.state !== "waiting" && localMs() - this.heardMs > mostMs) this.lost(0, "The server does not respond.");
  }

  /** @param {Link} socket */
  opened(socket) {
    if (socket !== this.socket) return;
    this.heardMs = this.openedMs = localMs();
    this.handlers.onOpen();
    for (let i = 0; i < PINGS_AT_START; i++) setTimeout(() => socket === this.socket && this.ping(), i * PING_GAP_MS);
  }

  /**
   * @param {Link} socket
   * @param {string} text
   */
  received(socket, text) {
    if (socket !== this.socket) return;
    this.heard();
    this.receivedText(text);
  }

  /** @param {string} text */
  receivedText(text) {
    /** @type {Record<string, unknown>} */
    let message;
    try {
      message = object(JSON.parse(text));
    } catch (error) {
      console.warn("A message of the server is not JSON:", error);
      return;
    }
    if (message.type === "status") this.handlers.onStatus(readStatus(message));
    else if (message.type === "hello") this.greeted(readHello(message));
    else if (message.type === "pong") {
      const pong = readPong(message);
      if (pong) this.handlers.onPong(pong.t, this.heardMs, pong.now);
    }
  }

  /** @param {Hello} hello */
  greeted(hello) {
    this.state = "open";
    this.handlers.onHello(hello);
    this.lostMs = 0;
    this.handlers.onChange();
  }

  /**
   * @param {number} code of the close; 0: closed by the page
   * @param {string} reason
   */
  lost(code, reason) {
    const { socket } = this;
    this.socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
    const now = localMs();
    if (this.state === "open") {
      this.lostMs = now;
      if (now - this.openedMs > STABLE_MS) this.attempts = 0;
    }
    this.lostReason = CLOSE_REASONS[code] ?? reason;
    this.full = false;
    if (code === RIGHT_ENDED) this.handlers.onDenied();
    if (this.state === "connecting") this.checkForPlace();
    this.state = "waiting";
    const backoffS = BACKOFF_S[Math.min(this.attempts++, BACKOFF_S.length - 1)];
    const waitMs = backoffS * 1000 * (0.85 + 0.3 * Math.random());
    this.retryAtMs = now + waitMs;
    this.retryTimer = setTimeout(() => this.connect(), waitMs);
    this.handlers.onLost();
    this.handlers.onChange();
  }

  /**
   * Browsers hide why a handshake failed. If the server answers other requests, the viewer limit is reached (503); if
   * it refuses them too, the viewer has to log in again.
   */
  async checkForPlace() {
    try {
      const answer = await fetch(new URL("whoami", this.page), { cache: "no-store" });
      this.full = answer.ok && this.state === "waiting";
      if (answer.status === 401 || answer.status === 403) this.handlers.onDenied();
    } catch {
      return; // the server is gone
    }
    this.handlers.onChange();
  }
}
