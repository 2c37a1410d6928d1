/** Elements of extensions over the canvas: each follows its place on a node, and is out of the page while that is out of sight. */

/** @import { Bounds } from "../model/types.js" */
/** @import { View } from "../canvas/view.js" */

import { overlap } from "../canvas/spatial.js";
import { make } from "../ui/dom.js";

/** Below this scale widgets are not painted, and elements neither. */
const LEAST_SCALE = 0.28;

/**
 * @typedef {{element: HTMLElement, wrapper: HTMLElement, bounds: () => Bounds | null, leastScale: number,
 *   onSight?: (isShown: boolean) => void, isShown: boolean}} Mount
 */

/** One for the page. */
export class Mounts {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
    this.layer = /** @type {HTMLElement} */ (view.stage.querySelector(".widgets"));
    /** @type {Set<Mount>} */ this.all = new Set();
    view.watchers.add(() => this.place());
    document.head.append(make("link", { rel: "stylesheet", href: "styles/extensions.css" }));
  }

  /**
   * Lays an element over a part of the canvas.
   * @param {HTMLElement} element @param {() => Bounds | null} bounds on the canvas; null while it is not to be seen
   * @param {{leastScale?: number, onSight?: (isShown: boolean) => void}} [options]
   * @returns {{dispose: () => void}}
   */
  add(element, bounds, { leastScale = LEAST_SCALE, onSight } = {}) {
    const wrapper = make("div", { className: "mount" }, element);
    for (const name of ["pointerdown", "pointermove", "dblclick", "keydown"]) wrapper.addEventListener(name, (event) => event.stopPropagation());
    wrapper.addEventListener("wheel", keepScroll, { passive: true });
    /** @type {Mount} */
    const mount = { element, wrapper, bounds, leastScale, isShown: false, ...(onSight ? { onSight } : {}) };
    this.all.add(mount);
    this.view.look();
    return {
      dispose: () => {
        this.all.delete(mount);
        wrapper.remove();
      },
    };
  }

  /** Puts every element where it belongs. */
  place() {
    const { camera } = this.view;
    const visible = this.all.size > 0 ? this.view.visible() : null;
    for (const mount of this.all) {
      const bounds = camera.scale < mount.leastScale ? null : mount.bounds();
      const isShown = bounds !== null && visible !== null && overlap(bounds, visible);
      if (isShown !== mount.isShown) this.show(mount, isShown);
      if (!isShown || !bounds) continue;
      const [x, y] = camera.toScreen(bounds[0], bounds[1]);
      const { style } = mount.wrapper;
      style.width = `${bounds[2]}px`;
      style.height = `${bounds[3]}px`;
      style.transform = `translate(${x}px, ${y}px) scale(${camera.scale})`;
    }
  }

  /** @private @param {Mount} mount @param {boolean} isShown */
  show(mount, isShown) {
    mount.isShown = isShown;
    if (isShown) this.layer.append(mount.wrapper);
    else mount.wrapper.remove();
    mount.onSight?.(isShown);
  }
}

/** A wheel over something that scrolls stays there. @param {WheelEvent} event */
function keepScroll(event) {
  for (let element = event.target; element instanceof HTMLElement && !element.classList.contains("mount"); element = element.parentElement) {
    if (!event.ctrlKey && element.scrollHeight > element.clientHeight + 1 && getComputedStyle(element).overflowY !== "hidden" &&
      getComputedStyle(element).overflowY !== "visible") return event.stopPropagation();
  }
}

/** @type {WeakMap<View, Mounts>} */
const known = new WeakMap();

/** The mounts of a view. @param {View} view @returns {Mounts} */
export function mountsOf(view) {
  let mounts = known.get(view);
  if (!mounts) known.set(view, (mounts = new Mounts(view)));
  return mounts;
}
