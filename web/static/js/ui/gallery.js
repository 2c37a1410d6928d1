/** What was made and brought in, in a grid: searched, sorted, looked at, compared, used, downloaded and deleted. */

/** @import { App } from "../app.js" */
/** @import { Asset, Place, Wish } from "../engine/assets.js" */

import { deleteAssets, isByRun, listAssets, smallUrl, wished } from "../engine/assets.js";
import { spanText } from "../model/text.js";
import { t } from "../words.js";
import { assetItems, compareThese, download, insertAsset, openAssets } from "./assetmenu.js";
import { askChoice } from "./dialogs.js";
import { make } from "./dom.js";
import { dragOut } from "./dragout.js";
import { Grid } from "./grid.js";
import { openMenu } from "./menu.js";
import { newest } from "./newest.js";
import { tell, toast } from "./toasts.js";

const CELL = 132;
const FOOT = 22;

/** Makes the panel. @param {App} app @param {HTMLElement} element @returns {() => void} */
export function renderGallery(app, element) {
  const gallery = new Gallery(app, element);
  const hear = (/** @type {{type: string}} */ { type }) => {
    if (type === "finished") void gallery.load();
  };
  const deafen = app.runner.listen(hear);
  return () => {
    deafen();
    gallery.grid.dispose();
  };
}

class Gallery {
  /** @param {App} app @param {HTMLElement} element */
  constructor(app, element) {
    this.app = app;
    /** @type {Place} */ this.place = "output";
    /** @type {Wish} */ this.wish = { query: "", kind: "", sort: "newest" };
    /** @type {Asset[]} */ this.all = [];
    /** @type {Asset[]} */ this.shown = [];
    /** @type {Set<string>} */ this.chosen = new Set();
    this.last = 0;
    this.newest = newest();
    this.grid = new Grid({ label: t("Pictures and other files"), size: CELL, foot: FOOT, cell: (index) => this.cell(index) });
    this.grid.element.addEventListener("keydown", (event) => this.press(event));
    this.bar = make("div", { className: "gallery-bar", hidden: true });
    this.hint = make("p", { className: "hint", hidden: true });
    element.classList.add("gallery");
    element.append(this.head(), this.bar, this.hint, this.grid.element);
    void this.load();
  }

  /** @private @returns {HTMLElement} */
  head() {
    const select = (/** @type {string} */ label, /** @type {[string, string][]} */ options, /** @type {(value: any) => void} */ change) =>
      make("select", { "aria-label": label, title: label, onchange: (/** @type {any} */ event) => change(event.target.value) },
        ...options.map(([value, text]) => make("option", { value }, text)));
    const wish = (/** @type {Partial<Wish>} */ part) => {
      const knew = isByRun(this.wish);
      this.wish = { ...this.wish, ...part };
      if (isByRun(this.wish) && !knew) void this.load();
      else this.fill();
    };
    return make("div", { className: "library-head" },
      make("input", { className: "search", type: "search", placeholder: t("Search"), "aria-label": t("Search the files"), oninput: (/** @type {any} */ event) => wish({ query: event.target.value }) }),
      make("div", { className: "filters" },
        select(t("Where from"), [["output", t("Made here")], ["input", t("Brought in")], ["temp", t("Passing")]], (place) => {
          this.place = place;
          this.chosen.clear();
          void this.load();
        }),
        select(t("Kind"), [["", t("All kinds")], ["picture", t("Pictures")], ["film", t("Films")], ["sound", t("Sound")], ["other", t("Other")]], (kind) => wish({ kind })),
        select(t("Order"), [["newest", t("Newest first")], ["oldest", t("Oldest first")], ["name", t("By name")], ["size", t("Largest first")],
          ["longest", t("Longest run first")], ["shortest", t("Shortest run first")]], (sort) => wish({ sort }))));
  }

  /** Asks the server again. */
  async load() {
    await tell(this.newest(listAssets(this.place, isByRun(this.wish))).then((found) => {
      if (found === null) return;
      this.all = found;
      this.fill();
    }), "gallery");
  }

  /** @private */
  fill() {
    this.shown = wished(this.all, this.wish);
    const names = new Set(this.all.map(({ name }) => name));
    for (const name of this.chosen) if (!names.has(name)) this.chosen.delete(name);
    this.hint.hidden = this.shown.length > 0;
    this.hint.textContent = this.all.length > 0 ? t("Nothing fits.") : t("What is made here appears here.");
    this.grid.fill(this.shown.length);
    this.fillBar();
  }

  /** @private the assets that are chosen, in their order @returns {Asset[]} */
  picked() {
    return this.shown.filter(({ name }) => this.chosen.has(name));
  }

  /** @private */
  fillBar() {
    const picked = this.picked();
    this.bar.hidden = picked.length === 0;
    const button = (/** @type {string} */ label, /** @type {() => void} */ run) => make("button", { type: "button", className: "quiet", onclick: run }, label);
    this.bar.replaceChildren(make("span", {}, t("{count} chosen", { count: picked.length })),
      ...(picked.length === 2 ? [button(t("Compare"), () => compareThese(picked))] : []),
      button(t("Download"), () => download(picked)), button(t("Delete"), () => void tell(this.remove(picked))),
      button(t("None"), () => {
        this.chosen.clear();
        this.fill();
      }));
  }

  /** @private @param {number} index @returns {HTMLElement} */
  cell(index) {
    const asset = this.shown[index];
    const isChosen = this.chosen.has(asset.name);
    const told = asset.seconds === undefined ? asset.name : t("{name}, made in {span}", { name: asset.name, span: spanText(1000 * asset.seconds) });
    const box = make("input", { type: "checkbox", checked: isChosen, tabIndex: -1, "aria-label": t("Choose {name}", { name: asset.name }) });
    box.addEventListener("click", (event) => {
      event.stopPropagation();
      this.choose(index, event.shiftKey);
    });
    const cell = make("div", {
      className: isChosen ? "asset is-chosen" : "asset", role: "group", title: told, "aria-label": told,
      onclick: (/** @type {MouseEvent} */ event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) this.choose(index, event.shiftKey);
        else this.open(index);
      },
      oncontextmenu: (/** @type {MouseEvent} */ event) => {
        event.preventDefault();
        this.menu(asset, event.clientX, event.clientY);
      },
    }, asset.kind === "picture"
      ? make("img", { src: smallUrl(asset, 256), alt: "", loading: "lazy", decoding: "async", draggable: false })
      : make("span", { className: "asset-kind" }, asset.name.slice(asset.name.lastIndexOf(".") + 1)),
    asset.seconds === undefined ? null : make("span", { className: "asset-span" }, spanText(1000 * asset.seconds)),
    make("span", { className: "asset-name" }, asset.name.slice(asset.name.lastIndexOf("/") + 1)), box);
    dragOut(this.app, cell, asset.name, (at, node) => insertAsset(this.app, asset, at, node));
    return cell;
  }

  /** @private @param {number} index @param {boolean} isRange */
  choose(index, isRange) {
    const { name } = this.shown[index];
    if (isRange) {
      const [from, to] = [Math.min(this.last, index), Math.max(this.last, index)];
      for (const one of this.shown.slice(from, to + 1)) this.chosen.add(one.name);
    } else if (!this.chosen.delete(name)) this.chosen.add(name);
    this.last = index;
    this.grid.current = index;
    this.fill();
  }

  /** @private @param {number} index */
  open(index) {
    openAssets(this.app, this.shown, index, (asset) => void tell(this.remove([asset])));
  }

  /** @private @param {Asset} asset @param {number} x @param {number} y */
  menu(asset, x, y) {
    openMenu(x, y, [...assetItems(this.app, asset), null, { label: t("Delete"), keys: "Delete", run: () => void tell(this.remove([asset])) }]);
  }

  /** @private @param {readonly Asset[]} assets */
  async remove(assets) {
    const names = assets.map(({ name }) => name);
    const question = names.length === 1 ? t("Delete “{name}”?", { name: names[0] }) : t("Delete {count} files?", { count: names.length });
    if (this.app.settings.get("files.askDelete") && await askChoice(question, t("Deleted files cannot be brought back."), [t("Delete")]) === null) return;
    const kept = await deleteAssets(this.place, names);
    if (kept.length > 0) toast(t("These could not be deleted: {names}", { names: kept.join(", ") }), { kind: "bad" });
    await this.load();
  }

  /** @private @param {KeyboardEvent} event */
  press(event) {
    const asset = this.shown[this.grid.current];
    if (!asset) return;
    const isAll = event.key === "a" && (event.ctrlKey || event.metaKey);
    if (event.key === "Enter") this.open(this.grid.current);
    else if (event.key === " ") this.choose(this.grid.current, event.shiftKey);
    else if (event.key === "Delete") void tell(this.remove(this.chosen.size > 0 ? this.picked() : [asset]));
    else if (isAll) {
      this.shown.forEach(({ name }) => this.chosen.add(name));
      this.fill();
    } else if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) {
      const box = /** @type {HTMLElement} */ (event.target).getBoundingClientRect();
      this.menu(asset, box.left + 20, box.top + 20);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
