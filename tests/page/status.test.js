import assert from "node:assert/strict";
import { test } from "node:test";

import { readHello, readPong, readStatus } from "../../video/page/status.js";

const FRONT = {
  id: "front",
  width: 640,
  height: 360,
  fps: 25,
  viewers: 1,
  state: "up",
  since: 5,
  reason: null,
  notice: null,
  title: "Front door",
  tags: ["outside"],
};

test("a status is taken over", () => {
  const status = readStatus({
    type: "status",
    cameras: [FRONT],
    services: [
      { service: "video", instance: "v1", state: "live", since: 7, documents: { ACCESSFILE: "line 3", X: 5 } },
    ],
    models: [{ name: "imagenet", state: "up", since: 3, version: 2, reason: null }],
    bus: { state: "ok", since: 1 },
    ledger: { front: { producer: { in: 5, out: 4, dropped: { stale: 1 }, lost_upstream: 0 } } },
    viewer: { front: { sent: 3, skipped: 1, ack_ms: 40 }, yard: { sent: 1, skipped: 0, ack_ms: null } },
  });

  assert.deepEqual(status.cameras, [FRONT]);
  const documents = [{ setting: "ACCESSFILE", mistake: "line 3" }];
  assert.deepEqual(status.services, [{ service: "video", instance: "v1", state: "live", since: 7, documents }]);
  const unknown = { kind: null, shadow: false, compareWith: null, rate: null, batch: null, ms: null };
  assert.deepEqual(status.models, [
    { ...unknown, name: "imagenet", state: "up", since: 3, version: "2", reason: null, compared: 0, agreement: null },
  ]);
  assert.deepEqual(status.bus, { state: "ok", since: 1 });
  assert.deepEqual(status.ledger.get("front")?.producer, { in: 5, out: 4, dropped: { stale: 1 }, lost_upstream: 0 });
  assert.deepEqual(status.viewer.get("front"), { sent: 3, skipped: 1, ack_ms: 40 });
  assert.equal(status.viewer.get("yard")?.ack_ms, null);
});

test("the figures of a model are numbers, or are not there", () => {
  const figures = { rate: 12.5, batch: 2.5, ms: 38, compared: 8, agreement: 0.75 };
  const said = { name: "m", state: "up", kind: "detection", shadow: true, compare_with: "n", ...figures };
  const nonsense = {
    rate: "1",
    batch: {},
    ms: null,
    compared: -0.5,
    agreement: 7,
    shadow: 1,
    kind: 5,
    compare_with: [],
  };

  const [model, other] = readStatus({ models: [said, { ...said, ...nonsense }] }).models;

  const { compare_with: _, ...same } = said;
  assert.deepEqual(model, { ...same, compareWith: "n", since: null, version: null, reason: null });
  assert.deepEqual([other.rate, other.batch, other.ms, other.kind, other.compareWith], [null, null, null, null, null]);
  assert.deepEqual([other.shadow, other.agreement], [false, 1]);
});

test("an entry that makes no sense is left out, the others are kept", () => {
  const status = readStatus({
    cameras: [null, { id: 5 }, FRONT, { id: "yard", state: 7, since: "x", fps: null, reason: ["a"] }],
    services: [{ service: "video" }, "x"],
    models: [{ name: "m" }, { name: "n", state: "up" }],
    bus: "ok",
    ledger: { front: { producer: { in: "5", dropped: { stale: "1" } }, consumer: null }, yard: 5 },
    viewer: [],
  });

  assert.deepEqual(
    status.cameras.map(({ id, state, since, reason }) => [id, state, since, reason]),
    [
      ["front", "up", 5, null],
      ["yard", "waiting", null, null],
    ],
  );
  assert.deepEqual(status.services, []);
  assert.deepEqual(
    status.models.map((model) => model.name),
    ["n"],
  );
  assert.deepEqual(status.bus, { state: "no report", since: null });
  const empty = { in: 0, out: 0, dropped: {}, lost_upstream: 0 };
  assert.deepEqual(status.ledger.get("front"), { producer: { ...empty, dropped: { stale: 0 } }, consumer: empty });
  assert.equal(status.viewer.size, 0);
});

test("names such as __proto__ are names", () => {
  const status = readStatus(JSON.parse('{"ledger": {"__proto__": {"producer": {"dropped": {"__proto__": 3}}}}}'));

  const dropped = status.ledger.get("__proto__")?.producer.dropped ?? {};
  assert.deepEqual(Object.keys(dropped), ["__proto__"]);
  assert.equal(Object.getPrototypeOf({}), Object.prototype);
});

test("greeting and pong are read leniently", () => {
  assert.deepEqual(readHello({ version: "1", instance: 5 }), { version: "1", instance: "" });
  assert.deepEqual(readPong({ t: 1.5, now: 2 }), { t: 1.5, now: 2 });
  assert.equal(readPong({ t: null, now: 2 }), null);
});
