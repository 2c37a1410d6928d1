/** The row of open workflows in the bar: which is shown, which is unsaved, how its run stands. */

/** @import { App } from "../app.js" */
/** @import { Tab } from "../engine/workspace.js" */

import { t } from "../words.js";
import { byId, make } from "./dom.js";
import { openMenu } from "./menu.js";

const DRAG_PIXELS = 6;
const OF_A_TAB = ["duplicate-tab", "rename-workflow", null, "save", "save-as", "versions", null, "close-tab", "close-others", "close-left", "close-right", "reopen-tab"];

/** Fills the row and keeps it true. @param {App} app @param {(tab: Tab) => void} closeTab */
export function tendTabs(app, closeTab) {
  const { workspace, runner, store } = app;
  const row = byId("tabs");
  /** @type {string} */
  let drawn = "";
  /** @type {Tab | null} */
  let shown = null;
  let frame = 0;
  const fill = () => {
    const state = JSON.stringify([workspace.active.id, workspace.tabs.map((tab) => [tab.id, tab.name, tab.isDirty, runState(app, tab)])]);
    if (state === drawn) return;
    drawn = state;
    const hadFocus = row.contains(document.activeElement);
    row.replaceChildren(...workspace.tabs.map((tab) => button(app, tab, closeTab)));
    const active = /** @type {HTMLElement | null} */ (row.querySelector("[aria-selected='true']"));
    if (shown !== workspace.active) active?.scrollIntoView({ block: "nearest", inline: "nearest" });
    shown = workspace.active;
    if (hadFocus) active?.focus();
  };
  row.addEventListener("wheel", (event) => (row.scrollLeft += event.deltaY || event.deltaX), { passive: true });
  row.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) workspace.step(step);
    else if (event.key === "Delete") app.commands.run("close-tab");
    else if (event.key === "F2") app.commands.run("rename-workflow");
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  byId("new-tab").addEventListener("click", () => app.commands.run("new"));
  byId("all-tabs").addEventListener("click", () => {
    const box = byId("all-tabs").getBoundingClientRect();
    openMenu(box.left, box.bottom + 6, workspace.tabs.map((tab) => ({
      label: tab.name, isChecked: tab === workspace.active, keys: tab.isDirty ? t("not saved") : "", run: () => workspace.show(tab),
    })));
  });
  workspace.listen(fill);
  store.listen(() => (frame ||= requestAnimationFrame(() => {
    frame = 0;
    fill();
  })));
  runner.listen(fill);
  fill();
  tellDrafts(app);
}

/** @param {App} app @param {Tab} tab @returns {"running" | "waiting" | "done" | "failed" | "idle"} */
function runState({ runner, board, workspace }, tab) {
  const job = runner.jobOf(tab.workflow);
  if (job) return job.state === "running" ? "running" : "waiting";
  return tab === workspace.active ? "idle" : board.states.get(tab.workflow)?.mark ?? "idle";
}

/** @returns {Record<string, string>} what the marks of a tab say */
function runWords() {
  return { running: t("running"), waiting: t("waiting in the queue"), done: t("finished"), failed: t("failed") };
}

/** @param {App} app @param {Tab} tab @param {(tab: Tab) => void} closeTab @returns {HTMLElement} */
function button(app, tab, closeTab) {
  const isActive = tab === app.workspace.active;
  const run = runState(app, tab);
  const about = [tab.name, tab.isDirty ? t("not saved") : "", runWords()[run] ?? ""].filter(Boolean).join(", ");
  const close = make("span", {
    className: "tab-close", "aria-hidden": "true", title: t("Close"), onclick: (/** @type {Event} */ event) => {
      event.stopPropagation();
      closeTab(tab);
    },
  }, "×");
  const element = make("button", {
    type: "button", className: "tab", role: "tab", "aria-selected": String(isActive), "aria-label": about, title: tab.name,
    tabIndex: isActive ? 0 : -1, "data-tab": tab.id, "data-run": run,
  }, make("span", { className: "tab-run" }), make("span", { className: "tab-name" }, tab.name),
  make("span", { className: tab.isDirty ? "tab-dot" : "tab-dot is-clean" }), close);
  element.addEventListener("click", () => app.workspace.show(tab));
  element.addEventListener("dblclick", () => app.commands.run("rename-workflow"));
  element.addEventListener("auxclick", (event) => {
    if (event.button === 1) closeTab(tab);
  });
  element.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    app.workspace.show(tab);
    openMenu(event.clientX, event.clientY, app.commands.items(OF_A_TAB));
  });
  drag(app, tab, element);
  return element;
}

/** Lets a tab be moved to another place in the row. @param {App} app @param {Tab} tab @param {HTMLElement} element */
function drag({ workspace }, tab, element) {
  element.addEventListener("pointerdown", (down) => {
    if (down.button !== 0) return;
    const move = (/** @type {PointerEvent} */ event) => {
      if (Math.abs(event.clientX - down.clientX) < DRAG_PIXELS) return;
      const others = [...byId("tabs").children].filter((one) => one instanceof HTMLElement && one.dataset.tab !== tab.id);
      const index = others.filter((one) => {
        const box = one.getBoundingClientRect();
        return box.left + box.width / 2 < event.clientX;
      }).length;
      if (workspace.tabs.indexOf(tab) !== index) workspace.move(tab, index);
    };
    const up = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", up);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", up);
  });
}

/** Says quietly where drafts cannot be kept. @param {App} app */
function tellDrafts({ drafts }) {
  const field = byId("kept");
  const fill = () => {
    const { browser, server } = drafts.problems;
    field.hidden = browser === null && server === null;
    field.classList.toggle("is-bad", browser !== null);
    field.textContent = browser === null ? t("Drafts are kept in this browser only")
      : server === null ? t("Drafts are kept on the server only") : t("Drafts cannot be kept");
    field.title = [browser, server].filter(Boolean).join("\n");
  };
  drafts.listeners.add(fill);
  fill();
}
