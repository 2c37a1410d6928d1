/** The library of node types in the sidebar: by category, searched and narrowed, with bookmarks, to be dragged onto the canvas. */

/** @import { App } from "../app.js" */
/** @import { Definition } from "../model/types.js" */
/** @import { Filters, Folder } from "../model/library.js" */
/** @import { Branch } from "./tree.js" */

import { USES } from "../commands/actions.js";
import { isBoundary } from "../model/commands.js";
import { Library, choicesOf, passes, sizeOf, treeOf } from "../model/library.js";
import { t } from "../words.js";
import { make, placeAt } from "./dom.js";
import { dragOut } from "./dragout.js";
import { filterRow } from "./filters.js";
import { nodeCard } from "./nodecard.js";
import { Tree } from "./tree.js";

const BOOKMARKS = "library.bookmarks";
const MOST_USED = 8;
const MOST_FOUND = 400;

/** Makes the panel. @param {App} app @param {HTMLElement} element @returns {() => void} */
export function renderNodeLibrary(app, element) {
  const { settings, store, view } = app;
  if (!settings.definitions.has(BOOKMARKS)) settings.define({ id: BOOKMARKS, kind: "record", fallback: [] });
  const definitions = [...store.definitions.values(), ...app.actions.blueprints].filter((one) => !isBoundary(one));
  const library = new Library(definitions, settings.get(USES));
  const add = (/** @type {Definition} */ definition) =>
    app.actions.place(definition, view.camera.toWorld(view.width / 2 - 130, view.height / 2 - 80));
  const look = make("aside", { className: "panel look is-floating", hidden: true, "aria-hidden": "true" });
  const tree = new Tree({
    settings, setting: "library.open", label: t("Node types"), activate: add, dress: (row, /** @type {Definition} */ definition) => {
      dragOut(app, row, definition.name, (at) => app.actions.add(definition, at));
      row.append(star(app, definition));
      for (const event of ["pointerenter", "focus"]) row.addEventListener(event, () => showBeside(look, row, definition));
      for (const event of ["pointerleave", "blur", "pointerdown"]) row.addEventListener(event, () => (look.hidden = true));
    },
  });
  /** @type {Filters} */
  let filters = {};
  const fill = () => {
    const query = search.value.trim();
    if (query !== "") return tree.fill(library.search(query, filters, MOST_FOUND).map(leaf), true);
    const isNarrowed = Object.values(filters).some((value) => value);
    const shown = isNarrowed ? definitions.filter((one) => passes(one, filters)) : definitions;
    tree.fill([...(isNarrowed ? [] : own(app)), ...branches(treeOf(shown))], isNarrowed);
  };
  const search = make("input", {
    className: "search", type: "search", placeholder: t("Search {count} node types", { count: definitions.length }),
    "aria-label": t("Search the node types"), spellcheck: false, oninput: fill,
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    tree.list.step(0);
  });
  element.classList.add("library");
  element.append(make("div", { className: "library-head" }, search, filterRow(choicesOf(definitions), (chosen) => {
    filters = chosen;
    fill();
  })), tree.element);
  document.body.append(look);
  fill();
  const ends = [BOOKMARKS, USES].map((id) => settings.listen(id, fill));
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

/** What this person marked, and adds most. @param {App} app @returns {Branch<Definition>[]} */
function own({ settings, store }) {
  const known = (/** @type {readonly string[]} */ types) =>
    types.map((type) => store.definitions.get(type)).filter((definition) => definition !== undefined).map(leaf);
  const marked = known(settings.get(BOOKMARKS));
  const uses = Object.entries(/** @type {Record<string, number>} */ (settings.get(USES))).sort(([, one], [, other]) => other - one);
  const often = known(uses.slice(0, MOST_USED).map(([type]) => type));
  return [
    ...(marked.length > 0 ? [{ id: "*bookmarks", label: t("Bookmarks"), note: String(marked.length), children: marked }] : []),
    ...(often.length > 0 ? [{ id: "*often", label: t("Used often"), note: String(often.length), children: often }] : []),
  ];
}

/** @param {Folder} folder @returns {Branch<Definition>[]} */
function branches({ folders, nodes }) {
  return [
    ...folders.map((folder) => ({ id: folder.path, label: folder.name, note: String(sizeOf(folder)), children: branches(folder) })),
    ...nodes.map(leaf),
  ];
}

/** @param {App} app @param {Definition} definition @returns {HTMLElement} */
function star({ settings }, { type, name }) {
  const isMarked = settings.get(BOOKMARKS).includes(type);
  const label = isMarked ? t("Remove the bookmark of {name}", { name }) : t("Bookmark {name}", { name });
  return make("button", {
    type: "button", className: isMarked ? "star is-marked" : "star", title: label, "aria-label": label, "aria-pressed": String(isMarked), tabIndex: -1,
    onpointerdown: (/** @type {Event} */ event) => event.stopPropagation(),
    onclick: (/** @type {Event} */ event) => {
      event.stopPropagation();
      /** @type {string[]} */
      const marked = settings.get(BOOKMARKS);
      settings.set(BOOKMARKS, isMarked ? marked.filter((one) => one !== type) : [...marked, type]);
    },
  }, isMarked ? "★" : "☆");
}

/** @param {HTMLElement} look @param {HTMLElement} row @param {Definition} definition */
function showBeside(look, row, definition) {
  look.replaceChildren(nodeCard(definition));
  look.hidden = false;
  const box = row.getBoundingClientRect();
  placeAt(look, box.right + 14, box.top - 8);
}
