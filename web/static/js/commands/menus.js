/** Menus of links, reroutes and groups, and the menu of node types that a link dropped on nothing offers. */

/** @import { App } from "../app.js" */
/** @import { Group, Link, Reroute } from "../model/types.js" */
/** @import { Hit } from "../canvas/hit.js" */
/** @import { Item } from "../ui/menu.js" */

import { addReroute, removeLinks, removeReroutes, setGroup, setHidden, setMode } from "../model/commands.js";
import { chainOf } from "../model/reroutes.js";
import { openPicker } from "../ui/menu.js";
import { t } from "../words.js";
import { fitGroup, nodesInGroup, pickColour } from "./groups.js";

/** Sizes of the titles of groups, as files hold them. */
const TITLE_SIZES = [14, 20, 24, 32, 48, 64, 96];
const USUAL_SIZE = 20;

/**
 * @param {App} app @param {Extract<Hit, {kind: "link"}>} hit @param {readonly [number, number]} at on the canvas
 * @returns {Item[]}
 */
export function linkItems({ store, view }, { link, segment }, at) {
  const others = store.graph.linksFrom(link.from).filter((one) => one.slot === link.slot);
  const hide = (/** @type {readonly Link[]} */ links, /** @type {boolean} */ hidden) => () =>
    store.run(hidden ? "Hide links" : "Show links", (change) => setHidden(change, links.map(({ id }) => id), hidden));
  return [
    {
      label: t("Add a reroute"), keys: "Alt", run: () => {
        const end = chainOf(store.graph, link.via)[segment]?.id ?? link.id;
        const position = /** @type {const} */ ([Math.round(at[0]), Math.round(at[1])]);
        const reroute = store.run("Add reroute", (change) => addReroute(change, end, position));
        view.select([], false, [reroute.id]);
      },
    },
    { label: link.hidden ? t("Show the link") : t("Hide the link"), run: hide([link], !link.hidden) },
    ...(others.length > 1 ? [{ label: link.hidden ? t("Show all links of this output") : t("Hide all links of this output"), run: hide(others, !link.hidden) }] : []),
    null,
    { label: t("Delete link"), keys: "Delete", run: () => void store.run("Disconnect", (change) => removeLinks(change, [link.id])) },
  ];
}

/** @param {App} app @param {Reroute} reroute @returns {Item[]} */
export function rerouteItems({ store }, reroute) {
  return [{ label: t("Remove the reroute"), keys: "Delete", run: () => void store.run("Remove reroute", (change) => removeReroutes(change, [reroute.id])) }];
}

/** @param {App} app @param {Group} group @param {number} x @param {number} y of the menu @returns {Item[]} */
export function groupItems(app, group, x, y) {
  const { store, view } = app;
  const nodes = () => nodesInGroup(view, group);
  const mode = (/** @type {import("../model/types.js").NodeMode} */ wanted, /** @type {string} */ label) =>
    ({ label, run: () => store.run("Set mode of group", (change) => setMode(change, nodes(), wanted)) });
  return [
    { label: t("Rename group"), run: () => app.actions.renameGroup(group) },
    { label: t("Fit to contents"), run: () => fitGroup(app, group) },
    { label: t("Select what is in it"), run: () => view.select(nodes()) },
    { label: t("Colour…"), run: () => pickColour(x, y, group.color, (color) => store.run("Colour", (change) => setGroup(change, group.id, { color }))) },
    { label: t("Size of the title…"), run: () => pickTitleSize(app, group, x, y) },
    null,
    mode("normal", t("Run these nodes")), mode("bypass", t("Bypass these nodes")), mode("mute", t("Mute these nodes")),
    null,
    ...app.commands.items(["delete"]),
  ];
}

/** @param {App} app @param {Group} group @param {number} x @param {number} y */
function pickTitleSize({ store }, group, x, y) {
  const value = Number(group.kept.font_size) || USUAL_SIZE;
  openPicker({ x, y, width: 140, options: TITLE_SIZES, value, label: t("Size of the title…") }, (size) =>
    store.run("Size of title", (change) => setGroup(change, group.id, { kept: { ...group.kept, font_size: size } })));
}
