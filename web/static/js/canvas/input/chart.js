/** The state chart of pointer and keys on the canvas: one state at a time, each in a file of its own name. */

/** @import { Hit } from "../hit.js" */
/** @import { View } from "../view.js" */
/** @import { Actions } from "../../commands/actions.js" */

import { hitTest } from "../hit.js";

/**
 * What a state is told about the pointer.
 * @typedef {Readonly<{screen: [number, number], world: [number, number], button: number, shift: boolean, control: boolean,
 *   alt: boolean, touch: boolean, hit: Hit}>} Pointer
 */

/**
 * @typedef {object} State
 * @property {string} cursor
 * @property {(info: any) => void} [enter]
 * @property {() => void} [exit]
 * @property {(pointer: Pointer) => void} [down]
 * @property {(pointer: Pointer) => void} [move]
 * @property {(pointer: Pointer) => void} [up]
 * @property {(pointer: Pointer) => void} [double]
 * @property {() => void} [cancel] Escape, or the pointer was taken away
 * @property {boolean} [followsEdges] whether the canvas moves while the pointer is held near an edge
 */

/** How near an edge the canvas begins to move, and how far at most in a frame, in pixels. */
const EDGE = 36;
const EDGE_SPEED = 18;

/** Passes events to the state that is active. */
export class Chart {
  /**
   * @param {View} view @param {Actions} actions
   * @param {Record<string, (chart: Chart) => State>} states
   */
  constructor(view, actions, states) {
    this.view = view;
    this.actions = actions;
    this.isSpaceHeld = false;
    this.name = "idle";
    /** @type {Record<string, State>} */ this.states = {};
    for (const [name, make] of Object.entries(states)) this.states[name] = make(this);
    this.state = this.states.idle;
    this.serial = 0;
    /** @type {PointerEvent | null} where the pointer was last */ this.last = null;
    this.edgeFrame = 0;
    /** a gesture took the right button, so that no menu opens */ this.takesMenu = false;
  }

  /** @param {Pointer} pointer @returns {number} how far it must move before a press is a drag: a finger is less exact */
  threshold(pointer) {
    return pointer.touch ? 10 : 4;
  }

  /** Opens the menu of what is under the pointer. @param {Pointer} pointer */
  openMenu(pointer) {
    const box = this.view.stage.getBoundingClientRect();
    this.actions.contextMenu(pointer, box.left + pointer.screen[0], box.top + pointer.screen[1]);
  }

  /** Tells the state where the pointer is now. @param {PointerEvent} event */
  move(event) {
    this.last = event;
    this.state.move?.(this.pointer(event));
    if (this.state.followsEdges && this.edgeFrame === 0) this.edgeFrame = requestAnimationFrame(() => this.followEdge());
  }

  /** Moves the canvas while a gesture is held near an edge. */
  followEdge() {
    this.edgeFrame = 0;
    const { view, last } = this;
    if (!last || !this.state.followsEdges) return;
    const box = view.stage.getBoundingClientRect();
    const pull = (/** @type {number} */ at, /** @type {number} */ size) =>
      Math.max(0, 1 - at / EDGE) - Math.max(0, 1 - (size - at) / EDGE);
    const across = Math.max(-1, Math.min(1, pull(last.clientX - box.left, box.width)));
    const down = Math.max(-1, Math.min(1, pull(last.clientY - box.top, box.height)));
    if ((across === 0 && down === 0) || view.choices.edges === 0) return;
    const speed = EDGE_SPEED * view.choices.edges;
    view.camera.pan(across * speed, down * speed);
    view.look();
    this.state.move?.(this.pointer(last));
    this.edgeFrame = requestAnimationFrame(() => this.followEdge());
  }

  /**
   * Leaves the active state for another.
   * @param {string} name @param {any} info
   */
  go(name, info = undefined) {
    this.state.exit?.();
    this.name = name;
    this.state = this.states[name];
    this.state.enter?.(info);
    this.showCursor();
  }

  /** Sets the cursor of the active state. */
  showCursor() {
    const isHand = this.isSpaceHeld || this.view.mode === "hand";
    this.view.stage.style.cursor = isHand && this.name === "idle" ? "grab" : this.state.cursor;
  }

  /** A name for the commands of one drag, which are undone together. @returns {string} */
  newGesture() {
    this.serial += 1;
    return `drag:${this.serial}`;
  }

  /**
   * @param {PointerEvent | MouseEvent} event
   * @returns {Pointer}
   */
  pointer(event) {
    const box = this.view.stage.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    const world = this.view.camera.toWorld(x, y);
    const { view } = this;
    const isTouch = "pointerType" in event && event.pointerType === "touch";
    /** @type {Hit | null} looked for when a state asks, because panning never does */
    let hit = null;
    return {
      screen: [x, y], world, button: event.button, shift: event.shiftKey, control: event.ctrlKey || event.metaKey,
      alt: event.altKey, touch: isTouch,
      get hit() {
        return (hit ??= hitTest(view.scene, world, view.camera.scale, (link) => view.isSeen(link), isTouch));
      },
    };
  }

  /** Ends any gesture without its effect. */
  cancel() {
    this.state.cancel?.();
    if (this.name !== "idle") this.go("idle");
  }
}
