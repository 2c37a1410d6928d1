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
 */

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
    this.view.stage.style.cursor = this.isSpaceHeld && this.name === "idle" ? "grab" : this.state.cursor;
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
    const { scene, camera: { scale } } = this.view;
    /** @type {Hit | null} looked for when a state asks, because panning never does */
    let hit = null;
    return {
      screen: [x, y], world, button: event.button, shift: event.shiftKey, control: event.ctrlKey || event.metaKey,
      alt: event.altKey, touch: "pointerType" in event && event.pointerType === "touch",
      get hit() {
        return (hit ??= hitTest(scene, world, scale));
      },
    };
  }

  /** Ends any gesture without its effect. */
  cancel() {
    this.state.cancel?.();
    if (this.name !== "idle") this.go("idle");
  }
}
