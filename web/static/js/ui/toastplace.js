/** Where messages lie: at the foot of the canvas or the form, where they cover no control. */

import { byId } from "./dom.js";

/** @typedef {{left: number, top: number, right: number, bottom: number}} Box */

const GAP = 8;
const EDGE = 14;
/** What must stay free. Lists that fill a narrow page end above the messages instead, by what `--toasts` says. */
const CONTROLS = ".bar, .rail, .side, .bottom, .tools, .trail, .problems, .minimap, .outline, .toolbox, .form-run, .panel, .quiet-back";

const MUCH_LOWER = 60;

let isTended = false;
let isShown = false;

/** Puts the messages where they belong, now and whenever something comes or goes around them. */
export function placeToasts() {
  if (!isTended) tend();
  place();
}

/** Looks again when sizes change, when a panel opens, and when something was pressed. */
function tend() {
  isTended = true;
  let frame = 0;
  const soon = () => {
    if (byId("toasts").childElementCount === 0 && !isShown) return;
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      place();
    });
  };
  const sizes = new ResizeObserver(soon);
  const watch = () => {
    for (const element of document.querySelectorAll(`#stage, #form, #toasts, ${CONTROLS}`)) sizes.observe(element);
    soon();
  };
  new MutationObserver(watch).observe(document.body, { childList: true });
  for (const event of ["pointerup", "keyup", "resize"]) addEventListener(event, soon);
  watch();
}

function place() {
  const shelf = byId("toasts");
  const { style } = document.body;
  for (const name of ["--toasts", "--toasts-in-form"]) style.removeProperty(name);
  isShown = shelf.childElementCount > 0;
  if (!isShown) return;
  const form = byId("form");
  const area = (form.hidden ? byId("stage") : form).getBoundingClientRect();
  shelf.style.maxWidth = `${area.width - 2 * EDGE}px`;
  const { width, height } = shelf.getBoundingClientRect();
  const boxes = [...document.querySelectorAll(CONTROLS)].map((element) => element.getBoundingClientRect()).filter((box) => box.width > 0);
  const found = freePlace(area, width, height, boxes);
  shelf.style.left = `${found.left + width / 2}px`;
  shelf.style.bottom = `${innerHeight - found.bottom}px`;
  if (!form.hidden) style.setProperty("--toasts-in-form", `${height + EDGE + GAP}px`);
  if (!found.isFree) style.setProperty("--toasts", `${innerHeight - found.bottom + height + GAP}px`);
}

/**
 * A free place low in the middle of an area, or at a side where that is much lower; the foot above the bars where none is free.
 * @param {Box} area @param {number} width @param {number} height @param {readonly Box[]} boxes what must not be covered
 * @returns {{left: number, bottom: number, isFree: boolean}}
 */
export function freePlace(area, width, height, boxes) {
  const lefts = [(area.left + area.right - width) / 2, area.left + EDGE, area.right - EDGE - width];
  const free = lefts.map((left) => ({ left, bottom: lowest(area, left, width, height, boxes), isFree: true }))
    .filter(({ bottom }) => bottom - height >= area.top + GAP);
  const low = Math.max(...free.map(({ bottom }) => bottom)) - MUCH_LOWER;
  const found = free.find(({ bottom }) => bottom >= low);
  if (found) return found;
  const bars = boxes.filter((box) => box.bottom - box.top < (area.bottom - area.top) / 4);
  return { left: lefts[0], bottom: lowest(area, lefts[0], width, height, bars), isFree: false };
}

/**
 * Climbs over what is in the way.
 * @param {Box} area @param {number} left @param {number} width @param {number} height @param {readonly Box[]} boxes
 * @returns {number} where the foot of the messages lies
 */
function lowest(area, left, width, height, boxes) {
  let bottom = area.bottom - EDGE;
  for (let isFree = false; !isFree && bottom > area.top;) {
    const top = bottom - height;
    const hit = boxes.filter((box) =>
      box.left < left + width + GAP && box.right > left - GAP && box.top < bottom + GAP && box.bottom > top - GAP);
    isFree = hit.length === 0;
    if (!isFree) bottom = Math.min(...hit.map((box) => box.top)) - GAP;
  }
  return bottom;
}
