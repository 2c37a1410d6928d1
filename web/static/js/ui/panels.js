/** The panels of the page itself; each is loaded when it is opened first. */

/** @import { App } from "../app.js" */

import { t } from "../words.js";

const ICONS = {
  queue: "M3 5h9M3 10h9M3 15h6M15.500 8.500v7M12.500 12.500l3 3 3-3",
  workflows: "M3 5.500h5l2 2h7v8.500H3z",
  problems: "M10 3l7.500 13.500h-15zM10 8v4M10 14.200v.1",
};

/** Adds them to the docks. @param {App} app */
export function addPanels(app) {
  /** @type {import("../engine/queue.js").Queue | null} */
  let queue = null;
  lazy(app, {
    id: "workflows", title: t("Workflows"), icon: ICONS.workflows, keys: ["w"], order: 10,
  }, async (element) => (await import("./workflows.js")).renderWorkflows(app, element));
  lazy(app, { id: "queue", title: t("Queue"), icon: ICONS.queue, keys: ["q"], order: 20 }, async (element) => {
    const [{ Queue }, { renderQueue }] = await Promise.all([import("../engine/queue.js"), import("./queue.js")]);
    return renderQueue(app, queue ??= new Queue(), element);
  });
  app.runner.listen(({ type, job }) => {
    if (type === "finished" && job) queue?.forgetExpected(job.documentId);
    queue?.stir();
    app.sidebar.setBadge("queue", app.runner.remaining > 0 ? String(app.runner.remaining) : "");
  });
}

/**
 * A panel whose code comes when it is opened.
 * @param {App} app @param {Omit<import("./dock.js").Panel, "render">} panel
 * @param {(element: HTMLElement) => Promise<(() => void) | void>} render
 */
function lazy({ sidebar }, panel, render) {
  sidebar.add({
    ...panel, render: (element) => {
      let isClosed = false;
      /** @type {(() => void) | void} */
      let dispose;
      const inner = document.createElement("div");
      inner.className = "panel-body";
      element.append(inner);
      void render(inner).then((end) => {
        if (isClosed) end?.();
        else dispose = end;
      });
      return () => {
        isClosed = true;
        dispose?.();
      };
    },
  });
}
