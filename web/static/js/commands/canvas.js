/** Commands of the canvas itself: what the pointer is for, how links are drawn, how nodes look, moving by keys. */

/** @import { App } from "../app.js" */
/** @import { Command } from "./registry.js" */
/** @import { Point } from "../model/types.js" */

import { moveNodes, moveReroutes, setHidden } from "../model/commands.js";
import { isPinned, setPinned, setShape } from "../model/looks.js";
import { connectNodes, removeNodesBridged } from "../model/wiring.js";
import { inputPoint, outputPoint } from "../canvas/shape.js";
import { t } from "../words.js";

/** @param {App} app @returns {Command[]} */
export function canvasCommands(app) {
  const { view } = app;
  const mode = (/** @type {"select" | "hand"} */ wanted) => () => {
    view.mode = wanted;
    app.chart.showCursor();
    view.look();
  };
  return [
    { id: "mode-select", label: t("Select with the pointer"), keys: ["v"], run: mode("select") },
    { id: "mode-hand", label: t("Move the canvas with the pointer"), keys: ["h"], run: mode("hand") },
    {
      id: "zoom-100", label: t("Zoom to 100 %"), keys: ["alt+0"], run: () => {
        view.camera.zoom(1 / view.camera.scale, [view.width / 2, view.height / 2]);
        view.look();
      },
    },
    ...panCommands(app), ...linkCommands(app), ...nodeCommands(app),
  ];
}

const DIRECTIONS = /** @type {const} */ ([["left", -1, 0], ["right", 1, 0], ["up", 0, -1], ["down", 0, 1]]);

/** @param {App} app @returns {Command[]} */
function panCommands({ store, view }) {
  const step = 80;
  return DIRECTIONS.flatMap(([name, across, down]) => [
    {
      id: `pan-${name}`, label: t("Move the canvas {direction}", { direction: name }), keys: [`shift+arrow${name}`], run: () => {
        view.camera.pan(-across * step, -down * step);
        view.look();
      },
    },
    {
      id: `nudge-${name}`, label: t("Move the selection {direction}", { direction: name }), keys: [`ctrl+arrow${name}`],
      isEnabled: () => view.selection.size + view.chosenReroutes.size > 0, run: () => {
        const by = view.choices.grid;
        const moved = (/** @type {Point} */ [x, y]) => /** @type {Point} */ ([x + across * by, y + down * by]);
        const nodes = [...view.selection].flatMap((id) => store.graph.nodes.get(id) ?? []).filter((node) => !isPinned(node));
        const points = [...view.chosenReroutes].flatMap((id) => store.graph.reroutes.get(id) ?? []);
        store.run("Move", (change) => {
          moveNodes(change, new Map(nodes.map((node) => [node.id, moved(node.position)])));
          moveReroutes(change, new Map(points.map((point) => [point.id, moved(point.position)])));
        }, "nudge");
      },
    },
  ]);
}

/** @param {App} app @returns {Command[]} */
function linkCommands(app) {
  const { store, view, settings } = app;
  const touched = () => [...store.graph.links.values()].filter((link) => view.selectedLink === link.id ||
    view.selection.has(link.from) || view.selection.has(link.to));
  return [
    {
      id: "hide-links", label: t("Hide or show the links of the selection"), keys: ["shift+h"], isEnabled: () => touched().length > 0, run: () => {
        const links = touched();
        const hidden = links.some((link) => !link.hidden);
        store.run(hidden ? "Hide links" : "Show links", (change) => setHidden(change, links.map(({ id }) => id), hidden));
      },
    },
    {
      id: "show-links", label: t("Show all hidden links"), isEnabled: () => [...store.graph.links.values()].some((link) => link.hidden),
      run: () => store.run("Show links", (change) => setHidden(change, store.graph.links.keys(), false)),
    },
    {
      id: "focus-links", label: t("Only links of the selection"), keys: ["shift+f"], run: () => {
        view.isFocused = !view.isFocused;
        view.redraw();
      },
    },
    {
      id: "toggle-links", label: t("Hide or show all links"), run: () => {
        const shown = settings.get("canvas.links") === "hidden" ? "spline" : "hidden";
        settings.set("canvas.links", shown);
      },
    },
    { id: "connect-selected", label: t("Connect the selected nodes"), keys: ["f"], isEnabled: () => view.selection.size > 1, run: () => connectSelected(app) },
    { id: "straighten", label: t("Straighten the links of the selection"), keys: ["shift+q"], isEnabled: () => view.selection.size > 0, run: () => straighten(app) },
  ];
}

/** Links the selected nodes from left to right, each with the next. @param {App} app */
function connectSelected({ store, view, actions }) {
  const nodes = [...view.selection].flatMap((id) => store.graph.nodes.get(id) ?? []).sort((one, other) => one.position[0] - other.position[0]);
  actions.attempt("Connect", (change) => {
    for (const [index, node] of nodes.slice(1).entries()) connectNodes(change, store.definitions, nodes[index].id, node.id);
  });
}

/** Moves the selected nodes up or down until the first link into each is level. @param {App} app */
function straighten({ store, view }) {
  const nodes = [...view.selection].flatMap((id) => store.graph.nodes.get(id) ?? []).sort((one, other) => one.position[0] - other.position[0]);
  /** @type {Map<string, Point>} */
  const moved = new Map();
  const inside = nodes.length > 1;
  for (const node of nodes) {
    const link = store.graph.linksInto(node.id).find(({ from }) => !inside || view.selection.has(from));
    const origin = link && store.graph.nodes.get(link.from);
    if (!link || !origin || isPinned(node)) continue;
    const lifted = (moved.get(origin.id)?.[1] ?? origin.position[1]) - origin.position[1];
    const from = outputPoint(view.scene.shape(origin), link.slot)[1] + lifted;
    moved.set(node.id, [node.position[0], Math.round(node.position[1] + from - inputPoint(view.scene.shape(node), link.input)[1])]);
  }
  store.run("Straighten", (change) => moveNodes(change, moved));
}

/** @param {App} app @returns {Command[]} */
function nodeCommands({ store, view }) {
  const chosen = () => view.selection.size > 0;
  const shapes = /** @type {const} */ ([["usual", t("Usual corners")], ["box", t("Square corners")], ["round", t("Round corners")], ["card", t("Corners of a card")]]);
  return [
    {
      id: "pin", label: t("Pin or unpin"), keys: ["p"], isEnabled: chosen, run: () => {
        const all = [...view.selection].every((id) => isPinned(store.graph.nodes.get(id)));
        store.run(all ? "Unpin" : "Pin", (change) => setPinned(change, view.selection, !all));
      },
    },
    {
      id: "delete-bridged", label: t("Delete and join the links"), keys: ["ctrl+delete", "ctrl+backspace"], isEnabled: chosen,
      run: () => store.run("Delete", (change) => removeNodesBridged(change, store.definitions, [...view.selection])),
    },
    ...shapes.map(([shape, label]) => ({
      id: `shape-${shape}`, label, isEnabled: chosen,
      run: () => store.run("Shape", (change) => setShape(change, view.selection, shape)),
    })),
  ];
}
