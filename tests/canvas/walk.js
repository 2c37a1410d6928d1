/** Random commands on a store, for property tests. */

/** @import { Store } from "../../web/static/js/model/store.js" */

import * as commands from "../../web/static/js/model/commands.js";
import { makeSubgraph, unpackSubgraph } from "../../web/static/js/model/nesting.js";
import { slotsOf } from "../../web/static/js/model/slots.js";
import { holdsSubgraph } from "../../web/static/js/model/subgraphs.js";
import { checkLink } from "../../web/static/js/model/validate.js";
import { pick } from "./catalogue.js";

/**
 * Every record of a document in a form that can be compared.
 * @param {Store} store
 * @returns {any}
 */
export function snapshot(store) {
  const sorted = (/** @type {Map<string, any>} */ records) => [...records].sort(([one], [other]) => (one < other ? -1 : 1));
  const { document } = store;
  const graphs = sorted(document.graphs).map(([id, { nodes, links, groups, reroutes, floating, incoming, outgoing }]) => {
    const index = [...incoming].flatMap(([node, inputs]) => [...inputs].map(([input, link]) => `${node} ${input} ${link}`)).sort();
    const leaving = [...outgoing].flatMap(([node, ids]) => [...ids].map((link) => `${node} ${link}`)).sort();
    const rest = { reroutes: sorted(reroutes), floating: sorted(floating) };
    return { id, nodes: sorted(nodes), links: sorted(links), groups: sorted(groups), ...rest, index, leaving };
  });
  return structuredClone({ graphs, subgraphs: sorted(document.subgraphs), meta: sorted(document.meta) });
}

/**
 * Runs one random command.
 * @param {Store} store @param {() => number} random
 */
export function step(store, random) {
  const { graph, document } = store;
  const nodes = [...graph.nodes.values()];
  const instances = nodes.filter((node) => document.subgraphs.has(node.type));
  const some = nodes.filter(() => random() < 0.3).map((node) => node.id);
  const gesture = pick(random, [null, null, `drag:${Math.floor(random() * 3)}`, `text:${Math.floor(random() * 3)}`]);
  const moves = {
    add: () => store.run("add", (change) => commands.addNode(change, pick(random, addable(store)), place(random))),
    remove: () => random() < 0.3 && store.run("remove", (change) => commands.removeNodes(change, some)),
    move: () => store.run("move", (change) => commands.moveNodes(change, new Map(some.map((id) => [id, place(random)]))), gesture),
    raise: () => store.run("raise", (change) => commands.raiseNodes(change, some), gesture),
    connect: () => connectAny(store, random, gesture),
    disconnect: () => store.run("cut", (change) =>
      commands.removeLinks(change, [...graph.links.keys()].filter(() => random() < 0.2)), gesture),
    reroute: () => graph.links.size > 0 && store.run("reroute", (change) =>
      commands.addReroute(change, pick(random, [...graph.links.keys(), ...graph.reroutes.keys()]), place(random))),
    unroute: () => store.run("unroute", (change) =>
      commands.removeReroutes(change, [...graph.reroutes.keys()].filter(() => random() < 0.3)), gesture),
    lead: () => store.run("lead", (change) =>
      commands.moveReroutes(change, new Map([...graph.reroutes.keys()].map((id) => [id, place(random)]))), gesture),
    hide: () => store.run("hide", (change) => commands.setHidden(change, graph.links.keys(), random() < 0.5)),
    mode: () => store.run("mode", (change) => commands.setMode(change, some, pick(random, ["normal", "mute", "bypass"]))),
    fold: () => store.run("fold", (change) => commands.setCollapsed(change, some, random() < 0.5)),
    copy: () => nodes.length < 40 && store.run("copy", (change) =>
      commands.addCopies(change, some.map((id) => change.node(id)), [...graph.links.values()], [20, 20])),
    value: () => setAny(store, random, gesture),
    group: () => store.run("group", (change) => commands.addGroup(change, "g", [0, 0, 100 * random(), 50])),
    nest: () => nodes.length > 2 && document.subgraphs.size < 5 && some.some((id) => !commands.isBoundary(graph.nodes.get(id))) &&
      store.run("nest", (change) => makeSubgraph(change, store.catalogue, some, "S")),
    unpack: () => random() < 0.5 && instances.length > 0 &&
      store.run("unpack", (change) => unpackSubgraph(change, store.catalogue, pick(random, instances).id)),
    enter: () => instances.length > 0 && store.show([...store.path, pick(random, instances).id]),
    leave: () => store.path.length > 0 && store.show(store.path.slice(0, -1)),
    socket: () => removeAnySocket(store, random),
    name: () => store.run("name", (change) => commands.setName(change, `w${Math.floor(random() * 9)}`)),
    title: () => nodes.length > 0 && store.run("title", (change) => commands.setTitle(change, pick(random, nodes).id, pick(random, [null, "T"]))),
  };
  pick(random, Object.values(moves))();
}

/** @param {Store} store what the search box offers */
function addable({ document, definitions, graphId }) {
  return [...definitions.values()].filter((definition) => !commands.isBoundary(definition) &&
    !(definition.isSubgraph && holdsSubgraph(document, definition.type, graphId)));
}

/** @param {Store} store @param {() => number} random */
function removeAnySocket(store, random) {
  const ends = [...store.graph.nodes.values()].filter((node) => node.inputs.length + node.outputs.length > 0 && commands.isBoundary(node));
  if (random() > 0.3 || ends.length === 0) return;
  const { id, inputs, outputs } = pick(random, ends);
  store.run("socket", (change) => commands.removeSocket(change, id, Math.floor(random() * (inputs.length + outputs.length))));
}

/** @param {() => number} random @returns {[number, number]} */
function place(random) {
  return [Math.round(random() * 2000), Math.round(random() * 2000)];
}

/** @param {Store} store @param {() => number} random @param {string | null} gesture */
function connectAny(store, random, gesture) {
  const { graph, definitions } = store;
  const nodes = [...graph.nodes.values()];
  for (let tries = 0; tries < 12 && nodes.length > 1; tries += 1) {
    const from = pick(random, nodes);
    const to = pick(random, nodes);
    const output = pick(random, slotsOf(definitions, from).outputs);
    const input = pick(random, slotsOf(definitions, to).inputs);
    if (!output || !input || !checkLink(graph, definitions, from.id, output.index, to.id, input.name).ok) continue;
    store.run("connect", (change) => commands.connect(change, definitions, from.id, output.index, to.id, input.name), gesture);
    return;
  }
}

/** @param {Store} store @param {() => number} random @param {string | null} gesture */
function setAny(store, random, gesture) {
  const node = pick(random, [...store.graph.nodes.values()]);
  if (!node) return;
  const inputs = slotsOf(store.definitions, node).inputs.filter((slot) => slot.widget);
  const input = pick(random, inputs);
  if (!input?.widget) return;
  /** @type {Record<string, any>} */
  const values = { int: 7, float: random(), combo: "other", string: "text", text: `a\n${random()}`, toggle: random() < 0.5 };
  const value = values[input.widget.kind];
  store.run("set", (change) => commands.setValue(change, node.id, input.name, value), gesture);
  if (input.widget.seeded) {
    store.run("control", (change) => commands.setControl(change, node.id, input.name, pick(random, ["fixed", "randomize", "increment"])));
  }
}
