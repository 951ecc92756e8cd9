import assert from "node:assert/strict";
import { test } from "node:test";

import { linkTimes, readWhoami, viewerDetail, viewerText } from "../../video/page/whoami.js";

const GUARD = {
  name: "Ann",
  role: "guard",
  by: "login",
  cameras: ["front", "yard"],
  expires_at: null,
  may_share: true,
  longest_link_s: 86400,
  login: { oidc: true, token: false },
  open: false,
  loopback: false,
};

test("a viewer sees its name, its role and its cameras", () => {
  const viewer = readWhoami(GUARD);

  assert.equal(viewerText(viewer), "Ann · guard");
  assert.equal(viewerDetail(viewer), "Cameras: front, yard.");
});

test("the page says that it is open to everyone only if others than this machine reach it", () => {
  const open = { role: "everyone", by: "nobody", open: true };

  assert.equal(viewerText(readWhoami({ ...open, loopback: false })), "Open to everyone");
  assert.equal(viewerText(readWhoami({ ...open, loopback: true })), null);
});

test("a link may be valid for as long as the server allows", () => {
  const texts = (/** @type {number} */ longest) =>
    linkTimes(readWhoami({ ...GUARD, longest_link_s: longest })).map(({ text }) => text);

  assert.deepEqual(texts(86400), ["15 minutes", "1 hour", "8 hours", "1 day"]);
  assert.deepEqual(texts(60), ["60 seconds"]);
});

test("an answer that makes no sense is that of a stranger", () => {
  for (const answer of [null, "x", [], { cameras: [1, {}], login: 7, expires_at: "soon" }]) {
    const viewer = readWhoami(answer);

    assert.deepEqual([viewer.by, viewer.cameras, viewer.mayShare, viewer.exposed], ["nobody", [], false, false]);
  }
});
