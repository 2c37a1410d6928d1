/** Panels whose code comes when they are opened. */

/** @import { Dock, Panel } from "./dock.js" */

import { make } from "./dom.js";
import { loadStyle } from "./styles.js";
import { tell } from "./toasts.js";

/**
 * Adds such a panel to a dock.
 * @param {Dock} dock @param {Omit<Panel, "render">} panel
 * @param {(element: HTMLElement) => Promise<(() => void) | void>} render
 */
export function addLazily(dock, panel, render) {
  dock.add({
    ...panel, render: (element) => {
      let isClosed = false;
      /** @type {(() => void) | void} */
      let dispose;
      const inner = make("div", { className: "panel-body" });
      element.append(inner);
      void tell(loadStyle("side.css").then(() => render(inner)).then((end) => {
        if (isClosed) return end?.();
        dispose = end;
        dock.arrived();
      }));
      return () => {
        isClosed = true;
        dispose?.();
      };
    },
  });
}
