/** Where extensions take part in the canvas: painting, presses and menus. All of it is empty without extensions. */

/** @import { Node } from "../model/types.js" */
/** @import { Pointer } from "./input/chart.js" */
/** @import { Shape, WidgetPlace } from "./shape.js" */
/** @import { View } from "./view.js" */

/** @typedef {import("../ui/menu.js").Item} Item a line of a menu; null is a line between */
/** @typedef {{move?: (pointer: Pointer) => void, up?: (pointer: Pointer) => void}} Held what follows a press that was taken */
/**
 * Who paints and handles the widgets of one kind ("custom" widgets name it as their `guest`).
 * @typedef {{paint: (context: CanvasRenderingContext2D, view: View, node: Node, place: WidgetPlace) => void,
 *   press?: (pointer: Pointer, node: Node, place: WidgetPlace) => Held | null}} Guest
 */
/**
 * Who shows the pictures of the nodes of one type in a way of its own.
 * @typedef {(context: CanvasRenderingContext2D, node: Node, bounds: import("../model/types.js").Bounds,
 *   urls: readonly string[]) => void} MediaPainter
 */
/** @typedef {(context: CanvasRenderingContext2D, node: Node, shape: Shape) => void} Painter its origin is that of the canvas */

export const hooks = {
  /** @type {Map<string, Guest>} */ widgets: new Map(),
  /** @type {Map<string, MediaPainter>} by type of node */ media: new Map(),
  /** @type {Set<() => void>} before the scene is drawn */ before: new Set(),
  /** @type {Set<(context: CanvasRenderingContext2D) => void>} above the paper */ ground: new Set(),
  /** @type {Set<(context: CanvasRenderingContext2D) => void>} above all nodes */ top: new Set(),
  /** @type {Set<Painter>} above the frame of a node, below its parts */ behind: new Set(),
  /** @type {Set<Painter>} above all of a node */ over: new Set(),
  /** @type {Set<(node: Node) => {text: string, colour?: string} | null>} beside the title */ badges: new Set(),
  /** @type {Set<(pointer: Pointer) => Held | null>} a press with the first button; what is answered takes it */ press: new Set(),
  /** @type {Set<(pointer: Pointer) => boolean>} true takes it */ double: new Set(),
  /** @type {Set<(pointer: Pointer) => void>} */ hover: new Set(),
  /** @type {Set<(at: readonly [number, number]) => readonly Item[]>} */ canvasMenu: new Set(),
  /** @type {Set<(node: Node, items: Item[], hit: import("./hit.js").Hit) => readonly Item[]>} more for the menu of a node */ nodeMenu: new Set(),
  /** @type {Set<(link: import("../model/types.js").Link) => readonly Item[]>} */ linkMenu: new Set(),
};

/**
 * The first answer that is not null or false.
 * @template A, T
 * @param {Set<(argument: A) => T>} asked @param {A} argument
 * @returns {T | null}
 */
export function firstOf(asked, argument) {
  for (const ask of asked) {
    const answer = ask(argument);
    if (answer) return answer;
  }
  return null;
}

/**
 * Lets all painters of a node paint, each with the context as it was.
 * @param {Set<Painter>} painters @param {CanvasRenderingContext2D} context @param {Node} node @param {Shape} shape
 */
export function paintAll(painters, context, node, shape) {
  for (const paint of painters) {
    context.save();
    paint(context, node, shape);
    context.restore();
  }
}
