/** Pictures, films and sounds at their full size, one after the other: zoomed, moved, and with what can be done with them. */

import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { make } from "./dom.js";

/**
 * What is shown; `actions` are buttons below it, of which one that `closes` ends the show.
 * @typedef {{url: string, name?: string, kind?: string,
 *   actions?: readonly {label: string, keys?: string, closes?: boolean, run: () => void}[]}} Shown
 */

/**
 * @param {readonly Shown[]} items @param {number} start
 * @returns {HTMLDialogElement}
 */
export function openLightbox(items, start = 0) {
  let index = start;
  const place = make("div", { className: "lightbox-place", role: "group" });
  const caption = make("span", {});
  const buttons = make("span", { className: "lightbox-actions" });
  const content = make("div", { className: "lightbox" }, place, make("footer", {}, caption, buttons));
  const dialog = openDialog(t("Picture"), content);
  dialog.classList.add("is-wide");
  const show = () => {
    const { url, name, kind, actions = [] } = items[index];
    const media = mediaOf(url, kind, name);
    place.replaceChildren(media);
    if (media.tagName === "IMG") letZoom(place, /** @type {HTMLImageElement} */ (media));
    const count = items.length > 1 ? t("{index} of {count}", { index: index + 1, count: items.length }) : "";
    caption.textContent = [count, name].filter(Boolean).join("  ·  ");
    buttons.replaceChildren(...actions.map(({ label, closes, run }) => make("button", {
      type: "button", onclick: () => {
        if (closes) dialog.close();
        run();
      },
    }, label)), make("a", { href: url, download: "" }, t("Download")), make("a", { href: url, target: "_blank", rel: "noopener" }, t("Open in a tab")));
  };
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : items[index].actions?.find(({ keys }) => keys === event.key);
    if (step !== undefined && items.length > 1) {
      index = (index + step + items.length) % items.length;
      show();
    } else if (action) {
      if (action.closes) dialog.close();
      action.run();
    }
  });
  show();
  return dialog;
}

/** @param {string} url @param {string | undefined} kind @param {string | undefined} name @returns {HTMLElement} */
function mediaOf(url, kind, name) {
  if (kind === "film") return make("video", { src: url, controls: true, autoplay: true, loop: true });
  if (kind === "sound") return make("audio", { src: url, controls: true });
  if (kind === "other") return make("p", {}, t("A file of this kind cannot be shown."));
  return make("img", { src: url, alt: name ?? "", draggable: false });
}

/** The wheel and + - 0 zoom, dragging moves. @param {HTMLElement} place @param {HTMLImageElement} picture */
function letZoom(place, picture) {
  let [x, y, scale] = [0, 0, 1];
  const apply = () => (picture.style.transform = `translate(${x}px, ${y}px) scale(${scale})`);
  const zoom = (/** @type {number} */ factor, cx = 0, cy = 0) => {
    const next = Math.max(1, Math.min(32, scale * factor));
    [x, y] = next === 1 ? [0, 0] : [cx - (cx - x) * next / scale, cy - (cy - y) * next / scale];
    scale = next;
    picture.style.imageRendering = picture.width * scale / Math.max(1, picture.naturalWidth) > 3 ? "pixelated" : "auto";
    apply();
  };
  place.onwheel = (event) => {
    event.preventDefault();
    const box = place.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * 0.002), event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2);
  };
  place.onpointerdown = (event) => {
    if (scale === 1) return;
    place.setPointerCapture(event.pointerId);
    place.onpointermove = (move) => {
      [x, y] = [x + move.movementX, y + move.movementY];
      apply();
    };
  };
  place.onpointerup = () => (place.onpointermove = null);
  place.ondblclick = () => zoom(scale > 1 ? 0 : 3);
  place.tabIndex = 0;
  place.setAttribute("aria-label", t("Picture; plus and minus zoom"));
  place.onkeydown = (event) => {
    const factor = { "+": 1.25, "=": 1.25, "-": 0.8, "0": 0 }[event.key];
    if (factor !== undefined) zoom(factor);
  };
}
