/** Workflows to begin with: those that come with the app, and those of packs. */

/** @import { App } from "../app.js" */

import { send, uploadImage } from "../engine/api.js";
import { openFile } from "../model/io/files.js";
import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { make } from "./dom.js";
import { tell } from "./toasts.js";

/** @typedef {{name: string, title: string, text: string, inputs: readonly string[]}} Template */

/** Shows them. @param {App} app */
export async function openTemplates(app) {
  /** @type {[readonly Template[], Record<string, readonly string[]>]} */
  const [own, packs] = await Promise.all([
    send("templates").then((answer) => answer.json()), send("workflow_templates").then((answer) => answer.json()).catch(() => ({})),
  ]);
  const cards = own.map((template) => card(t(template.title), t(template.text), `api/templates/${encodeURIComponent(template.name)}.webp`, () => {
    dialog.close();
    void tell(begin(app, template));
  }));
  const others = Object.entries(packs).flatMap(([pack, names]) => names.map((name) => {
    const address = `api/workflow_templates/${encodeURIComponent(pack)}/${encodeURIComponent(name)}`;
    return card(name, pack, `${address}.jpg`, () => {
      dialog.close();
      void tell(beginOther(app, name, `${address}.json`));
    });
  }));
  const dialog = openDialog(t("Begin with"), make("div", { className: "templates" }, make("div", { className: "template-grid" }, ...cards),
    ...(others.length > 0 ? [make("h3", {}, t("From packs")), make("div", { className: "template-grid" }, ...others)] : [])));
  dialog.classList.add("is-broad", "is-templates");
  // Not the list around them, which can be focused where it scrolls.
  cards[0]?.focus();
}

/** @param {string} title @param {string} text @param {string} picture address @param {() => void} open @returns {HTMLElement} */
function card(title, text, picture, open) {
  const image = make("img", { src: picture, alt: "", loading: "lazy", onerror: () => image.remove() });
  return make("button", { type: "button", className: "template", onclick: open }, make("span", { className: "template-picture" }, image),
    make("strong", {}, title), make("span", {}, text));
}

/** Opens one that comes with the app, with the pictures that it begins from. @param {App} app @param {Template} template */
async function begin(app, { name, title, inputs }) {
  for (const input of inputs) {
    const picture = await (await send(`templates/${encodeURIComponent(input)}`)).blob();
    const value = await uploadImage(picture, input);
    app.actions.offerOption("LoadImage", "image", value);
  }
  const opened = await openFile(await (await send(`templates/${encodeURIComponent(name)}.json`)).blob(), app.store.catalogue);
  if (opened) app.open(opened.document, t(title), { doubts: opened.doubts });
}

/** @param {App} app @param {string} name @param {string} address */
async function beginOther(app, name, address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(t("The file is not there any more."));
  const opened = await openFile(await answer.blob(), app.store.catalogue);
  if (opened) app.open(opened.document, name, { doubts: opened.doubts });
}
