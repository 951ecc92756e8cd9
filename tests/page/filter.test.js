import assert from "node:assert/strict";
import { test } from "node:test";

import { commonTags, matches } from "../../video/page/filter.js";

const FRONT = { id: "front", title: "Front door", tags: ["outside", "entrance"] };

test("every word must be in the id, the title or a tag, in any case", () => {
  for (const filter of ["", "  ", "front", "DOOR", "outside", "door outside", "out ent"]) {
    assert.equal(matches(FRONT, filter), true, filter);
  }
  for (const filter of ["yard", "door inside", "frontdoor"]) assert.equal(matches(FRONT, filter), false, filter);
});

test("a tag that all cameras have does not help to find one", () => {
  const cameras = [FRONT, { id: "yard", title: null, tags: ["outside", "outside"] }];

  assert.deepEqual(commonTags(cameras), ["entrance"]);
});

test("only the most common tags are offered", () => {
  const cameras = Array.from({ length: 100 }, (_, index) => ({
    id: `c${index}`,
    title: null,
    tags: [`own-${index}`, index % 2 ? "odd" : "even"],
  }));

  const tags = commonTags(cameras);
  assert.equal(tags.length, 12);
  assert.ok(tags.includes("odd") && tags.includes("even"));
});
