import assert from "node:assert/strict";
import { test } from "node:test";

import { Engine } from "../../video/page/engine.js";

/** @import { Notice } from "../../video/page/engine.js" */

/** A WebSocket whose server is the test. */
class FakeSocket {
  static OPEN = 1;
  /** @type {FakeSocket[]} */
  static all = [];
  readyState = 1;
  /** @type {string[]} */
  sent = [];
  /** @type {((event: { data: string | ArrayBuffer }) => void) | null} */
  onmessage = null;
  closed = false;
  constructor() {
    FakeSocket.all.push(this);
  }
  /** @param {string} text */
  send(text) {
    this.sent.push(text);
  }
  close() {
    this.closed = true;
  }
}

/**
 * @param {string} camera
 * @param {number} seq
 */
function frame(camera, seq) {
  const head = `{"camera": "${camera}", "run": 1, "seq": ${seq}, "captured_at": 5, "clock": "ok"}`;
  const bytes = new TextEncoder().encode(head);
  const data = new Uint8Array(4 + bytes.length);
  new DataView(data.buffer).setUint32(0, bytes.length);
  data.set(bytes, 4);
  return data.buffer;
}

function started() {
  FakeSocket.all = [];
  Object.assign(globalThis, {
    WebSocket: FakeSocket,
    createImageBitmap: async () => ({ width: 4, height: 3, close() {} }),
  });
  /** @type {Notice[]} */
  const told = [];
  const engine = new Engine(
    (notice) => told.push(notice),
    (draw) => draw(),
  );
  engine.handle({ type: "open", socket: 1, address: "ws://video.example/ws" });
  return { engine, told, socket: FakeSocket.all[0] };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("frames of the large picture are told at once, those of tiles together, and all are acknowledged", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { engine, told, socket } = started();
  engine.handle({ type: "select", camera: "front", width: 16, height: 9 });
  for (const [camera, seq] of /** @type {[string, number][]} */ ([
    ["yard", 1],
    ["gate", 1],
    ["yard", 2],
  ])) {
    socket.onmessage?.({ data: frame(camera, seq) });
    await turn();
  }
  assert.deepEqual([told.length, socket.sent.length], [0, 3]);

  context.mock.timers.tick(250);
  const [tiles] = told;
  assert.ok(tiles.type === "shown");
  assert.deepEqual(
    tiles.cameras.map(({ camera, head, pictures }) => [camera, head.seq, pictures.length]),
    [
      ["yard", "2", 2],
      ["gate", "1", 1],
    ],
  );
  socket.onmessage?.({ data: frame("front", 1) });
  await turn();
  assert.equal(told.length, 2);
  assert.equal(socket.sent[3], '{"type":"ack","camera":"front","run":1,"seq":1}');
});

test("a hidden page acknowledges frames and shows none", async () => {
  const { engine, told, socket } = started();
  engine.handle({ type: "hidden", hidden: true });
  socket.onmessage?.({ data: frame("front", 1) });
  socket.onmessage?.({ data: new ArrayBuffer(1) });
  await turn();

  assert.equal(socket.sent.length, 1);
  assert.deepEqual(
    told.map((notice) => notice.type),
    ["broken"],
  );
});

test("a new connection replaces the old one, whose frames are not told any more", async () => {
  const { engine, told, socket } = started();
  socket.onmessage?.({ data: frame("front", 1) });
  engine.handle({ type: "open", socket: 2, address: "ws://video.example/ws" });
  await turn();
  engine.handle({ type: "send", socket: 1, text: "late" });
  engine.handle({ type: "send", socket: 2, text: "ping" });

  assert.equal(socket.closed, true);
  assert.deepEqual(told, []);
  assert.deepEqual(FakeSocket.all[1].sent, ["ping"]);
});

test("texts come through with the number of their connection", () => {
  const { told, socket } = started();
  socket.onmessage?.({ data: "{}" });

  assert.deepEqual(told, [{ type: "text", socket: 1, text: "{}" }]);
});
