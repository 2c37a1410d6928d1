/** Tidying up: columns from left to right, nothing on top of anything, groups with what was in them. */

import assert from "node:assert/strict";
import test from "node:test";

import { addGroup, addNode, addReroute, connect, moveNodes } from "../../web/static/js/model/commands.js";
import { layerBoxes } from "../../web/static/js/model/layers.js";
import { tidied } from "../../web/static/js/model/layout.js";
import { TITLE } from "../../web/static/js/model/nodes.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { contains, overlap } from "../../web/static/js/canvas/spatial.js";
import { DEFINITIONS, randomness } from "./catalogue.js";

/** @param {any} node @param {readonly [number, number]} position @returns {[number, number, number, number]} */
const boundsAt = (node, [x, y]) => [x, y - TITLE, node.size[0], node.size[1] + TITLE];

/** @param {Store} store @param {ReturnType<typeof tidied>} layout */
function assertTidy({ graph }, layout) {
  const all = [...layout.nodes].map(([id, position]) => boundsAt(graph.nodes.get(id), position));
  for (const [index, one] of all.entries()) for (const other of all.slice(index + 1)) assert.ok(!overlap(one, other), `${one} and ${other}`);
}

test("boxes of random graphs stand in order, apart, and links lead to the right", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = randomness(seed);
    const boxes = Array.from({ length: 25 }, (_, index) => ({ id: `${index}`, width: 50 + random() * 200, height: 40 + random() * 300 }));
    const edges = Array.from({ length: 40 }, () => {
      const from = Math.floor(random() * 24);
      return { from: `${from}`, to: `${from + 1 + Math.floor(random() * (24 - from))}`, out: 20, into: 20 };
    });
    const placed = layerBoxes(boxes, edges, { across: 50, down: 20 });
    const whole = boxes.map((box) => [...(placed.get(box.id) ?? []), box.width, box.height]);
    for (const [index, one] of whole.entries()) for (const other of whole.slice(index + 1)) assert.ok(!overlap(/** @type {any} */ (one), /** @type {any} */ (other)));
    for (const { from, to } of edges) {
      const right = (placed.get(from)?.[0] ?? 0) + boxes[Number(from)].width;
      assert.ok(right + 50 <= (placed.get(to)?.[0] ?? 0), `${from} to ${to}`);
    }
    assert.equal(Math.min(...whole.map(([, y]) => y)), 0);
  }
});

test("a circle is no trap, and a chain becomes a straight line", () => {
  const boxes = ["a", "b", "c"].map((id) => ({ id, width: 100, height: 60 }));
  const edge = (/** @type {string} */ from, /** @type {string} */ to) => ({ from, to, out: 30, into: 30 });
  const round = layerBoxes(boxes, [edge("a", "b"), edge("b", "c"), edge("c", "a")], { across: 10, down: 10 });
  assert.deepEqual([...round.values()], [[0, 0], [110, 0], [220, 0]]);
});

test("the start graph is tidy, its corner stays, groups hold what they held, reroutes lie between", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const node = (/** @type {string} */ key) => /** @type {any} */ (store.graph.nodeByKey(key));
  const [one, two] = [node("6"), node("7")];
  const link = /** @type {any} */ (store.graph.linkInto(node("8").id, "vae"));
  const { group, reroute } = store.run("set up", (change) => ({
    group: addGroup(change, "prompts", [one.position[0] - 20, one.position[1] - 80, 420, 420]), reroute: addReroute(change, link.id, [0, 0]),
  }));
  const layout = tidied(store.graph);
  assertTidy(store, layout);
  const frame = /** @type {any} */ (layout.groups.get(group.id));
  for (const held of [one, two]) assert.ok(contains(frame, boundsAt(held, /** @type {any} */ (layout.nodes.get(held.id)))));
  for (const other of store.graph.nodes.values()) {
    if (other.id !== one.id && other.id !== two.id) assert.ok(!overlap(frame, boundsAt(other, /** @type {any} */ (layout.nodes.get(other.id)))), other.key);
  }
  for (const { from, to } of store.graph.links.values()) {
    assert.ok((layout.nodes.get(from)?.[0] ?? 0) < (layout.nodes.get(to)?.[0] ?? 0));
  }
  const [x] = /** @type {any} */ (layout.reroutes.get(reroute.id));
  assert.ok(x > (layout.nodes.get(link.from)?.[0] ?? 0) && x < (layout.nodes.get(link.to)?.[0] ?? 0));
  const left = Math.min(...[...store.graph.nodes.values()].map((each) => each.position[0]), group.bounds[0]);
  assert.equal(Math.min(...[...layout.nodes.values(), ...layout.groups.values()].map(([each]) => each)), left);
});

test("of a selection only its nodes move, and its corner stays", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const made = store.run("three", (change) => {
    const sampler = /** @type {any} */ (DEFINITIONS.get("KSampler"));
    const nodes = [addNode(change, sampler, [900, 900]), addNode(change, sampler, [500, 950]), addNode(change, sampler, [520, 960])];
    connect(change, DEFINITIONS, nodes[1].id, 0, nodes[0].id, "latent_image");
    connect(change, DEFINITIONS, nodes[0].id, 0, nodes[2].id, "latent_image");
    return nodes;
  });
  const layout = tidied(store.graph, { ids: new Set(made.map(({ id }) => id)) });
  assert.deepEqual([layout.nodes.size, layout.groups.size, layout.reroutes.size], [3, 0, 0]);
  const [second, first, third] = made.map(({ id }) => layout.nodes.get(id) ?? [0, 0]);
  assert.ok(first[0] === 500 && first[0] < second[0] && second[0] < third[0]);
  store.run("move", (change) => moveNodes(change, layout.nodes));
  assertTidy(store, layout);
});
