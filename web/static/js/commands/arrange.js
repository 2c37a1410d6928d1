/** Commands that line nodes up, tidy the graph, colour nodes, and walk from node to node. */

/** @import { App } from "../app.js" */
/** @import { Command } from "./registry.js" */
/** @import { Placed } from "../model/arrange.js" */

import { aligned, distributed, neighbour } from "../model/arrange.js";
import { moveNodes, moveReroutes, setColor, setGroup } from "../model/commands.js";
import { isPinned } from "../model/looks.js";
import { inputPoint, outputPoint } from "../canvas/shape.js";
import { pickColour } from "./groups.js";
import { t } from "../words.js";

/** How far an arrow key moves the canvas while nothing is selected, in pixels. */
const STEP = 80;

/** @param {App} app @returns {Command[]} */
export function arrangeCommands(app) {
  const { store, view } = app;
  /** @param {Iterable<string>} ids @returns {Placed[]} */
  const placed = (ids) => [...ids].flatMap((id) => {
    const node = store.graph.nodes.get(id);
    return node && !isPinned(node) ? [{ id, position: node.position, bounds: view.scene.shape(node).bounds }] : [];
  });
  const several = (/** @type {number} */ least) => () => view.selection.size >= least;
  const sides = /** @type {const} */ ([
    ["left", t("Align left edges")], ["right", t("Align right edges")], ["top", t("Align upper edges")], ["bottom", t("Align lower edges")],
  ]);
  return [
    ...sides.map(([side, label]) => ({
      id: `align-${side}`, label, keys: [`alt+shift+arrow${{ left: "left", right: "right", top: "up", bottom: "down" }[side]}`],
      isEnabled: several(2),
      run: () => store.run(`Align ${side}`, (change) => moveNodes(change, aligned(placed(view.selection), side))),
    })),
    ...(/** @type {const} */ ([["across", 0, t("Spread evenly across")], ["down", 1, t("Spread evenly down")]])).map(([name, axis, label]) => ({
      id: `distribute-${name}`, label, keys: [name === "across" ? "alt+shift+x" : "alt+shift+y"], isEnabled: several(3),
      run: () => store.run("Spread", (change) => moveNodes(change, distributed(placed(view.selection), axis))),
    })),
    { id: "tidy", label: t("Tidy the graph up"), run: () => void tidy(app, false) },
    { id: "tidy-selection", label: t("Tidy the selection up"), keys: ["shift+t"], isEnabled: several(2), run: () => void tidy(app, true) },
    { id: "colour", label: t("Colour…"), isEnabled: () => view.selection.size > 0 || view.selectedGroup !== null, run: () => colourSelection(app) },
    ...walkCommands(app, placed),
  ];
}

/** Lays nodes out in columns; of the whole graph also groups and reroutes. @param {App} app @param {boolean} isPart */
async function tidy({ store, view }, isPart) {
  const { tidied } = await import("../model/layout.js");
  const { graph } = store;
  const shape = (/** @type {string} */ id) => view.scene.shape(/** @type {import("../model/types.js").Node} */ (graph.nodes.get(id)));
  const layout = tidied(graph, {
    ...(isPart ? { ids: view.selection } : {}),
    looks: {
      boundsOf: (node) => view.scene.shape(node).bounds,
      outOf: (link) => outputPoint(shape(link.from), link.slot)[1] - shape(link.from).bounds[1],
      intoOf: (link) => inputPoint(shape(link.to), link.input)[1] - shape(link.to).bounds[1],
    },
  });
  store.run("Tidy up", (change) => {
    moveNodes(change, layout.nodes);
    moveReroutes(change, layout.reroutes);
    for (const [id, bounds] of layout.groups) setGroup(change, id, { bounds });
  });
  if (!isPart) view.fit();
}

/** @param {App} app */
function colourSelection({ store, view }) {
  const ids = [...view.selection];
  const group = store.graph.groups.get(view.selectedGroup ?? "");
  const bounds = (group && ids.length === 0 ? group.bounds : view.scene.bounds(ids)) ?? [0, 0, 0, 0];
  const [x, y] = view.camera.toScreen(bounds[0], bounds[1]);
  const box = view.stage.getBoundingClientRect();
  pickColour(box.left + x, box.top + y + 34, (store.graph.nodes.get(ids[0]) ?? group)?.color ?? null, (color) => store.run("Colour", (change) => {
    if (ids.length > 0) setColor(change, ids, color);
    else if (group) setGroup(change, group.id, { color });
  }));
}

/**
 * Arrow keys go from node to node; while nothing is selected they move the canvas.
 * @param {App} app @param {(ids: Iterable<string>) => Placed[]} placed @returns {Command[]}
 */
function walkCommands({ store, view }, placed) {
  const show = (/** @type {string | null} */ id) => {
    const node = id === null ? undefined : store.graph.nodes.get(id);
    if (!node) return;
    view.select([node.id]);
    const [x, y, width, height] = view.scene.shape(node).bounds;
    const [left, top] = view.camera.toScreen(x, y);
    const { scale } = view.camera;
    const isSeen = left >= 0 && top >= 0 && left + width * scale <= view.width && top + height * scale <= view.height;
    if (!isSeen) view.camera.pan(view.width / 2 - (left + width * scale / 2), view.height / 2 - (top + height * scale / 2));
    view.redraw();
  };
  const first = () => [...store.graph.nodes.values()].sort((one, other) =>
    one.position[0] - other.position[0] || one.position[1] - other.position[1])[0]?.id ?? null;
  const go = (/** @type {0 | 1} */ axis, /** @type {1 | -1} */ sign) => {
    const [id] = view.selection;
    if (!id) {
      view.camera.pan(axis === 0 ? -sign * STEP : 0, axis === 1 ? -sign * STEP : 0);
      return view.look();
    }
    show(neighbour(placed(store.graph.nodes.keys()), id, axis, sign));
  };
  const directions = /** @type {const} */ ([
    ["left", 0, -1, t("Go to the node on the left")], ["right", 0, 1, t("Go to the node on the right")],
    ["up", 1, -1, t("Go to the node above")], ["down", 1, 1, t("Go to the node below")],
  ]);
  return [
    { id: "go-first", label: t("Go to the first node"), keys: ["home"], run: () => show(first()) },
    ...directions.map(([name, axis, sign, label]) => ({
      id: `go-${name}`, label,
      keys: [`arrow${name}`], run: () => go(axis, sign),
    })),
  ];
}
