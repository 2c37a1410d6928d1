/** A field of a form that holds a file of the server: a picture is shown, chosen, dropped, uploaded, masked. */

/** @import { Binding } from "./binding.js" */

import { inputUrl, uploadImage } from "../../engine/api.js";
import { reasonOf, t } from "../../words.js";
import { make } from "../dom.js";
import { toast } from "../toasts.js";

const PICTURE = /\.(png|jpe?g|webp|gif|bmp|avif)( \[\w+\])?$/i;

/** @param {Binding} binding @param {string} id @returns {import("./fields.js").Parts} */
export function fileField(binding, id) {
  const picture = make("img", { className: "form-picture", alt: "", decoding: "async" });
  const picker = make("input", { type: "file", hidden: true, tabIndex: -1 });
  const choose = make("button", { type: "button", className: "form-drop", id, onclick: () => picker.click() }, picture,
    make("span", {}, t("Choose or drop a file")));
  const list = make("select", { "aria-label": t("Files of the server for {name}", { name: binding.label }) });
  const mask = make("button", { type: "button", onclick: () => void openMask(binding) }, t("Paint a mask"));
  picker.addEventListener("change", () => {
    const [file] = picker.files ?? [];
    if (file) void upload(binding, file);
    picker.value = "";
  });
  list.addEventListener("change", () => binding.set(binding.options[Number(list.value)]));
  choose.addEventListener("dragover", (event) => event.preventDefault());
  choose.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const [file] = event.dataTransfer?.files ?? [];
    if (file) void upload(binding, file);
  });
  const update = () => {
    const { options } = binding;
    const value = String(binding.value ?? "");
    const isPicture = PICTURE.test(value);
    const address = isPicture ? inputUrl(value) : "";
    if (picture.getAttribute("src") !== address) picture.setAttribute("src", address);
    picture.hidden = !isPicture;
    choose.classList.toggle("is-empty", !isPicture);
    choose.setAttribute("aria-label", t("{name}: choose a file, now {value}", { name: binding.label, value: value || t("none") }));
    if (list.childElementCount !== options.length) list.replaceChildren(...options.map((option, index) => make("option", { value: String(index) }, String(option))));
    list.value = String(options.indexOf(binding.value));
    mask.hidden = !isPicture || binding.node?.type !== "LoadImage";
  };
  return { control: make("div", { className: "form-file" }, choose, picker, make("div", { className: "form-file-row" }, list, mask)), update };
}

/** @param {Binding} binding @param {File} file */
async function upload(binding, file) {
  try {
    const value = await uploadImage(file, file.name || "pasted.png");
    const { node, app, name } = binding;
    if (!node) return;
    app.pictures.forget(inputUrl(value));
    binding.set(value);
    app.actions.offerOption(node.type, name, value);
  } catch (error) {
    toast(t("The file was not uploaded. {reason}", { reason: reasonOf(error) }), { kind: "bad" });
  }
}

/** @param {Binding} binding */
async function openMask(binding) {
  const { openMaskEditor } = await import("../mask/editor.js");
  openMaskEditor(binding.app, binding.id, binding.name);
}
