import assert from "node:assert/strict";
import { test } from "node:test";

import { Cameras } from "../../video/page/cameras.js";
import { ServerClock } from "../../video/page/clock.js";
import { Connection } from "../../video/page/connection.js";
import { ViewerLag } from "../../video/page/lag.js";
import { rememberLedger } from "../../video/page/measures.js";
import { changes, notice } from "../../video/page/notice.js";
import { readStatus } from "../../video/page/status.js";

const NOW = 100_000;
const NOTHING = () => {};
const HANDLERS = {
  onHello: NOTHING,
  onStatus: NOTHING,
  onPong: NOTHING,
  onOpen: NOTHING,
  onLost: NOTHING,
  onDenied: () => {},
  onChange: NOTHING,
};
const LIVE = ["producer", "consumer", "video"].map((service) => ({ service, instance: "1", state: "live", since: 0 }));

/**
 * Return a page with an open connection and one camera.
 * @param {Record<string, unknown>} camera
 * @param {Record<string, unknown>} [rest] of the status
 */
function page(camera, rest = {}) {
  const connection = new Connection(new URL("http://video.example:8080/live/"), HANDLERS, () =>
    assert.fail("nothing connects"),
  );
  connection.state = "open";
  connection.heardMs = NOW;
  const bus = { state: "ok", since: 0 };
  const status = readStatus({ cameras: [{ id: "front", state: "up", ...camera }], services: LIVE, bus, ...rest });
  const cameras = new Cameras();
  cameras.update(status.cameras, NOW);
  cameras.choose();
  return { connection, cameras, clock: new ServerClock(), lag: new ViewerLag(), status, statusMs: NOW, hello: null };
}

test("a camera that is down is named with the time since and the reason", () => {
  const view = page({ state: "down", notice: "CAMERA DOWN", since: (NOW - 5000) * 1000, reason: "connection refused" });

  assert.deepEqual(notice(view, NOW), { title: "CAMERA DOWN", bad: true, text: "For 5 s. Connection refused." });
});

test("a picture that is too large for the bus is named with the producer's reason", () => {
  const reason =
    "a picture of 1.3 MB does not fit on the bus, which takes 1.0 MB: lower QUALITY or raise max.message.bytes";
  const view = page({ state: "down", notice: "CAMERA DOWN", since: (NOW - 5000) * 1000, reason });

  assert.match(notice(view, NOW)?.text ?? "", /A picture of 1.3 MB .* max.message.bytes\.$/);
});

test("a camera whose pictures are dropped as too large is not merely waited for", () => {
  const view = page({});
  const camera = view.cameras.known("front");
  /** @param {number} too_large */
  const ledger = (too_large) => ({ producer: { in: 9, out: 0, dropped: { too_large }, lost_upstream: 0 } });
  rememberLedger(camera, ledger(5), NOW - 2000);
  assert.equal(notice(view, NOW)?.title, "Waiting for the first picture");

  rememberLedger(camera, ledger(30), NOW - 1000);
  const shown = notice(view, NOW);
  assert.equal(shown?.title, "PICTURE TOO LARGE");
  assert.match(shown?.text ?? "", /larger than the broker accepts/);

  camera.shownMs = NOW - 100; // smaller pictures in between are live
  assert.notEqual(notice(view, NOW)?.title, "PICTURE TOO LARGE");
});

test("a reason of any length is cut", () => {
  const view = page({ state: "down", notice: "CAMERA DOWN", reason: "x".repeat(100_000) });

  assert.ok((notice(view, NOW)?.text ?? "").length < 250);
});

test("a service that is gone is blamed since it was last heard, without the camera's reason", () => {
  const services = [{ service: "producer", instance: "1", state: "silent", since: (NOW - 61_000) * 1000 }];
  const view = page({ state: "down", notice: "PRODUCER DOWN", since: 1, reason: "no frame for 60 s" }, { services });

  assert.deepEqual(notice(view, NOW), { title: "PRODUCER DOWN", bad: true, text: "For 1 min 01 s." });
});

test("nothing is written over a picture that is live, nor over a page that nobody sees", () => {
  const view = page({});
  assert.equal(notice(view, NOW)?.title, "Waiting for the first picture");
  assert.equal(notice(view, NOW, { hidden: true }), null);
});

test("without a camera the parts that are missing are named", () => {
  const view = page({}, { cameras: [], services: LIVE.slice(1), models: [{ name: "m", state: "waiting" }] });

  const shown = notice(view, NOW);

  assert.equal(shown?.text, "Waiting for a producer to report on the bus.");
  assert.deepEqual(
    shown?.steps?.map((step) => step.state),
    ["ok", "no report", "live", "waiting"],
  );
});

test("a lost connection is named with the time until the next attempt", () => {
  const view = page({});
  Object.assign(view.connection, { state: "waiting", lostMs: NOW - 4000, retryAtMs: NOW + 1500 });

  const shown = notice(view, NOW);
  assert.deepEqual([shown?.title, shown?.text, shown?.retry], ["Disconnected", "For 4 s. Retrying in 2 s.", true]);

  view.connection.full = true;
  assert.equal(notice(view, NOW)?.title, "The viewer limit is reached");
});

test("a server that falls silent is named before the connection is given up", () => {
  const view = page({});

  assert.equal(notice(view, NOW + 4000)?.title, "The server does not respond");
});

test("state changes are read out, and only those", () => {
  const before = page({}).status;
  const after = page({ state: "down", notice: "CAMERA DOWN" }).status;

  assert.equal(changes(null, before), "");
  assert.equal(changes(before, before), "");
  assert.equal(changes(before, after), "Camera front: camera down.");
});

test("what changes in the same way is announced in one sentence", () => {
  /** @param {string} state */
  const all = (state) =>
    readStatus({
      cameras: Array.from({ length: 16 }, (_, index) => ({ id: `c${index}`, title: `Gate ${index}`, state })),
    });

  assert.equal(changes(all("up"), all("down")), "Cameras Gate 0, Gate 1, Gate 2 and 13 more: down.");
});

test("silence on a link that is known to be slow is not blamed on the server", () => {
  const view = page({});
  assert.equal(notice(view, NOW + 5000)?.title, "The server does not respond");

  view.lag.slow = { cause: "connection", ms: 900 };
  assert.deepEqual(notice(view, NOW + 5000), { title: "Slow connection", text: "Nothing has arrived for 5 s." });
});
