/** Starts the page: catalogue, draft, parts, listeners. */

import { App } from "./app.js";
import { arrangeCommands } from "./commands/arrange.js";
import { canvasCommands } from "./commands/canvas.js";
import { clipboardCommands, isTyping, listenToClipboard } from "./commands/clipboard.js";
import { editCommands, runCommands, viewCommands } from "./commands/core.js";
import { fileCommands, listenToDrops } from "./commands/files.js";
import { dropDraft, fetchCatalogue, sendDraft } from "./engine/api.js";
import { tendForm } from "./commands/form.js";
import { groupCommands } from "./commands/groups.js";
import { tendCanvasSettings } from "./commands/preferences.js";
import { tendChoices } from "./commands/choices.js";
import { subgraphCommands } from "./commands/subgraphs.js";
import { tendNodeTools, tendNotes } from "./commands/node_tools.js";
import { closeTab, tabCommands } from "./commands/tabs.js";
import { browserBox } from "./engine/database.js";
import { Drafts } from "./engine/drafts.js";
import { claimWindow } from "./engine/windows.js";
import { nameDocument } from "./engine/workspace.js";
import { Settings } from "./engine/settings.js";
import { Socket } from "./engine/socket.js";
import { readCatalogue } from "./model/definitions.js";
import { readWorkflow } from "./model/io/read.js";
import { findSeeds } from "./model/seeds.js";
import { setControl } from "./model/commands.js";
import { starterDocument } from "./model/starter.js";
import { byId } from "./ui/dom.js";
import { addPanels } from "./ui/panels.js";
import { addSidePanels } from "./ui/sidepanels.js";
import { tellPacks } from "./ui/packs.js";
import { tendOverlays } from "./ui/overlays.js";
import { chooseLanguage } from "./ui/language.js";
import { LANGUAGE, tendSettings } from "./ui/settings.js";
import { dismiss, toast } from "./ui/toasts.js";
import { tellRuns } from "./ui/voice.js";
import { tendTabs } from "./ui/tabs.js";
import { showTrail } from "./ui/trail.js";
import { showLine, tendTopbar } from "./ui/topbar.js";
import { reasonOf, t } from "./words.js";

/** How long to wait for the catalogue before the page is shown without it. */
const PATIENCE_MILLISECONDS = 400;
const CATALOGUE_RETRY_MILLISECONDS = 1000;
const WARM_MILLISECONDS = 500;

/** @param {App} app @returns {void} */
function listenToKeys(app) {
  addEventListener("keydown", (event) => {
    if (event.key === " " && !isTyping()) {
      app.chart.isSpaceHeld = true;
      app.chart.showCursor();
    }
    if (event.key === "Escape" && !isTyping()) {
      if (app.chart.name !== "idle") app.chart.cancel();
      else if (app.view.selection.size > 0) app.view.clearSelection();
      else app.commands.run("leave-subgraph");
    }
    const command = app.commands.match(event, isTyping());
    if (!command) return;
    event.preventDefault();
    app.commands.run(command.id);
  });
  addEventListener("keyup", (event) => {
    if (event.key !== " ") return;
    app.chart.isSpaceHeld = false;
    app.chart.showCursor();
  });
}

/** @param {App} app */
function listenToServer(app) {
  const { runner } = app;
  let wasOpen = false;
  new Socket(app.clientId, {
    state: (state) => {
      showLine(state);
      if (state === "open" && wasOpen) {
        void refresh(app, false);
        void app.drafts.send();
      }
      if (state === "open") void runner.recover().catch(() => undefined);
      wasOpen ||= state === "open";
    },
    jobs: () => [...runner.jobs.keys()],
    message: (type, data) => runner.receive(type, data),
    preview: (frame) => void runner.showPreview(frame),
    text: (key, text) => runner.showText(key, text),
  }).open();
  runner.listen((event) => {
    if (event.job && !runner.isShown(event.job)) return sayElsewhere(app, event);
    if (event.type === "started") dismiss("run");
    else if (event.type === "unchanged") sayUnchanged(app, event.text);
    else if (event.type === "cancelled") toast(t("Cancelled"), { name: "run" });
    else if (event.type === "refused" && app.board.problems.length === 0) toast(event.text, { kind: "bad", name: "run" });
  });
}

/**
 * What happened to a workflow that is not on screen: its tab shows it, a failure is said.
 * @param {App} app @param {import("./engine/runner.js").RunEvent} event
 */
function sayElsewhere({ workspace }, { type, job, text }) {
  const tab = workspace.tabs.find((one) => one.workflow === job?.documentId);
  if (!tab || (type !== "failed" && type !== "refused")) return;
  toast(t("“{name}” failed: {text}", { name: tab.name, text }), { kind: "bad", action: { label: t("Show me"), run: () => workspace.show(tab) } });
}

/** @param {App} app @param {string} count */
function sayUnchanged(app, count) {
  const { store } = app;
  const seeds = findSeeds(store.graph, store.definitions);
  const reroll = () => {
    const before = seeds.map(({ id, name }) => ({ id, name, mode: store.graph.nodes.get(id)?.controls[name] ?? "fixed" }));
    store.run("New seed", (change) => seeds.forEach(({ id, name }) => setControl(change, id, name, "randomize")), "new-seed");
    void app.runner.run().finally(() =>
      store.run("New seed", (change) => before.forEach(({ id, name, mode }) => setControl(change, id, name, mode))));
  };
  const text = count === "1" ? t("Nothing to do: the only node is unchanged.") : t("Nothing to do: all {count} nodes are unchanged.", { count });
  toast(text, {
    name: "run", seconds: 8, ...(seeds.length > 0 ? { action: { label: t("Run with a new seed"), run: reroll } } : {}),
  });
}

/**
 * Reads the catalogue again; nodes whose type was unknown until now get their slots.
 * @param {App} app @param {boolean} isAsked
 */
async function refresh(app, isAsked) {
  try {
    useCatalogue(app, await fetchCatalogue());
    if (!isAsked) return;
    toast(t("Node definitions and file lists are up to date."), { name: "refresh" });
    void tellPacks();
  } catch (error) {
    if (isAsked) toast(reasonOf(error), { kind: "bad", name: "refresh" });
  }
}

/** @param {App} app @param {Record<string, any>} catalogue */
function useCatalogue(app, catalogue) {
  const { store, view } = app;
  const definitions = readCatalogue(catalogue);
  view.isCatalogueComplete = Object.keys(catalogue).length > 0;
  const becameKnown = [...store.graph.nodes.values()].some((node) => !store.definitions.has(node.type) && definitions.has(node.type));
  if (!becameKnown) return store.define(definitions);
  app.workspace.unread((json) => json.nodes.some((/** @type {any} */ node) => !store.definitions.has(node.type) && definitions.has(node.type)));
  if (app.workspace.active.isUntouched) {
    store.define(definitions);
    const fresh = starterDocument(definitions);
    nameDocument(fresh, app.name);
    store.open(fresh);
    return view.fit();
  }
  const json = app.workflow();
  const { camera, selection } = view;
  const keys = [...selection].map((id) => store.graph.nodes.get(id)?.key);
  store.define(definitions);
  const { document } = readWorkflow(json, definitions);
  nameDocument(document, app.name);
  const { x, y, scale } = camera;
  store.open(document);
  Object.assign(camera, { x, y, scale });
  view.select([...document.root.nodes.values()].filter((node) => keys.includes(node.key)).map((node) => node.id));
}

/** @param {App} app asks again until the server knows its nodes */
async function awaitCatalogue(app) {
  while (!app.view.isCatalogueComplete) {
    await refresh(app, false);
    if (!app.view.isCatalogueComplete) await new Promise((resolve) => setTimeout(resolve, CATALOGUE_RETRY_MILLISECONDS));
  }
}

/** The drafts of this browser tab, and what it had open. */
async function findDrafts() {
  const { name, isHeld } = await claimWindow();
  const drafts = new Drafts(name, browserBox(), localStorage, { send: sendDraft, drop: dropDraft });
  const found = await drafts.find(isHeld).catch((error) => {
    toast(t("The drafts in this browser could not be read: {reason}", { reason: error.message }), { kind: "bad" });
    return { tabs: [], closed: [], active: "" };
  });
  return { drafts, found };
}

/** Shows what this browser tab had open before. @param {App} app @param {import("./engine/drafts.js").Found} found */
function restore(app, { tabs, closed, active }) {
  app.workspace.closed = [...closed];
  if (tabs.length > 0) {
    app.workspace.restore(tabs, active);
    for (const tab of app.workspace.tabs) app.drafts.touch(tab.id);
  } else app.view.fit();
}

/** Lets drafts be written even as the page goes away. @param {App} app */
function tendDrafts({ drafts, workspace }) {
  const flush = () => {
    if (!workspace.active.isUntouched) drafts.touch(workspace.active.id);
    drafts.flush();
  };
  addEventListener("pagehide", flush);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") flush();
  });
}

/** Loads what packs bring for the page, when all else stands. @param {App} app */
async function loadExtensions(app) {
  const { Extensions } = await import("./extensions/loader.js");
  app.extensions = new Extensions(app);
  await app.extensions.load();
}

/** Builds the page. */
async function start() {
  const settings = new Settings();
  const catalogue = fetchCatalogue().catch(() => ({}));
  await chooseLanguage(settings.values[LANGUAGE]);
  tendSettings(settings);
  const soon = new Promise((resolve) => setTimeout(() => resolve(null), PATIENCE_MILLISECONDS));
  const [found, { drafts, found: kept }] = await Promise.all([Promise.race([catalogue, soon]), findDrafts()]);
  const known = /** @type {Record<string, any>} */ (found ?? {});
  const definitions = readCatalogue(known);
  const app = new App(byId("stage"), starterDocument(definitions), definitions, drafts, settings);
  new globalThis.MutationObserver(() => app.view.retheme()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  app.view.isCatalogueComplete = Object.keys(known).length > 0;
  tendCanvasSettings(app);
  tendChoices(app);
  app.commands.add([...runCommands(app), ...editCommands(app), ...viewCommands(app), ...fileCommands(app), ...clipboardCommands(app),
    ...subgraphCommands(app), ...arrangeCommands(app), ...groupCommands(app), ...canvasCommands(app), ...tabCommands(app)]);
  showTrail(app);
  tellRuns(app);
  app.commands.add([{ id: "refresh", label: t("Refresh node definitions"), keys: ["r"], run: () => void refresh(app, true) }]);
  tendTopbar(app);
  tendOverlays(app);
  addPanels(app);
  addSidePanels(app);
  tendTabs(app, (tab) => void closeTab(app, tab));
  restore(app, kept);
  tendForm(app);
  tendNodeTools(app);
  tendNotes(app);
  tendDrafts(app);
  listenToKeys(app);
  listenToClipboard(app);
  listenToDrops(app);
  listenToServer(app);
  if (!app.view.isCatalogueComplete) void awaitCatalogue(app);
  void tellPacks().then(() => loadExtensions(app)).catch(() => undefined);
  app.isStarted = true;
  Object.assign(window, { sfumato: app });
  requestAnimationFrame(() => {
    performance.mark("sfumato-interactive");
    Object.assign(window, { __sfumatoReady: true });
    document.documentElement.dataset.ready = "";
    // What a run needs is fetched now, while the server is there, and never before the page can be used.
    setTimeout(() => {
      void import("./model/io/flatten.js");
      void import("./commands/more.js").then(({ tendMore }) => tendMore(app));
    }, WARM_MILLISECONDS);
  });
}

await start();
