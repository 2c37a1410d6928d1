/** The library of node types in the sidebar: by category, searched and narrowed, with bookmarks, to be dragged onto the canvas. */

/** @import { App } from "../app.js" */
/** @import { Definition } from "../model/types.js" */
/** @import { Filters, Folder } from "../model/library.js" */
/** @import { Unread } from "../engine/blueprints.js" */
/** @import { Settings } from "../engine/settings.js" */
/** @import { Branch } from "./tree.js" */

import { USES } from "../commands/actions.js";
import { isBoundary } from "../model/commands.js";
import { Library, choicesOf, passes, sizeOf, treeOf } from "../model/library.js";
import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { make, placeAt } from "./dom.js";
import { dragOut } from "./dragout.js";
import { filterRow } from "./filters.js";
import { nodeCard } from "./nodecard.js";
import { defineMarks, star } from "./star.js";
import { Tree } from "./tree.js";

const BOOKMARKS = "library.bookmarks";
const MOST_USED = 8;
const MOST_FOUND = 400;

/** Makes the panel. @param {App} app @param {HTMLElement} element @returns {() => void} */
export function renderNodeLibrary(app, element) {
  const { actions, settings, store, view } = app;
  defineMarks(settings, BOOKMARKS);
  const add = (/** @type {Definition} */ definition) =>
    actions.place(definition, view.camera.toWorld(view.width / 2 - 130, view.height / 2 - 80));
  const look = make("aside", { className: "panel look is-floating", hidden: true, "aria-hidden": "true" });
  const tree = new Tree({
    settings, setting: "library.open", label: t("Node types"), activate: add, dress: (row, /** @type {Definition} */ definition) => {
      dragOut(app, row, definition.name, (at) => actions.add(definition, at));
      row.append(Object.assign(star(settings, BOOKMARKS, definition.type, definition.name), { tabIndex: -1 }));
      for (const event of ["pointerenter", "focus"]) row.addEventListener(event, () => showBeside(look, row, definition));
      for (const event of ["pointerleave", "blur", "pointerdown"]) row.addEventListener(event, () => (look.hidden = true));
    },
  });
  /** @type {Map<string, Definition>} */
  let known = new Map();
  let library = new Library([], {});
  /** @type {Filters} */
  let filters = {};
  const fill = () => {
    const query = search.value.trim();
    const unread = unreadBranch(actions.unreadBlueprints, query);
    if (query !== "") return tree.fill([...library.search(query, filters, MOST_FOUND).map(leaf), ...unread], true);
    const isNarrowed = Object.values(filters).some((value) => value);
    const shown = [...known.values()].filter((one) => !isNarrowed || passes(one, filters));
    tree.fill([...(isNarrowed ? [] : own(settings, known)), ...branches(treeOf(shown)), ...(isNarrowed ? [] : unread)], isNarrowed);
  };
  const search = make("input", { className: "search", type: "search", "aria-label": t("Search the node types"), spellcheck: false, oninput: fill });
  tree.follow(search);
  const narrow = make("div", {});
  let offered = "";
  const gather = () => {
    known = new Map([...store.definitions.values(), ...actions.blueprints].filter((one) => !isBoundary(one)).map((one) => [one.type, one]));
    library = new Library([...known.values()], settings.get(USES));
    search.placeholder = t("Search {count} node types", { count: known.size });
    const choices = choicesOf([...known.values()]);
    if (JSON.stringify(choices) !== offered) {
      filters = {};
      narrow.replaceChildren(filterRow(choices, (chosen) => {
        filters = chosen;
        fill();
      }));
    }
    offered = JSON.stringify(choices);
    fill();
  };
  element.classList.add("library");
  element.append(make("div", { className: "library-head" }, search, narrow), tree.element);
  document.body.append(look);
  gather();
  actions.blueprintWatchers.add(gather);
  const ends = [...[BOOKMARKS, USES].map((id) => settings.listen(id, fill)), store.listen(({ reason }) => {
    if (reason === "definitions" || reason === "open") gather();
  }), () => actions.blueprintWatchers.delete(gather)];
  return () => {
    ends.forEach((end) => end());
    look.remove();
    tree.dispose();
  };
}

/** @param {Definition} definition @returns {Branch<Definition>} */
function leaf(definition) {
  return { id: definition.type, label: definition.name, item: definition };
}

/**
 * What this person marked, and adds most.
 * @param {Settings} settings @param {ReadonlyMap<string, Definition>} known @returns {Branch<Definition>[]}
 */
function own(settings, known) {
  const leaves = (/** @type {readonly string[]} */ types) => types.flatMap((type) => known.get(type) ?? []).map(leaf);
  const marked = leaves(settings.get(BOOKMARKS));
  const uses = Object.entries(/** @type {Record<string, number>} */ (settings.get(USES))).sort(([, one], [, other]) => other - one);
  const often = leaves(uses.slice(0, MOST_USED).map(([type]) => type));
  return [
    ...(marked.length > 0 ? [{ id: "*bookmarks", label: t("Bookmarks"), note: String(marked.length), children: marked }] : []),
    ...(often.length > 0 ? [{ id: "*often", label: t("Used often"), note: String(often.length), children: often }] : []),
  ];
}

/** What could not be read, by name; choosing one says why. @param {readonly Unread[]} all @param {string} query @returns {Branch<Definition>[]} */
function unreadBranch(all, query) {
  const unread = all.filter(({ name }) => name.toLowerCase().includes(query.toLowerCase()));
  if (unread.length === 0) return [];
  const children = unread.map(({ name, pack, reason }) => ({
    id: `*unread ${pack} ${name}`, label: name, note: pack, hint: reason,
    run: () => void openDialog(t("This blueprint cannot be read"), make("div", { className: "reports" }, make("h3", {}, name), make("p", {}, reason))),
  }));
  return [{ id: "*unread", label: t("Blueprints that cannot be read"), note: String(children.length), children }];
}

/** @param {Folder} folder @returns {Branch<Definition>[]} */
function branches({ folders, nodes }) {
  return [
    ...folders.map((folder) => ({ id: folder.path, label: folder.name, note: String(sizeOf(folder)), children: branches(folder) })),
    ...nodes.map(leaf),
  ];
}

/** @param {HTMLElement} look @param {HTMLElement} row @param {Definition} definition */
function showBeside(look, row, definition) {
  look.replaceChildren(nodeCard(definition));
  look.hidden = false;
  const box = row.getBoundingClientRect();
  placeAt(look, box.right + 14, box.top - 8);
}
