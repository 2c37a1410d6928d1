/** The commands that the page begins with. */

/** @import { App } from "../app.js" */
/** @import { Command } from "./registry.js" */
/** @import { NodeMode } from "../model/types.js" */

import { addCopies, removeGroups, removeLinks, removeNodes, removeReroutes, setCollapsed, setMode } from "../model/commands.js";
import { outputsBehind } from "../model/outputs.js";
import { folded } from "../model/search.js";
import { openPalette } from "../ui/palette.js";
import { loadStyle } from "../ui/styles.js";
import { tell, toast } from "../ui/toasts.js";
import { spokenKeys } from "./registry.js";
import { t } from "../words.js";

/** @param {App} app @returns {Command[]} */
export function runCommands(app) {
  return [
    { id: "run", label: t("Run"), keys: ["ctrl+enter"], scope: "page", run: () => void startRun(app, false) },
    { id: "run-front", label: t("Run next, before what waits"), keys: ["ctrl+shift+enter"], scope: "page", run: () => void startRun(app, true) },
    {
      id: "run-selected", label: t("Run only what is selected"), keys: ["ctrl+shift+alt+enter"], isEnabled: () => app.view.selection.size > 0,
      run: () => void runSelected(app),
    },
    {
      id: "cancel", label: t("Cancel the run"), keys: ["ctrl+alt+enter"], scope: "page",
      run: () => void tell(app.runner.cancel()),
    },
  ];
}

/** @param {App} app @param {boolean} front */
async function startRun(app, front) {
  app.view.dom.open?.commit();
  await app.automatic.press({ front });
}

/** Runs the outputs among the selected nodes, or else those that lie behind them. @param {App} app */
async function runSelected(app) {
  const targets = outputsBehind(app.store.document.root, app.store.definitions, app.view.selection);
  if (app.store.path.length > 0) return toast(t("Outputs are chosen on the first level, not inside a subgraph."), { kind: "bad" });
  if (targets.length === 0) return toast(t("Nothing that is selected leads to an output."), { kind: "bad" });
  app.view.dom.open?.commit();
  await app.runner.run({ targets });
}

/** @param {App} app @returns {Command[]} */
export function editCommands(app) {
  const { store, view } = app;
  const chosen = () => view.selection.size > 0;
  const nodes = () => [...view.selection];
  const toggleMode = (/** @type {NodeMode} */ mode) => {
    const all = nodes().every((id) => store.graph.nodes.get(id)?.mode === mode);
    store.run(mode === "mute" ? "Mute" : "Bypass", (change) => setMode(change, nodes(), all ? "normal" : mode));
  };
  return [
    { id: "undo", label: t("Undo"), keys: ["ctrl+z"], run: () => void store.undo(), isEnabled: () => store.history.past.length > 0 },
    { id: "redo", label: t("Redo"), keys: ["ctrl+y", "ctrl+shift+z"], run: () => void store.redo(), isEnabled: () => store.history.future.length > 0 },
    { id: "select-all", label: t("Select all"), keys: ["ctrl+a"], run: () => view.select(store.graph.nodes.keys(), false, store.graph.reroutes.keys()) },
    { id: "delete", label: t("Delete"), keys: ["delete", "backspace"], run: () => deleteSelection(app) },
    {
      id: "duplicate", label: t("Duplicate"), keys: ["ctrl+d"], isEnabled: chosen, run: () => {
        const own = nodes().map((id) => store.graph.nodes.get(id)).filter((node) => node !== undefined);
        const links = [...store.graph.links.values()].filter((link) => view.selection.has(link.to));
        view.select(store.run("Duplicate", (change) => addCopies(change, own, links, [30, 40])));
      },
    },
    {
      id: "collapse", label: t("Collapse or expand"), keys: ["alt+c"], isEnabled: chosen, run: () => {
        const all = nodes().every((id) => store.graph.nodes.get(id)?.collapsed);
        store.run(all ? "Expand" : "Collapse", (change) => setCollapsed(change, nodes(), !all));
      },
    },
    { id: "mute", label: t("Mute"), keys: ["ctrl+m"], isEnabled: chosen, run: () => toggleMode("mute") },
    { id: "bypass", label: t("Bypass"), keys: ["ctrl+b"], isEnabled: chosen, run: () => toggleMode("bypass") },
    {
      id: "rename-node", label: t("Rename"), keys: ["f2"], isEnabled: () => view.selection.size === 1, run: () => {
        const node = store.graph.nodes.get(nodes()[0]);
        if (node) view.dom.openTitle(node);
      },
    },
  ];
}

/** @param {App} app */
function deleteSelection(app) {
  const { store, view } = app;
  if (app.settings.get("nodes.bridge") && app.view.selection.size > 0) return app.commands.run("delete-bridged");
  const { selection, chosenReroutes, selectedLink, selectedGroup } = view;
  store.run("Delete", (change) => {
    removeNodes(change, [...selection]);
    removeReroutes(change, [...chosenReroutes]);
    if (selectedLink) removeLinks(change, [selectedLink]);
    if (selectedGroup) removeGroups(change, [selectedGroup]);
  });
}

/** @param {App} app @returns {Command[]} */
export function viewCommands(app) {
  const { view } = app;
  const zoom = (/** @type {number} */ factor) => {
    view.camera.zoom(factor, [view.width / 2, view.height / 2]);
    view.redraw();
  };
  const middle = () => /** @type {[number, number]} */ ([view.width / 2, view.height / 3]);
  return [
    { id: "fit", label: t("Fit the view"), keys: ["."], run: () => view.fit(view.selection.size > 0 ? view.selection : null) },
    { id: "zoom-in", label: t("Zoom in"), keys: ["alt+=", "alt++"], run: () => zoom(1.2) },
    { id: "zoom-out", label: t("Zoom out"), keys: ["alt+-"], run: () => zoom(1 / 1.2) },
    {
      id: "add-node", label: t("Add a node…"), keys: ["ctrl+space"], run: () => {
        const [x, y] = middle();
        app.actions.search({ at: view.camera.toWorld(x, y), screen: [x - 180, y - 60] });
      },
    },
    { id: "palette", label: t("All commands…"), keys: ["ctrl+k"], scope: "page", run: () => openCommands(app) },
    { id: "shortcuts", label: t("Keys…"), keys: ["?", "ctrl+shift+k"], run: () => void openKeys(app) },
    { id: "settings", label: t("Settings…"), keys: ["ctrl+,"], scope: "page", run: () => void openChoices(app) },
  ];
}

/** @param {App} app */
function openCommands(app) {
  const choices = [...app.commands.all.values()].map((command) => ({
    item: command, label: command.label, note: spokenKeys(app.commands.keysOf(command)[0]), fields: [folded(command.label)],
  }));
  openPalette({ x: innerWidth / 2 - 200, y: 90, placeholder: t("What do you want to do?"), hint: t("Enter does it"), choices },
    (command) => app.commands.run(command.id));
}

/** @param {App} app */
async function openKeys(app) {
  const [{ showKeys }] = await Promise.all([import("../ui/keys.js"), loadStyle("side.css")]);
  showKeys(app);
}

/** @param {App} app */
async function openChoices(app) {
  const [{ openSettings }] = await Promise.all([import("../ui/settingsdialog.js"), loadStyle("side.css")]);
  openSettings(app);
}
