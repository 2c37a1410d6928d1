/** Panels whose code comes when they are opened. */

/** @import { Dock, Panel } from "./dock.js" */

import { loadStyle } from "./styles.js";

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
      const inner = document.createElement("div");
      inner.className = "panel-body";
      element.append(inner);
      void loadStyle("side.css").then(() => render(inner)).then((end) => {
        if (isClosed) end?.();
        else dispose = end;
        if (!isClosed) dock.arrived();
      });
      return () => {
        isClosed = true;
        dispose?.();
      };
    },
  });
}
