/* global process */
/** Processor times of the document model, without a screen: `node benchmarks/canvas/model.js [nodes]`. Reports medians, fails nothing. */

import { addNode, connect, moveNodes, setValue } from "../../web/static/js/model/commands.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { parseJson, writeJson } from "../../web/static/js/model/io/json.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { find } from "../../web/static/js/model/search.js";
import { Store } from "../../web/static/js/model/store.js";
import { Scene } from "../../web/static/js/canvas/scene.js";
import { DEFINITIONS } from "../../tests/canvas/catalogue.js";
import { gridWorkflow } from "./graph.js";

const count = Number(process.argv[2] ?? 1000);
const ROUNDS = 15;

/** @param {string} name @param {(round: number) => void} work @param {(round: number) => void} [after] */
function report(name, work, after) {
  const times = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = process.cpuUsage();
    work(round);
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / 1000);
    after?.(round);
  }
  times.sort((one, other) => one - other);
  const [median, worst] = [times[ROUNDS >> 1], times[ROUNDS - 1]].map((time) => time.toFixed(3).padStart(9));
  process.stdout.write(`${name.padEnd(34)}${median} ms   worst ${worst} ms\n`);
}

const json = gridWorkflow(count);
const text = writeJson(json);
const store = new Store(readWorkflow(json, DEFINITIONS).document, DEFINITIONS);
const scene = new Scene(store);
const nodes = [...store.graph.nodes.values()];
const middle = nodes[nodes.length >> 1];
const sampler = /** @type {any} */ (DEFINITIONS.get("KSampler"));

process.stdout.write(`${count} nodes, ${store.graph.links.size} links, ${(text.length / 1024).toFixed(0)} kB\n`);
report("read a file", () => readWorkflow(parseJson(text), DEFINITIONS));
report("index the scene", () => scene.rebuild());
report("record one value", (round) => store.run("set", (change) => setValue(change, middle.id, "steps", 100 + round)));
report("undo one value", () => store.undo(), () => store.redo());
report("record one move", (round) => store.run("move", (change) => moveNodes(change, new Map([[middle.id, [round, round]]]))));
report("undo one move", () => store.undo(), () => store.redo());
report("add a node", () => store.run("add", (change) => addNode(change, sampler, [0, 0])), () => store.undo());
report("make a link", () => store.run("link", (change) => connect(change, DEFINITIONS, nodes[0].id, 0, middle.id, "latent_image")), () => store.undo());
report("move every node", (round) => store.run("move", (change) => moveNodes(change, new Map(nodes.map((node) => [node.id, [round, 0]])))), () => store.undo());
report("export for the API", () => writePrompt(store.document, DEFINITIONS));
report("write the file", () => writeWorkflow(store.document, DEFINITIONS));
const entries = Array.from({ length: 3000 }, (_, index) => ({ item: index, fields: [`load image number ${index}`, `node${index}`, "image/loaders"] }));
report("search among 3,000 types", () => find(entries, "ld img"));
