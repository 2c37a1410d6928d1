/** The library of node types in the sidebar: by category, searched and narrowed, with bookmarks, to be dragged onto the canvas. */

/** @import { App } from "../app.js" */
/** @import { Definition } from "../model/types.js" */
/** @import { Filters } from "../model/library.js" */
/** @import { Unread } from "../engine/blueprints.js" */
/** @import { Settings } from "../engine/settings.js" */
/** @import { Branch } from "./tree.js" */

import { USES } from "../commands/actions.js";
import { isBoundary } from "../model/commands.js";
import { Library, choicesOf, passes, sourceOf, treeOf } from "../model/library.js";
import { folded } from "../model/search.js";
import { t } from "../words.js";
import { BOOKMARKS, FOLDERS, libraryItems, ownBranches } from "./bookmarks.js";
import { openDialog } from "./dialogs.js";
import { make, placeAt } from "./dom.js";
import { dragOut } from "./dragout.js";
import { filterRow } from "./filters.js";
import { nodeCard } from "./nodecard.js";
import { defineMarks, star } from "./star.js";
import { Tree, branches, leaf } from "./tree.js";

const SORT = "library.sort";
const MOST_FOUND = 400;

/** Makes the panel. @param {App} app @param {HTMLElement} element @returns {() => void} */
export function renderNodeLibrary(app, element) {
  const { actions, settings, store, view } = app;
  defineKept(settings);
  const add = (/** @type {Definition} */ definition) =>
    actions.place(definition, view.camera.toWorld(view.width / 2 - 130, view.height / 2 - 80));
  const look = make("aside", { className: "panel look is-floating", hidden: true, "aria-hidden": "true" });
  const tree = new Tree({
    settings, setting: "library.open", label: t("Node types"), activate: add, menu: (branch) => libraryItems(app, branch, add), dress: (row, /** @type {Definition} */ definition) => {
      dragOut(app, row, definition.name, (at) => actions.add(definition, at));
      row.append(Object.assign(star(settings, BOOKMARKS, definition.type, definition.name), { tabIndex: -1 }));
      lookBeside(look, row, definition);
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
    tree.fill([...(isNarrowed ? [] : ownBranches(settings, known)), ...sorted(shown, settings.get(SORT)), ...(isNarrowed ? [] : unread)],
      isNarrowed && settings.get(SORT) !== "name");
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
  element.append(make("div", { className: "library-head" }, search, narrow, sortField(settings)), tree.element);
  document.body.append(look);
  gather();
  actions.blueprintWatchers.add(gather);
  const ends = [...[BOOKMARKS, USES, FOLDERS, SORT].map((id) => settings.listen(id, fill)), store.listen(({ reason }) => {
    if (reason === "definitions" || reason === "open") gather();
  }), () => actions.blueprintWatchers.delete(gather)];
  return () => {
    ends.forEach((end) => end());
    look.remove();
    tree.dispose();
  };
}

/** What the panel keeps between two visits. @param {Settings} settings */
function defineKept(settings) {
  defineMarks(settings, BOOKMARKS);
  for (const [id, fallback] of /** @type {const} */ ([[FOLDERS, {}], [SORT, "category"]])) {
    if (!settings.definitions.has(id)) settings.define({ id, kind: "record", fallback });
  }
}

/** @param {Settings} settings @returns {HTMLElement} */
function sortField(settings) {
  const options = [["category", t("By category")], ["pack", t("By pack")], ["name", t("By name")]];
  const field = make("select", { "aria-label": t("Order"), title: t("Order"), onchange: () => settings.set(SORT, field.value) },
    ...options.map(([value, text]) => make("option", { value, selected: settings.get(SORT) === value }, text)));
  return make("div", { className: "filters" }, field);
}

/** All types as the chosen order has them. @param {readonly Definition[]} shown @param {string} sort @returns {Branch<Definition>[]} */
function sorted(shown, sort) {
  if (sort === "name") return [...shown].sort((one, other) => one.name.localeCompare(other.name)).map(leaf);
  return branches(sort === "pack" ? treeOf(shown, (one) => `${sourceOf(one)}/${one.category}`) : treeOf(shown));
}

/** What could not be read, by name; choosing one says why. @param {readonly Unread[]} all @param {string} query @returns {Branch<Definition>[]} */
function unreadBranch(all, query) {
  const unread = all.filter(({ name }) => folded(name).includes(folded(query)));
  if (unread.length === 0) return [];
  const children = unread.map(({ name, pack, reason }) => ({
    id: `*unread ${pack} ${name}`, label: name, note: pack, hint: reason,
    run: () => void openDialog(t("This blueprint cannot be read"), make("div", { className: "reports" }, make("h3", {}, name), make("p", {}, reason))),
  }));
  return [{ id: "*unread", label: t("Blueprints that cannot be read"), note: String(children.length), children }];
}

/** Shows a card while the row is pointed at or has the keyboard. @param {HTMLElement} look @param {HTMLElement} row @param {Definition} definition */
function lookBeside(look, row, definition) {
  for (const event of ["pointerenter", "focus"]) row.addEventListener(event, () => showBeside(look, row, definition));
  for (const event of ["pointerleave", "blur", "pointerdown"]) row.addEventListener(event, () => (look.hidden = true));
}

/** @param {HTMLElement} look @param {HTMLElement} row @param {Definition} definition */
function showBeside(look, row, definition) {
  look.replaceChildren(nodeCard(definition));
  look.hidden = false;
  const box = row.getBoundingClientRect();
  placeAt(look, box.right + 14, box.top - 8);
}
