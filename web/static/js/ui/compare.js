/** Two pictures over each other with a line between them that can be moved. */

import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { make } from "./dom.js";

/**
 * The two pictures; the line follows the pointer, and the arrow keys when it has the keyboard.
 * @param {string} one @param {string} other addresses
 * @returns {HTMLElement}
 */
export function comparison(one, other) {
  const below = make("img", { src: other, alt: t("Second picture"), draggable: false });
  const above = make("img", { src: one, alt: t("First picture"), draggable: false, className: "compare-above" });
  const line = make("div", { className: "compare-line" });
  const slider = make("input", { type: "range", min: "0", max: "100", value: "50", className: "compare-slider", "aria-label": t("Where one picture ends and the other begins") });
  const show = () => {
    above.style.clipPath = `inset(0 ${100 - Number(slider.value)}% 0 0)`;
    line.style.left = `${slider.value}%`;
  };
  const element = make("div", { className: "compare" }, below, above, line, slider);
  element.addEventListener("pointermove", (event) => {
    const box = element.getBoundingClientRect();
    slider.value = String(Math.max(0, Math.min(100, 100 * (event.clientX - box.left) / box.width)));
    show();
  });
  slider.addEventListener("input", show);
  show();
  return element;
}

/** @param {string} one @param {string} other addresses */
export function openComparison(one, other) {
  openDialog(t("Compare"), comparison(one, other)).classList.add("is-wide");
}
