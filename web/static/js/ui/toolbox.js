/** The tools that float above what is selected: those commands that people reach for most. */

/** @import { App } from "../app.js" */
/** @import { Bounds } from "../model/types.js" */

import { setColor, setGroup } from "../model/commands.js";
import { COLOURS, chooseOther } from "../commands/groups.js";
import { union } from "../canvas/spatial.js";
import { t } from "../words.js";
import { drawing, make } from "./dom.js";
import { openMenu } from "./menu.js";

const GAP = 12;
/** Room that other things take at the top of the stage, in pixels. */
const TOP = 8;

/** Icons in a box of 16 by 16, drawn as lines. */
const ICONS = {
  info: "M8 7.2v4M8 4.8v.2M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z",
  colour: "M8 2.2c2.6 3 4.2 5 4.2 7.1a4.2 4.2 0 0 1-8.4 0C3.8 7.2 5.4 5.2 8 2.200z",
  run: "M5 3.2v9.600L12.6 8z",
  bypass: "M2 8h2.500c2.5 0 1.5-4 4-4s1.5 4 3 4H14M4 12h8",
  pin: "M6 2.500h4M6.6 2.500l-.4 4.3-1.9 2h7.400l-1.9-2-.4-4.300M8 8.800v4.7",
  subgraph: "M2.5 5V2.500H5M11 2.500h2.500V5M13.5 11v2.500H11M5 13.500H2.500V11M5.5 5.500h5v5h-5z",
  group: "M2.5 4.500h11v8.500h-11zM2.5 4.500V3h4.500l1 1.5",
  arrange: "M2.5 3h4v4h-4zM9.5 3h4v2.500h-4zM9.5 9h4v4h-4zM2.5 10.500h4v2.500h-4z",
  mask: "M2.5 13.500c2 .3 3.500-.4 3.600-2.100M6 10.200l6.300-7 1 .9-6.300 7z",
  fit: "M2.5 6V2.500H6M10 2.500h3.500V6M13.5 10v3.500H10M6 13.500H2.500V10",
  hide: "M2 8c1.6-2.7 3.6-4 6-4s4.4 1.3 6 4c-1.6 2.7-3.6 4-6 4s-4.4-1.3-6-4zM3 13.500L13 2.5",
  delete: "M3 4.500h10M6.5 4.500V3h3v1.500M4.3 4.500l.7 8.500h6l.7-8.5",
  more: "M3.5 8h.1M8 8h.1M12.5 8h.1",
};
const ARRANGE = [
  "align-left", "align-right", "align-top", "align-bottom", null, "distribute-across", "distribute-down", null, "tidy-selection", "straighten",
  "connect-selected",
];

/** Shows itself above the selection while nothing is held. */
class Toolbox {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.element = make("div", { className: "toolbox", role: "toolbar", "aria-label": t("Tools for the selection"), hidden: true });
    this.shown = "";
    this.size = [0, 0];
    this.areColoursOpen = false;
    app.view.stage.after(this.element);
    app.view.watchers.add(() => this.follow());
  }

  /** @returns {"nodes" | "group" | "link" | ""} what is selected */
  kind() {
    const { view } = this.app;
    if (view.selection.size > 0) return "nodes";
    if (view.selectedGroup !== null) return "group";
    return view.selectedLink !== null ? "link" : "";
  }

  /** Where the selection is, as far as it is in sight. @param {string} kind @returns {Bounds | null} */
  bounds(kind) {
    const { view, store } = this.app;
    if (kind === "nodes") {
      const all = [...view.selection].slice(0, 400).flatMap((id) => store.graph.nodes.get(id) ?? []);
      return union(all.map((node) => view.scene.shape(node).bounds));
    }
    if (kind === "group") return store.graph.groups.get(view.selectedGroup ?? "")?.bounds ?? null;
    return kind === "link" ? view.scene.links.entries.get(view.selectedLink ?? "")?.bounds ?? null : null;
  }

  /** Keeps the tools where the selection is. */
  follow() {
    const { view, chart } = this.app;
    const kind = chart.name === "idle" || chart.name === "panning" ? this.kind() : "";
    const bounds = this.bounds(kind);
    const key = bounds === null ? "" : `${kind} ${view.selection.size === 1} ${this.areColoursOpen} ${this.enabled()}`;
    if (key !== this.shown) this.fill(key === "" ? "" : kind);
    this.shown = key;
    if (bounds === null) return;
    const [left, top] = view.camera.toScreen(bounds[0], bounds[1]);
    const [right, bottom] = view.camera.toScreen(bounds[0] + bounds[2], bounds[1] + bounds[3]);
    const [width, height] = this.size;
    const isOut = right < 0 || left > view.width || bottom < 0 || top > view.height;
    const x = Math.round(Math.max(8, Math.min(view.width - width - 8, (left + right - width) / 2)));
    const above = top - height - GAP;
    const y = Math.round(above >= TOP ? above : bottom + GAP + height < view.height ? bottom + GAP : TOP);
    this.element.classList.toggle("is-out", isOut);
    this.element.style.transform = `translate(${x + view.stage.offsetLeft}px, ${y + view.stage.offsetTop}px)`;
  }

  /** @returns {string} which commands can be used now */
  enabled() {
    const { commands } = this.app;
    return ["run-selected", "make-subgraph", "edit-mask"].map((id) => commands.all.get(id)?.isEnabled?.() ?? true).join();
  }

  /** @param {string} kind */
  fill(kind) {
    if (this.shown.split(" ")[0] !== kind) this.areColoursOpen = false;
    this.element.hidden = kind === "";
    this.element.replaceChildren();
    if (kind === "") return;
    const tools = make("div", { className: "toolbox-row" }, ...this.buttons(kind));
    this.element.append(tools);
    if (this.areColoursOpen) this.element.append(make("div", { className: "toolbox-row" }, ...this.swatches(kind)));
    this.size = [this.element.offsetWidth, this.element.offsetHeight];
  }

  /** @param {string} kind @returns {HTMLElement[]} */
  buttons(kind) {
    const colour = () => {
      this.areColoursOpen = !this.areColoursOpen;
      this.app.view.look();
    };
    const tools = {
      nodes: [this.tool("info", "node-info"), this.button("colour", t("Colour"), colour), this.tool("run", "run-selected"), this.tool("mask", "edit-mask"), this.tool("bypass", "bypass"),
        this.tool("pin", "pin"), this.tool("subgraph", "make-subgraph"), this.tool("group", "group"), this.arrange(), this.tool("delete", "delete"), this.more()],
      group: [this.button("colour", t("Colour"), colour), this.tool("fit", "fit-group"), this.tool("bypass", "group-bypass"), this.tool("delete", "delete"), this.more()],
      link: [this.tool("hide", "hide-links"), this.tool("delete", "delete")],
    }[/** @type {"nodes" | "group" | "link"} */ (kind)];
    return tools.filter((tool) => tool !== null);
  }

  /** @param {keyof typeof ICONS} name @param {string} id @returns {HTMLElement | null} nothing where there is no such command */
  tool(name, id) {
    const { commands } = this.app;
    const command = commands.all.get(id);
    if (!command || !(command.isEnabled?.() ?? true)) return null;
    return this.button(name, command.label, () => commands.run(id));
  }

  /** @param {keyof typeof ICONS} name @param {string} label @param {(box: DOMRect) => void} run @returns {HTMLElement} */
  button(name, label, run) {
    const button = make("button", { type: "button", title: label, "aria-label": label, "data-tool": name });
    button.addEventListener("click", () => {
      run(button.getBoundingClientRect());
      this.app.view.look();
    });
    button.append(drawing(ICONS[name], 16));
    return button;
  }

  /** @returns {HTMLElement | null} */
  arrange() {
    if (this.app.view.selection.size < 2) return null;
    return this.button("arrange", t("Arrange"), (box) => openMenu(box.left, box.bottom + 6, this.app.commands.items(ARRANGE)));
  }

  /** @returns {HTMLElement} */
  more() {
    const { view, actions, store } = this.app;
    return this.button("more", t("More"), (box) => {
      const [id] = view.selection;
      const node = store.graph.nodes.get(id ?? "");
      const group = store.graph.groups.get(view.selectedGroup ?? "");
      const hit = node ? { kind: "title", node } : { kind: "group", group };
      actions.contextMenu(/** @type {any} */ ({ hit, world: [0, 0], screen: [0, 0] }), box.left, box.bottom + 6);
    });
  }

  /** @param {string} kind @returns {HTMLElement[]} */
  swatches(kind) {
    const { store, view } = this.app;
    const take = (/** @type {string | null} */ colour) => store.run("Colour", (change) => {
      if (kind === "nodes") setColor(change, view.selection, colour);
      else if (view.selectedGroup) setGroup(change, view.selectedGroup, { color: colour });
    });
    const swatches = COLOURS.map(([name, colour]) => {
      const button = make("button", { type: "button", className: "swatch", title: t(name), "aria-label": t(name), onclick: () => take(colour) });
      if (colour) button.style.setProperty("--swatch", colour);
      return button;
    });
    const [id] = view.selection;
    const now = (kind === "nodes" ? store.graph.nodes.get(id ?? "") : store.graph.groups.get(view.selectedGroup ?? ""))?.color ?? null;
    const other = make("button", { type: "button", title: t("another…"), "aria-label": t("another…"), onclick: () => void chooseOther(now, take) }, "…");
    return [...swatches, other];
  }
}

/** @param {App} app */
export function tendToolbox(app) {
  return new Toolbox(app);
}
