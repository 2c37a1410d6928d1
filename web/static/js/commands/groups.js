/** Frames around nodes: make one, fit it to what is in it, and what to do with its nodes. */

/** @import { App } from "../app.js" */
/** @import { Command } from "./registry.js" */
/** @import { Bounds, Group } from "../model/types.js" */
/** @import { View } from "../canvas/view.js" */

import { addGroup, setGroup, setMode } from "../model/commands.js";
import { contains, union } from "../canvas/spatial.js";
import { openPicker } from "../ui/menu.js";
import { t } from "../words.js";

const USUAL_PADDING = 16;
const TITLE = 46;
export const PADDING = "groups.padding";

/** Quiet colours by name; the first takes the colour away. @type {readonly (readonly [string, string | null])[]} */
export const COLOURS = [
  ["none", null], ["red", "#c2564b"], ["orange", "#c98a3c"], ["yellow", "#b9a53b"], ["green", "#5d9a58"], ["teal", "#3d9488"],
  ["blue", "#4f7fc0"], ["purple", "#8a66b8"], ["grey", "#7d7d78"],
];

/** Asks for any colour. @param {string | null} now @param {(colour: string) => void} choose */
export async function chooseOther(now, choose) {
  const { askColour } = await import("../ui/owncolour.js");
  const colour = await askColour(now);
  if (colour !== null) choose(colour);
}

/**
 * Offers the colours in a list.
 * @param {number} x @param {number} y @param {string | null} now @param {(colour: string | null) => void} choose
 */
export function pickColour(x, y, now, choose) {
  const other = t("another…");
  const names = [...COLOURS.map(([name]) => t(name)), other];
  const value = names[COLOURS.findIndex(([, colour]) => colour === now)] ?? other;
  openPicker({ x, y, width: 140, options: names, value, label: t("Colour") }, (name) => {
    if (name === other) void chooseOther(now, choose);
    else choose(COLOURS[names.indexOf(name)][1]);
  });
}

/** @param {View} view @param {Group} group @returns {string[]} ids of the nodes that lie in it whole */
export function nodesInGroup(view, group) {
  return view.scene.nodesIn(group.bounds).filter((node) => contains(group.bounds, view.scene.shape(node).bounds)).map((node) => node.id);
}

/** @param {Bounds} bounds @param {number} padding @returns {Bounds} with room for a title and an edge */
function framed([x, y, width, height], padding) {
  const top = TITLE - USUAL_PADDING + padding;
  return [Math.round(x) - padding, Math.round(y) - top, Math.round(width) + 2 * padding, Math.round(height) + top + padding];
}

/** @param {App} app @param {Group} group */
export function fitGroup({ store, view, settings }, group) {
  const inner = [...store.graph.groups.values()].filter((one) => one.id !== group.id && contains(group.bounds, one.bounds));
  const nodes = nodesInGroup(view, group);
  const own = nodes.length > 0 ? view.scene.bounds(nodes) : null;
  const bounds = union([...(own ? [own] : []), ...inner.map((one) => one.bounds)]);
  if (bounds) store.run("Fit group", (change) => setGroup(change, group.id, { bounds: framed(bounds, settings.get(PADDING)) }));
}

/** @param {App} app @returns {Command[]} */
export function groupCommands(app) {
  const { store, view } = app;
  const chosen = () => (view.selectedGroup === null ? undefined : store.graph.groups.get(view.selectedGroup));
  const isChosen = () => chosen() !== undefined;
  app.settings.define({
    id: PADDING, label: t("Room around the nodes of a group"), category: t("Canvas"), kind: "number", fallback: USUAL_PADDING, minimum: 0, maximum: 100, step: 2,
  });
  const modes = /** @type {const} */ ([["normal", t("Run the nodes of the group")], ["bypass", t("Bypass the nodes of the group")], ["mute", t("Mute the nodes of the group")]]);
  return [
    {
      id: "group", label: t("Group"), keys: ["ctrl+g"], isEnabled: () => view.selection.size > 0, run: () => {
        const bounds = view.scene.bounds(view.selection);
        if (!bounds) return;
        const group = store.run("Group", (change) => addGroup(change, t("Group"), framed(bounds, app.settings.get(PADDING))));
        view.clearSelection();
        view.selectedGroup = group.id;
        view.dom.openGroup(group);
      },
    },
    {
      id: "fit-group", label: t("Fit the group to its contents"), isEnabled: isChosen, run: () => {
        const group = chosen();
        if (group) fitGroup(app, group);
      },
    },
    ...modes.map(([mode, label]) => ({
      id: `group-${mode}`, label, isEnabled: isChosen, run: () => {
        const group = chosen();
        if (group) store.run("Set mode of group", (change) => setMode(change, nodesInGroup(view, group), mode));
      },
    })),
  ];
}
