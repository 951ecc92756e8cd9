import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection } from "../../video/page/connection.js";

/** @import { Handlers } from "../../video/page/connection.js" */

const NOTHING = () => {};
/** @type {Handlers} */
const HANDLERS = {
  onHello: NOTHING,
  onStatus: NOTHING,
  onPong: NOTHING,
  onOpen: NOTHING,
  onLost: NOTHING,
  onDenied: NOTHING,
  onChange: NOTHING,
};

/** @param {Partial<Handlers>} [handlers] */
function opened(handlers) {
  const connection = new Connection(new URL("http://video.example/"), { ...HANDLERS, ...handlers }, () =>
    assert.fail("nothing connects"),
  );
  connection.receivedText('{"type": "hello", "version": "1", "instance": "a"}');
  return connection;
}

/**
 * Lose the connection, without the next attempt.
 * @param {Connection} connection
 * @param {number} code
 */
function lose(connection, code) {
  connection.lost(code, "as the server says");
  clearTimeout(connection.retryTimer);
}

test("a lost connection says why", () => {
  const reasons = [1006, 1012, 1013].map((code) => {
    const connection = opened();
    lose(connection, code);
    return connection.lostReason;
  });

  assert.deepEqual(reasons, [
    "as the server says",
    "The server is restarting.",
    "The server gave this place to another viewer.",
  ]);
});

test("a viewer whose right has ended is sent to the login", () => {
  let denied = 0;
  const connection = opened({ onDenied: () => denied++ });
  lose(connection, 1006);
  assert.equal(denied, 0);

  connection.receivedText('{"type": "hello", "version": "1", "instance": "a"}');
  lose(connection, 4401);

  assert.equal(denied, 1);
  assert.equal(connection.lostReason, "You may no longer see these cameras.");
});

test("attempts come later and later, up to about five seconds", () => {
  const connection = opened();
  const waits = Array.from({ length: 7 }, () => {
    lose(connection, 1006);
    return connection.retryAtMs - (performance.timeOrigin + performance.now());
  });

  assert.ok(waits[0] < 600 && waits[1] < 1200, `${waits}`);
  assert.ok(waits[5] > 3500 && waits[6] < 5800, `${waits}`);
});

test("a text that is not JSON, or of an unknown type, changes nothing", (context) => {
  context.mock.method(console, "warn", NOTHING);
  const connection = opened({ onStatus: () => assert.fail("not a status") });

  for (const text of ["", "{", "null", "[]", '{"type": "toString"}', '{"type": 5}', '{"type": "pong", "t": "x"}']) {
    connection.receivedText(text);
  }

  assert.equal(connection.state, "open");
});

test("a status that is cut short reaches the page as an empty one", () => {
  /** @type {number[]} */
  const seen = [];
  const connection = opened({ onStatus: (status) => seen.push(status.cameras.length) });

  connection.receivedText('{"type": "status"}');
  connection.receivedText('{"type": "status", "cameras": [{"id": "front"}, null]}');

  assert.deepEqual(seen, [0, 1]);
});
