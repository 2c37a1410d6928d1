/** Lays the text of markdown notes over their nodes, as headings, lists and links, while nobody types in them. */

/** @import { App } from "../app.js" */
/** @import { Node } from "../model/types.js" */

import { make } from "./dom.js";
import { markdown } from "./markdown.js";

const TYPE = "MarkdownNote";
const NAME = "text";
const SMALLEST = 0.45;

/** The notes that are in sight. @param {App} app */
export function layNotes({ view, store }) {
  const layer = make("div", { className: "notes" });
  view.stage.querySelector(".widgets")?.before(layer);
  /** @type {Map<string, {element: HTMLElement, text: string}>} */
  const shown = new Map();

  /** @param {Node} node */
  const place = (node) => {
    const bounds = view.scene.shape(node).widgets.find(({ slot }) => slot.name === NAME)?.bounds;
    const text = String(node.values[NAME] ?? "");
    if (!bounds || text === "") return false;
    let note = shown.get(node.id);
    if (note === undefined) shown.set(node.id, (note = { element: make("div", { className: "note-overlay" }), text: "" }));
    if (note.text !== text) note.element.replaceChildren(markdown(text));
    note.text = text;
    if (note.element.parentNode !== layer) layer.append(note.element);
    const [x, y] = view.camera.toScreen(bounds[0], bounds[1]);
    const { style } = note.element;
    style.width = `${bounds[2]}px`;
    style.height = `${bounds[3]}px`;
    style.transform = `translate(${x}px, ${y}px) scale(${view.camera.scale})`;
    return true;
  };
  const follow = () => {
    const isNear = view.camera.scale > SMALLEST;
    const nodes = isNear ? [...store.graph.nodes.values()].filter((node) =>
      node.type === TYPE && !node.collapsed && view.isInSight(node) && !view.isEditing(node.id, NAME)) : [];
    const kept = new Set(nodes.filter(place).map(({ id }) => id));
    for (const [id, { element }] of shown) {
      if (kept.has(id)) continue;
      element.remove();
      if (!store.graph.nodes.has(id)) shown.delete(id);
    }
  };
  view.watchers.add(follow);
  follow();
}
