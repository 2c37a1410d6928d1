/** The keys: a list of all of them to look up, and the part of the settings where they are changed. */

/** @import { App } from "../app.js" */
/** @import { Command } from "../commands/registry.js" */

import { KEYS } from "../commands/choices.js";
import { combination, spokenKeys } from "../commands/registry.js";
import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { make, refill } from "./dom.js";

/** What browsers keep for themselves. */
const RESERVED = new Set([
  "ctrl+t", "ctrl+w", "ctrl+n", "ctrl+tab", "ctrl+h", "ctrl+j", "ctrl+r", "ctrl+shift+n", "ctrl+shift+i", "ctrl+shift+j",
  "ctrl+shift+r", "ctrl+shift+t", "ctrl+shift+w", "f5", "f7", "f11", "f12", "alt+f4",
]);
const MODIFIERS = new Set(["Control", "Shift", "Alt", "Meta", "AltGraph"]);

/** Shows every key and every gesture. @param {App} app */
export function showKeys(app) {
  const rows = [...app.commands.all.values()].filter((command) => app.commands.keysOf(command).length > 0).map((command) =>
    pair(command.label, app.commands.keysOf(command).map(spokenKeys).join(", ")));
  const dialog = openDialog(t("Keys"), make("div", { className: "keys-list", tabIndex: 0 },
    make("table", { className: "keys-table" }, ...rows), make("h3", {}, t("Mouse")),
    make("table", { className: "keys-table" }, ...gestures().map(([what, how]) => pair(what, how)))));
  dialog.classList.add("is-broad");
}

/** @param {string} what @param {string} how */
function pair(what, how) {
  return make("tr", {}, make("td", {}, what), make("td", {}, how));
}

/** @returns {[string, string][]} */
function gestures() {
  return [
    [t("Pan"), t("Drag the background, or hold Space, or the middle button")], [t("Zoom"), t("Wheel")],
    [t("Select with a box"), t("Ctrl + drag")], [t("Select more"), t("Shift + click")], [t("Copy while dragging"), t("Alt + drag")],
    [t("Keep to the grid"), t("Shift while dragging")], [t("Add a node"), t("Double click the background")],
    [t("Rename"), t("Double click the title")], [t("Go from node to node, or move the canvas"), t("Arrow keys")],
    [t("Move all links of an output"), t("Shift + drag the output")], [t("Disconnect a socket"), t("Ctrl + Alt + click")],
    [t("Add a reroute"), t("Alt + click a link")], [t("Draw a second link"), t("Shift + drag a link or a reroute")],
    [t("Cut links"), t("Ctrl + drag with the right button")], [t("Link two nodes"), t("Alt + drag with the right button")],
    [t("Put a node into a link"), t("Drop it on the link")], [t("Move only the frame of a group"), t("Ctrl + drag its title")],
    [t("More or less weight in a prompt"), t("Ctrl + arrow up or down")], [t("Zoom by dragging"), t("Ctrl + Shift + drag the background")],
  ];
}

/**
 * Rows that change the keys of the commands whose names hold some words.
 * @param {App} app @param {string} query lower case
 * @returns {HTMLElement[]}
 */
export function keyRows(app, query) {
  return [...app.commands.all.values()]
    .filter((command) => `${command.label} ${app.commands.keysOf(command).map(spokenKeys).join(" ")}`.toLowerCase().includes(query))
    .sort((one, other) => one.label.localeCompare(other.label)).map((command) => keyRow(app, command));
}

/** @param {App} app @param {Command} command @returns {HTMLElement} */
function keyRow(app, command) {
  const row = make("div", { className: "choice key-row" });
  const fill = () => refill(row, draw);
  const draw = () => {
    const own = app.commands.keysOf(command);
    const isChosen = command.id in app.commands.chosen;
    row.replaceChildren(
      make("span", { className: "choice-label" }, command.label,
        make("small", {}, command.scope === "page" ? t("Everywhere") : t("When nothing is typed"))),
      make("span", { className: "key-caps" },
        ...own.map((keys) => make("button", {
          type: "button", className: "cap", "data-focus": "key", title: t("Remove these keys"), onclick: () => choose(app, command, own.filter((one) => one !== keys), fill),
        }, spokenKeys(keys), make("span", { "aria-hidden": "true" }, " ×"))),
        make("button", { type: "button", className: "cap is-new", "data-focus": "key", onclick: () => listen(app, command, row, fill) }, t("Add keys…")),
        ...(isChosen ? [make("button", { type: "button", className: "link", "data-focus": "key", onclick: () => reset(app, command, fill) }, t("Reset"))] : [])));
  };
  fill();
  return row;
}

/** @param {App} app @param {Command} command @param {readonly string[]} keys @param {() => void} fill */
function choose({ settings }, command, keys, fill) {
  settings.set(KEYS, { ...settings.get(KEYS), [command.id]: keys });
  fill();
}

/** @param {App} app @param {Command} command @param {() => void} fill */
function reset({ settings }, command, fill) {
  const { [command.id]: _gone, ...rest } = settings.get(KEYS);
  settings.set(KEYS, rest);
  fill();
}

/**
 * Waits for keys to be pressed, and says whom they belong to.
 * @param {App} app @param {Command} command @param {HTMLElement} row @param {() => void} fill
 */
function listen(app, command, row, fill) {
  const hint = make("span", { className: "key-hint", role: "status" }, t("Press the keys, Enter to keep them, Escape to leave it"));
  const pressed = make("button", { type: "button", className: "cap is-new", "data-focus": "key" }, "…");
  row.replaceChildren(make("span", { className: "choice-label" }, command.label, hint), make("span", { className: "key-caps" }, pressed));
  let keys = "";
  pressed.addEventListener("blur", fill);
  pressed.addEventListener("keydown", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const isPlain = !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey;
    if (isPlain && event.key === "Escape") return fill();
    if (isPlain && event.key === "Enter" && keys !== "") return keep(app, command, keys, fill);
    if (MODIFIERS.has(event.key)) return;
    keys = combination(event);
    pressed.textContent = spokenKeys(keys);
    const owner = app.commands.byKeys.get(keys);
    if (RESERVED.has(keys)) hint.textContent = t("Browsers keep {keys} for themselves; Enter keeps it all the same", { keys: spokenKeys(keys) });
    else if (owner && owner !== command) hint.textContent = t("“{label}” has these keys; Enter takes them from it", { label: owner.label });
    else hint.textContent = t("Enter keeps them");
  });
  pressed.focus();
}

/** @param {App} app @param {Command} command @param {string} keys @param {() => void} fill */
function keep(app, command, keys, fill) {
  const { commands, settings } = app;
  const owner = commands.byKeys.get(keys);
  const chosen = { ...settings.get(KEYS), [command.id]: [...commands.keysOf(command).filter((one) => one !== keys), keys] };
  if (owner && owner !== command) chosen[owner.id] = commands.keysOf(owner).filter((one) => one !== keys);
  settings.set(KEYS, chosen);
  fill();
}
