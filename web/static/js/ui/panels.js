/** The panels of the page itself; each is loaded when it is opened first. */

/** @import { App } from "../app.js" */

import { hooks } from "../canvas/hooks.js";
import { t } from "../words.js";
import { addLazily } from "./lazy.js";
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
  addLazily(app.sidebar, { id: "workflows", title: t("Workflows"), icon: ICONS.workflows, keys: ["w"], order: 10 }, async (element) =>
    (await import("./workflows.js")).renderWorkflows(app, element));
  addLazily(app.sidebar, { id: "queue", title: t("Queue"), icon: ICONS.queue, keys: ["q"], order: 20 }, async (element) => {
    const [{ Queue }, { renderQueue }] = await Promise.all([import("../engine/queue.js"), import("./queue.js")]);
    return renderQueue(app, queue ??= new Queue(), element);
  });
  tendMissing(app);
  offerSeeds(app);
  app.runner.listen(({ type, job }) => {
    if (type === "listed" && job) queue?.forgetExpected(job.documentId);
    app.sidebar.setBadge("queue", app.runner.remaining > 0 ? String(app.runner.remaining) : "");
  });
}

/** Tells what a workflow lacks when it is opened, and keeps count. @param {App} app */
function tendMissing(app) {
  addLazily(app.sidebar, { id: "missing", title: t("What is missing"), icon: ICONS.missing, order: 30 }, async (element) =>
    (await import("./missing.js")).renderMissing(app, element));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const look = async () => {
    timer = undefined;
    if (!app.view.isCatalogueComplete) return;
    const { findMissing } = await import("../model/missing.js");
    const { types, models, words } = findMissing(app.store.document, app.store.definitions);
    const count = types.length + models.length + words.length;
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
