/** The panels of the page itself; each is loaded when it is opened first. */

/** @import { App } from "../app.js" */

import { hooks } from "../canvas/hooks.js";
import { t } from "../words.js";
import { loadStyle } from "./styles.js";
import { dismiss, toast } from "./toasts.js";

const ICONS = {
  queue: "M3 5h9M3 10h9M3 15h6M15.500 8.500v7M12.500 12.500l3 3 3-3",
  workflows: "M3 5.500h5l2 2h7v8.500H3z",
  missing: "M10 3l7.500 13.500h-15zM10 8v4M10 14.200v.1",
};

const LOOK_MILLISECONDS = 300;

/** Adds them to the docks. @param {App} app */
export function addPanels(app) {
  app.settings.define({
    id: "workflows.versions", label: t("Earlier versions kept of each workflow"), category: t("Workflows"), kind: "number", fallback: 20,
    minimum: 0, maximum: 1000, step: 1,
  });
  /** @type {import("../engine/queue.js").Queue | null} */
  let queue = null;
  lazy(app, {
    id: "workflows", title: t("Workflows"), icon: ICONS.workflows, keys: ["w"], order: 10,
  }, async (element) => {
    const [{ renderWorkflows }] = await Promise.all([import("./workflows.js"), loadStyle("side.css")]);
    return renderWorkflows(app, element);
  });
  lazy(app, { id: "queue", title: t("Queue"), icon: ICONS.queue, keys: ["q"], order: 20 }, async (element) => {
    const [{ Queue }, { renderQueue }] = await Promise.all([import("../engine/queue.js"), import("./queue.js")]);
    return renderQueue(app, queue ??= new Queue(), element);
  });
  tendMissing(app);
  offerSeeds(app);
  app.runner.listen(({ type, job }) => {
    if (type === "listed" && job) queue?.forgetExpected(job.documentId);
    queue?.stir();
    app.sidebar.setBadge("queue", app.runner.remaining > 0 ? String(app.runner.remaining) : "");
  });
}

/** Tells what a workflow lacks when it is opened, and keeps count. @param {App} app */
function tendMissing(app) {
  lazy(app, { id: "missing", title: t("What is missing"), icon: ICONS.missing, order: 30 }, async (element) => {
    const [{ renderMissing }] = await Promise.all([import("./missing.js"), loadStyle("side.css")]);
    return renderMissing(app, element);
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const look = async () => {
    timer = undefined;
    if (!app.view.isCatalogueComplete) return;
    const { countOf, missingIn } = await import("./missing.js");
    const count = countOf(missingIn(app));
    app.sidebar.setBadge("missing", count > 0 ? String(count) : "");
    if (count === 0) dismiss("missing");
    else if (app.workspace.active !== told) {
      const text = count === 1 ? t("This workflow needs something that is not here.") : t("This workflow needs {count} things that are not here.", { count });
      toast(text, { name: "missing", seconds: 15, action: { label: t("Show them"), run: () => app.sidebar.open("missing") } });
    }
    told = app.workspace.active;
  };
  /** @type {unknown} the tab of which it was told */
  let told = null;
  app.store.listen(({ reason }) => {
    if (reason === "enter") return;
    clearTimeout(timer);
    timer = setTimeout(() => void look(), LOOK_MILLISECONDS);
  });
}

/** Lets the seeds of a result be taken from the menu of a node that shows it. @param {App} app */
function offerSeeds(app) {
  const take = async () => (await import("./seeds.js")).takeSeeds(app, app.board.state.seeds);
  app.commands.add([{
    id: "use-seed", label: t("Use the seed of this result"), isEnabled: () => app.board.state.seeds.length > 0, run: () => void take(),
  }]);
  hooks.nodeMenu.add((node) => (app.view.outputOf(node).pictures.length > 0 ? app.commands.items(["use-seed"]) : []));
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
