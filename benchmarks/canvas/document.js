/* global process */
/** Processor times of the document model against their targets: `node benchmarks/canvas/document.js`. Medians; fails nothing. */

import { addCopies, moveNodes, removeNodes, setValue } from "../../web/static/js/model/commands.js";
import { difference } from "../../web/static/js/model/diff.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { parseJson, writeJson } from "../../web/static/js/model/io/json.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { findMissing } from "../../web/static/js/model/missing.js";
import { makeSubgraph } from "../../web/static/js/model/nesting.js";
import { find } from "../../web/static/js/model/search.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS } from "../../tests/canvas/catalogue.js";
import { gridWorkflow } from "./graph.js";

const ROUNDS = 9;

/** @param {string} name @param {number | null} target milliseconds @param {(round: number) => void} work @param {(round: number) => void} [after] */
function report(name, target, work, after, rounds = ROUNDS) {
  const times = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = process.cpuUsage();
    work(round);
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / 1000);
    after?.(round);
  }
  times.sort((one, other) => one - other);
  const wish = target === null ? "" : `   target ${target} ms`;
  process.stdout.write(`  ${name.padEnd(36)}${times[rounds >> 1].toFixed(3).padStart(10)} ms${wish}\n`);
}

for (const count of [1000, 5000]) {
  const text = writeJson(gridWorkflow(count));
  const store = new Store(readWorkflow(parseJson(text), DEFINITIONS).document, DEFINITIONS);
  const nodes = [...store.graph.nodes.values()];
  const { id } = nodes[count >> 1];
  process.stdout.write(`${count} nodes, ${store.graph.links.size} links, ${(text.length / 1024).toFixed(0)} kB\n`);
  report("read a file", null, () => readWorkflow(parseJson(text), DEFINITIONS));
  report("record one value", 1, (round) => store.run("set", (change) => setValue(change, id, "steps", 100 + round)));
  report("undo one value", 5, () => store.undo(), () => store.redo());
  report("record one move", 1, (round) => store.run("move", (change) => moveNodes(change, new Map([[id, [round, round]]]))));
  report("undo one move", 5, () => store.undo(), () => store.redo());
  report("remove every second node", null, () => store.run("remove", (change) =>
    removeNodes(change, nodes.filter((_node, index) => index % 2).map((node) => node.id))), () => store.undo());
  report("copy every node", null, () => store.run("copy", (change) =>
    addCopies(change, nodes, [...store.graph.links.values()], [9, 9])), () => store.undo());
  report("put half into a subgraph", null, () => store.run("nest", (change) =>
    makeSubgraph(change, DEFINITIONS, nodes.slice(count >> 1).map((node) => node.id), "S")), () => store.undo());
  report("export for the API", count === 1000 ? 15 : null, () => writePrompt(store.document, DEFINITIONS));
  report("write the file", null, () => writeWorkflow(store.document, DEFINITIONS));
  report("what is missing", null, () => findMissing(store.document, store.definitions));
  const other = readWorkflow(parseJson(text), DEFINITIONS).document;
  report("difference to a copy", null, () => difference(other, store.document));
}

const entries = Array.from({ length: 3000 }, (_, index) =>
  ({ item: index, fields: [`load image number ${index}`, `node${index}`, "image/loaders"] }));
process.stdout.write("3000 node types\n");
for (const query of ["l", "ld img", "number 29"]) report(`search “${query}”`, 30, () => find(entries, query));

const huge = writeJson(gridWorkflow(60_000));
process.stdout.write(`60000 nodes, ${(huge.length / 1024 / 1024).toFixed(1)} MB\n`);
/** @type {Store | null} */
let store = null;
report("read a file", null, () => (store = new Store(readWorkflow(parseJson(huge), DEFINITIONS).document, DEFINITIONS)), undefined, 3);
report("export for the API", null, () => writePrompt(/** @type {Store} */ (store).document, DEFINITIONS), undefined, 3);
report("write the file", null, () => writeWorkflow(/** @type {Store} */ (store).document, DEFINITIONS), undefined, 3);
