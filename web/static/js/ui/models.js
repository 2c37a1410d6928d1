/** The models that lie on the server, by folder: searched, looked at, recognised, and dragged onto the canvas as what loads them. */

/** @import { App } from "../app.js" */
/** @import { Point } from "../model/types.js" */
/** @import { Branch } from "./tree.js" */

import { send } from "../engine/api.js";
import { loaderFor } from "../model/loaders.js";
import { addNode, setValue } from "../model/commands.js";
import { find, folded } from "../model/search.js";
import { sizeText } from "../model/text.js";
import { reasonOf, t } from "../words.js";
import { make, placeAt } from "./dom.js";
import { dragOut } from "./dragout.js";
import { toast } from "./toasts.js";
import { Tree } from "./tree.js";

const MOST_FOUND = 500;
const REST_MILLISECONDS = 150;

/** @typedef {{folder: string, name: string, size: number, modified: number, pathIndex: number}} Model */

/** Makes the panel. @param {App} app @param {HTMLElement} element @returns {() => void} */
export function renderModels(app, element) {
  /** @type {readonly {name: string, models: Model[]}[]} */
  let folders = [];
  const look = make("aside", { className: "panel look is-floating", hidden: true, role: "dialog", "aria-label": t("About the model") });
  const hint = make("p", { className: "hint" }, t("Looking…"));
  const tree = new Tree({
    settings: app.settings, setting: "models.open", label: t("Models"), activate: (/** @type {Model} */ model) => addLoader(app, model, null, null),
    dress: (row, model) => {
      dragOut(app, row, model.name, (at, node) => addLoader(app, model, at, node));
      for (const event of ["pointerenter", "focus"]) row.addEventListener(event, () => showBeside(look, row, model));
      row.addEventListener("pointerdown", () => (look.hidden = true));
    },
  });
  const fill = () => {
    const query = search.value.trim();
    hint.hidden = folders.length > 0;
    if (query === "") return tree.fill(folders.map(({ name, models }) => ({ id: name, label: name, note: String(models.length), children: nested(name, models) })));
    const entries = folders.flatMap(({ models }) => models.map((model) => ({ item: model, fields: [folded(model.name), folded(model.folder)] })));
    tree.fill(find(entries, query, MOST_FOUND).map((model) => ({ ...leaf(model), note: model.folder })), true);
  };
  const search = make("input", { className: "search", type: "search", placeholder: t("Search the models"), "aria-label": t("Search the models"), spellcheck: false, oninput: fill });
  tree.follow(search);
  const leave = (/** @type {PointerEvent} */ event) => {
    if (!look.contains(/** @type {globalThis.Node} */ (event.relatedTarget))) look.hidden = true;
  };
  tree.element.addEventListener("pointerleave", leave);
  look.addEventListener("pointerleave", () => (look.hidden = true));
  element.classList.add("library");
  element.append(make("div", { className: "library-head" }, search), hint, tree.element);
  document.body.append(look);
  void listModels().then((found) => {
    folders = found;
    hint.textContent = t("There are no models yet.");
    fill();
  }).catch((error) => (hint.textContent = reasonOf(error)));
  return () => {
    look.remove();
    tree.dispose();
  };
}

/** @returns {Promise<{name: string, models: Model[]}[]>} the folders that hold something */
async function listModels() {
  /** @type {{name: string}[]} */
  const places = await (await send("experiment/models")).json();
  const lists = await Promise.all(places.map(async ({ name }) => {
    const models = await (await send(`experiment/models/${encodeURIComponent(name)}`)).json();
    return { name, models: models.map((/** @type {any} */ model) => ({ ...model, folder: name })) };
  }));
  return lists.filter(({ models }) => models.length > 0).sort((one, other) => one.name.localeCompare(other.name));
}

/** @param {Model} model @returns {Branch<Model>} */
function leaf(model) {
  return { id: `${model.folder}/${model.name}`, label: model.name.slice(model.name.lastIndexOf("/") + 1), note: sizeText(model.size), item: model };
}

/**
 * Models below the folders that their names tell.
 * @param {string} path @param {readonly Model[]} models @param {number} depth @returns {Branch<Model>[]}
 */
function nested(path, models, depth = 0) {
  /** @type {Map<string, Model[]>} */
  const folders = new Map();
  const own = models.filter((model) => {
    const parts = model.name.split("/");
    if (parts.length === depth + 1) return true;
    folders.set(parts[depth], [...folders.get(parts[depth]) ?? [], model]);
    return false;
  });
  return [...[...folders].map(([name, inner]) => ({
    id: `${path}/${name}`, label: name, note: String(inner.length), children: nested(`${path}/${name}`, inner, depth + 1),
  })), ...own.map(leaf)];
}

/**
 * Adds the node that loads a model, or gives it to one of that type.
 * @param {App} app @param {Model} model @param {Point | null} at @param {import("../model/types.js").Node | null} node where it was dropped
 */
function addLoader(app, { folder, name }, at, node) {
  const { store, view } = app;
  const loader = loaderFor(folder, name, store.definitions);
  if (!loader) return toast(t("No node loads models of the folder “{folder}”.", { folder }));
  const { definition, input } = loader;
  app.actions.offerOption(definition.type, input, name);
  if (node?.type === definition.type) return void store.run(`Set ${input}`, (change) => setValue(change, node.id, input, name));
  const place = at ?? view.camera.toWorld(view.width / 2 - 130, view.height / 2 - 60);
  view.select([store.run(`Add ${definition.name}`, (change) => {
    const made = addNode(change, definition, [Math.round(place[0]), Math.round(place[1])]);
    setValue(change, made.id, input, name);
    return made.id;
  })]);
}

/** @param {HTMLElement} look @param {HTMLElement} row @param {Model} model */
function showBeside(look, row, model) {
  const { folder, name, pathIndex, size, modified } = model;
  const address = `api/experiment/models/preview/${encodeURIComponent(folder)}/${pathIndex}/${name.split("/").map(encodeURIComponent).join("/")}`;
  const box = row.getBoundingClientRect();
  const place = () => placeAt(look, box.right + 6, box.top - 8);
  const picture = make("img", {
    className: "model-picture", alt: "", hidden: true, onload: () => {
      picture.hidden = false;
      place();
    },
  });
  const verdict = make("p", { className: "card-about" });
  const ask = make("button", { type: "button", className: "link", onclick: () => void recognise(model, ask, verdict) }, t("What is it?"));
  look.replaceChildren(make("div", { className: "card" }, picture, make("strong", {}, name),
    make("p", {}, [folder, sizeText(size), new Date(modified * 1000).toLocaleDateString()].join("  ·  ")), verdict, ask));
  look.hidden = false;
  place();
  // Only for a row on which the pointer rests, not for all that it comes over.
  setTimeout(() => {
    if (picture.isConnected && !look.hidden) picture.src = address;
  }, REST_MILLISECONDS);
}

/** Asks the server to look at the tensors. @param {Model} model @param {HTMLElement} ask @param {HTMLElement} verdict */
async function recognise({ folder, name }, ask, verdict) {
  ask.remove();
  verdict.textContent = t("Looking…");
  try {
    const told = await (await send(`identify?${new URLSearchParams({ folder, name })}`)).json();
    const found = told.parts.map((/** @type {any} */ one) => one.title);
    verdict.textContent = found.length > 0 ? found.join(", ") : told.problem || t("It is of no kind that is known.");
  } catch (error) {
    verdict.textContent = reasonOf(error);
  }
}
