/** What must hold of every document, whatever was read or done; and files that use everything a file can hold. */

/** @import { Document } from "../../web/static/js/model/document.js" */

import assert from "node:assert/strict";

/**
 * Fails where a document contradicts itself.
 * @param {Document} document @param {string} what
 */
export function assertSound(document, what) {
  const numbers = (/** @type {readonly number[]} */ list) => list.every((number) => Number.isFinite(number));
  for (const graph of document.graphs.values()) {
    const { nodes, links, reroutes, floating, groups } = graph;
    assert.equal(new Set([...nodes.values()].map((node) => node.key)).size, nodes.size, `${what}: two nodes have one key`);
    for (const node of nodes.values()) assert.ok(numbers([...node.position, ...node.size, node.z]), `${what}: place of node ${node.key}`);
    for (const group of groups.values()) assert.ok(numbers(group.bounds), `${what}: place of a group`);
    const [into, out] = [new Set(), new Set()];
    for (const { id, from, to, input, via } of links.values()) {
      assert.ok(nodes.has(from) && nodes.has(to), `${what}: a link without an end`);
      assert.equal(graph.linkInto(to, input)?.id, id, `${what}: two links end in one input`);
      assert.ok(graph.outgoing.get(from)?.has(id), `${what}: a link that its origin does not know`);
      assert.ok(via === null || reroutes.has(via), `${what}: a link by way of nothing`);
      into.add(id);
      out.add(id);
    }
    const known = [...graph.incoming.values()].flatMap((inputs) => [...inputs.values()]);
    const leaving = [...graph.outgoing.values()].flatMap((ids) => [...ids]);
    assert.deepEqual([known.length, leaving.length], [links.size, links.size], `${what}: the index holds what is gone`);
    for (const { from, to, via } of floating.values()) {
      assert.ok((from === null) !== (to === null) && nodes.has(from ?? to ?? ""), `${what}: a floating link without an end`);
      assert.ok(reroutes.has(via), `${what}: a floating link by way of nothing`);
    }
    for (const { id, parent, position } of reroutes.values()) {
      assert.ok(numbers(position), `${what}: place of a reroute`);
      const seen = new Set([id]);
      for (let next = parent; next !== null; next = reroutes.get(next)?.parent ?? null) {
        assert.ok(reroutes.has(next) && !seen.has(next), `${what}: reroutes lead nowhere or round in a circle`);
        seen.add(next);
      }
    }
  }
  assert.deepEqual([...document.subgraphs.keys(), "root"].sort(), [...document.graphs.keys()].sort(), `${what}: subgraphs and graphs`);
}

/** @param {any} fields */
const node = (fields) => ({ pos: [10, 20], size: [200, 100], flags: {}, order: 0, mode: 0, inputs: [], outputs: [], properties: {}, ...fields });

/** @param {string} name @param {string} type @param {number | null} link */
const input = (name, type, link) => ({ name, type, link });

/**
 * A file with three levels of subgraphs, two instances of one, reroutes, floating and hidden links, groups, an unknown type,
 * primitives, reroute nodes, notes, a form and models.
 * @returns {any}
 */
export function fullFile() {
  const latent = [{ name: "LATENT", type: "LATENT", links: [1] }];
  /** @param {string} id @param {string} inner @param {any} more */
  const wrapper = (id, inner, more) => ({
    id, version: 1, revision: 0, name: `Level ${id}`, state: { lastGroupId: 0, lastNodeId: 2, lastLinkId: 2, lastRerouteId: 0 }, config: {},
    inputNode: { id: -10, bounding: [-200, 0, 120, 60] }, outputNode: { id: -20, bounding: [500, 0, 120, 60] },
    inputs: [{ id: `${id}-width`, name: "width", type: "INT", linkIds: [1] }], outputs: [{ id: `${id}-out`, name: "LATENT", type: "LATENT", linkIds: [2] }],
    widgets: [], groups: [{ id: 1, title: "Inside", bounding: [0, 0, 50, 50] }],
    nodes: [node({ id: 2, type: inner, inputs: [{ ...input("width", "INT", 1), widget: { name: "width" } }], outputs: latent, ...more })],
    links: [
      { id: 1, origin_id: -10, origin_slot: 0, target_id: 2, target_slot: 0, type: "INT" },
      { id: 2, origin_id: 2, origin_slot: 0, target_id: -20, target_slot: 0, type: "LATENT", parentId: 1 },
    ],
    reroutes: [{ id: 1, pos: [300, 40], linkIds: [2] }],
  });
  return {
    id: "full", revision: 3, last_node_id: 20, last_link_id: 20, version: 0.4, config: { links_ontop: true }, models: [{ name: "m.safetensors", directory: "loras" }],
    nodes: [
      node({ id: 1, type: "c", inputs: [], outputs: latent, widgets_values: [128], properties: { previewExposures: [] } }),
      node({ id: 2, type: "c", inputs: [], outputs: [{ name: "LATENT", type: "LATENT", links: [2] }], widgets_values: [256], title: "Second" }),
      node({
        id: 3, type: "KSampler", inputs: [input("latent_image", "LATENT", 3), { ...input("steps", "INT", 6), widget: { name: "steps" } }],
        outputs: [{ name: "LATENT", type: "LATENT", links: [4] }], widgets_values: [5, "randomize", 30, 4.5, "heun", "karras", 0.5],
      }),
      node({ id: 4, type: "Reroute", inputs: [input("", "*", 1)], outputs: [{ name: "", type: "LATENT", links: [3] }] }),
      node({ id: 5, type: "VAEDecode", inputs: [input("samples", "LATENT", 4)], outputs: [{ name: "IMAGE", type: "IMAGE", links: [5] }], mode: 4 }),
      node({
        id: 6, type: "Pack.Unknown", inputs: [input("image", "IMAGE", 5), input("other", "LATENT", 2)], outputs: [{ name: "OUT", type: "ODD", links: [] }],
        widgets_values: [1, { deep: [2] }, "x"], widgets_values_named: { a: 1, b: { deep: [2] }, c: "x" }, properties: { cnr_id: "pack" }, color: "#232",
      }),
      node({ id: 7, type: "PrimitiveNode", outputs: [{ name: "INT", type: "INT", links: [6], widget: { name: "steps" } }], widgets_values: [17, "fixed"] }),
      node({ id: 8, type: "MarkdownNote", widgets_values: ["# words"], flags: { collapsed: true } }),
      node({ id: 9, type: "SaveImage", mode: 2, inputs: [input("images", "IMAGE", null)], widgets_values: { filename_prefix: "x" } }),
    ],
    links: [
      [1, 1, 0, 4, 0, "LATENT"], [2, 2, 0, 6, 1, "LATENT"], [3, 4, 0, 3, 0, "LATENT"], [4, 3, 0, 5, 0, "LATENT"], [5, 5, 0, 6, 0, "IMAGE"],
      [6, 7, 0, 3, 1, "INT"],
    ],
    floatingLinks: [{ id: 1, origin_id: 6, origin_slot: 0, target_id: -1, target_slot: -1, type: "ODD", parentId: 3 }],
    groups: [{ id: 1, title: "G", bounding: [0, 0, 400, 300], color: "#fff", font_size: 24 }],
    extra: {
      ds: { scale: 1, offset: [0, 0] }, linkExtensions: [{ id: 4, parentId: 2 }], linkPresentation: { 5: { hidden: true, label: "pictures" } },
      reroutes: [{ id: 1, pos: [1, 2], linkIds: [4] }, { id: 2, parentId: 1, pos: [3, 4], linkIds: [4] }, { id: 3, pos: [5, 6], linkIds: [], floating: { slotType: "output" } }],
      sfumato: { form: { title: "F", items: [{ kind: "row", items: [{ kind: "input", node: "3", name: "cfg" }] }, { kind: "output", node: "9" }] } },
    },
    definitions: {
      subgraphs: [
        wrapper("c", "b", { widgets_values: [64] }), wrapper("b", "a", { widgets_values: [96] }),
        wrapper("a", "EmptyLatentImage", { widgets_values: [640, 480, 1] }),
      ],
    },
  };
}
