/** Commands of the form view, and when it is shown: by its key, by the address, and on narrow screens. */

/** @import { App } from "../app.js" */

import { hooks } from "../canvas/hooks.js";
import { byId } from "../ui/dom.js";
import { loadStyle } from "../ui/styles.js";
import { t } from "../words.js";

const NARROW = "(max-width: 640px)";
const COVERED = ["#stage", "#rail", "#side", "#bottom", "#trail", ".tools", "#outline", ".toolbox", ".minimap"];

/** The form view and whether it is shown. */
class Form {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.isShown = false;
    this.isAlone = new URLSearchParams(document.location.search).get("form") === "1";
    /** what the person chose, null while the width of the screen decides */
    this.chosen = /** @type {boolean | null} */ (this.isAlone ? true : null);
    /** @type {Promise<import("../ui/form/view.js").FormView> | null} */ this.loading = null;
    this.element = byId("form");
    this.button = byId("form-toggle");
    this.button.addEventListener("click", () => app.commands.run("form-view"));
    const narrow = matchMedia(NARROW);
    narrow.addEventListener("change", () => this.follow(narrow.matches));
    document.body.classList.toggle("is-alone", this.isAlone);
    this.follow(narrow.matches);
  }

  /** @param {boolean} isNarrow */
  follow(isNarrow) {
    void this.show(this.chosen ?? isNarrow);
  }

  /** @returns {Promise<import("../ui/form/view.js").FormView>} */
  load() {
    return (this.loading ??= Promise.all([import("../ui/form/view.js"), loadStyle("form.css")])
      .then(([{ FormView }]) => new FormView(this.app, this.element)));
  }

  /** @param {boolean} isOn */
  async show(isOn) {
    if (isOn === this.isShown) return;
    this.isShown = isOn;
    const { view } = this.app;
    document.body.classList.toggle("is-form", isOn);
    this.button.setAttribute("aria-pressed", String(isOn));
    for (const selector of COVERED) document.querySelector(selector)?.toggleAttribute("inert", isOn);
    if (isOn) view.dom.close();
    view.isCovered = isOn;
    const form = await this.load();
    if (this.isShown !== isOn) return;
    if (isOn) form.open();
    else {
      form.close();
      view.redraw();
    }
  }

  /** The other way from now on. */
  async toggle() {
    this.chosen = !this.isShown;
    await this.show(this.chosen);
    if (this.isShown) this.element.focus();
    else this.app.view.stage.focus();
  }

  /** Opens the form, ready to be changed. */
  async edit() {
    this.chosen = true;
    await this.show(true);
    const form = await this.load();
    form.edit(!form.isEditing);
  }
}

/** Adds the commands, the menu entries and the button. @param {App} app */
export function tendForm(app) {
  const form = new Form(app);
  app.commands.add([
    { id: "form-view", label: t("Form or graph"), keys: ["alt+m", "alt+µ"], scope: "page", run: () => void form.toggle() },
    { id: "form-edit", label: t("Edit the form"), run: () => void form.edit() },
    { id: "form-add", label: t("Add the selected nodes to the form"), isEnabled: () => app.view.selection.size > 0, run: () => void add([...app.view.selection]) },
  ]);
  hooks.nodeMenu.add((node, _items, hit) => {
    const name = hit.kind === "widget" ? hit.place.slot.name : null;
    const own = name === null ? [] : [{ label: t("Add “{name}” to the form", { name }), run: () => void add([node.id], name) }];
    return [null, ...own, { label: t("Add the node to the form"), run: () => void add([node.id]) }];
  });
  /** @param {string[]} ids of nodes @param {string | null} name of the only input that is wanted */
  async function add(ids, name = null) {
    (await import("../ui/form/adding.js")).addToForm(app, ids, name);
  }
}
