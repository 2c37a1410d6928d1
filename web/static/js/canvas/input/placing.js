/** A new node hangs on the pointer until a press puts it down; Escape takes it away. */

/** @import { Chart, Pointer, State } from "./chart.js" */

/** @param {Chart} chart @returns {State} */
export function placing(chart) {
  const { translating } = chart.states;
  return {
    cursor: "grabbing", followsEdges: true,
    enter(/** @type {{pointer: Pointer, gesture: string}} */ { pointer, gesture }) {
      translating.enter?.({ pressed: { ...pointer, hit: { kind: "background" }, alt: false }, pointer, gesture });
    },
    move: (pointer) => translating.move?.(pointer),
    down: (pointer) => translating.up?.(pointer),
    up: () => undefined,
    cancel: () => translating.cancel?.(),
    exit: () => translating.exit?.(),
  };
}
