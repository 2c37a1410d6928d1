/** What the workflow on screen needs and is not here, where it would come from, and what could stand for it. */

/** @import { App } from "../app.js" */
/** @import { Missing, MissingModel, Where } from "../model/missing.js" */

import { Downloads, downloadable } from "../engine/downloads.js";
import { findMissing, replaceValue } from "../model/missing.js";
import { retype } from "../model/retype.js";
import { writeJson } from "../model/io/json.js";
import { pathTo } from "../model/subgraphs.js";
import { sizeText } from "../model/text.js";
import { t } from "../words.js";
import { askChoice } from "./dialogs.js";
import { make } from "./dom.js";
import { tell, toast } from "./toasts.js";

const LOOK_MILLISECONDS = 200;

/** @type {Downloads | null} */
let downloads = null;

/** The downloads of the server; where one has ended, the lists of files are read again, whether or not the panel is open. @param {App} app */
function downloadsOf(app) {
  if (downloads) return downloads;
  const all = downloads = new Downloads();
  /** @type {Set<string>} */
  const arrived = new Set();
  all.listeners.add(() => {
    const fresh = all.all.filter(({ id, state }) => state === "done" && !arrived.has(id));
    for (const { id } of fresh) arrived.add(id);
    if (fresh.length > 0) app.commands.run("refresh");
  });
  return all;
}

/** Makes the panel. @param {App} app @param {HTMLElement} element @returns {() => void} */
export function renderMissing(app, element) {
  element.classList.add("missing");
  const all = downloadsOf(app);
  /** @type {(() => void)[]} show how far the downloads are */
  let updates = [];
  let drawn = "";
  const fill = () => {
    const missing = findMissing(app.store.document, app.store.definitions);
    const state = writeJson([app.store.document.id, missing]);
    if (state === drawn) return;
    drawn = state;
    updates = [];
    const parts = [typesPart(app, missing), modelsPart(app, missing, (model) => downloadPart(all, model, updates)), wordsPart(app, missing)];
    const shown = parts.filter((part) => part !== null);
    element.replaceChildren(...(shown.length > 0 ? shown : [make("p", { className: "hint" }, t("Everything that this workflow needs is here."))]));
  };
  const follow = () => updates.forEach((update) => update());
  let timer = 0;
  const stop = app.store.listen(() => {
    clearTimeout(timer);
    timer = window.setTimeout(fill, LOOK_MILLISECONDS);
  });
  all.listeners.add(follow);
  void all.look().catch(() => undefined);
  fill();
  return () => {
    clearTimeout(timer);
    stop();
    all.listeners.delete(follow);
  };
}

/** @param {string} title @param {readonly HTMLElement[]} entries @returns {HTMLElement | null} */
function part(title, entries) {
  return entries.length === 0 ? null : make("section", {}, make("h3", {}, title), make("ul", {}, ...entries));
}

/** @param {App} app @param {Missing} missing */
function typesPart(app, { types }) {
  return part(t("Nodes that are not installed"), types.map(({ type, pack, nodes, alternatives }) => entry(app, {
    name: type, nodes, url: pack?.repository ? `https://github.com/${pack.repository}` : null, more: installHint(pack),
    facts: [
      [t("Pack"), [pack?.id, pack?.version].filter(Boolean).join(" ")], [t("From"), pack?.repository ?? ""],
    ],
    uses: alternatives.map((one) => [app.store.definitions.get(one)?.name ?? one, () => useType(app, nodes, one)]),
  })));
}

/** @param {App} app @param {Missing} missing @param {(model: MissingModel) => HTMLElement | null} more */
function modelsPart(app, { models }, more) {
  return part(t("Models that are not here"), models.map((model) => {
    const { name, folder, url, hash, hashType, nodes, alternatives } = model;
    return entry(app, {
      name, nodes, url, more: more(model),
      facts: [[t("Folder"), folder ?? ""], [hashType ?? t("Hash"), hash ?? ""]],
      uses: nodes.some(({ input }) => input !== undefined) ? alternatives.map((one) => [one, () => useValue(app, nodes, one)]) : [],
    });
  }));
}

/** How a pack comes here. @param {import("../model/missing.js").Pack | null} pack @returns {HTMLElement | null} */
function installHint(pack) {
  if (!pack?.repository) return null;
  const command = `git clone https://github.com/${pack.repository} custom_nodes/${pack.repository.split("/").at(-1)}`;
  const copy = () => void navigator.clipboard.writeText(command).then(() => toast(t("The command was copied."), { kind: "good", name: "copied" }), () => undefined);
  return make("details", {}, make("summary", {}, t("How to install it")),
    make("p", {}, t("Stop the server, run this in its folder, and start it again. A pack is a program: install it only if you trust its makers.")),
    make("pre", {}, command), make("button", { type: "button", onclick: copy }, t("Copy")));
}

/**
 * The way to download a model, or how far that is.
 * @param {Downloads} downloads @param {MissingModel} model @param {(() => void)[]} updates gets what shows how it stands
 * @returns {HTMLElement | null}
 */
function downloadPart(downloads, model, updates) {
  const found = downloadable(model);
  if (!found) return null;
  const { model: wanted, host } = found;
  const begin = async () => {
    const checked = wanted.sha256 ? t("Its SHA-256 is compared with what the workflow says.") : t("The workflow does not say what the file must be, so that it cannot be compared.");
    const question = t("{name} comes from {host} and goes into the folder {folder} of the server.", { name: wanted.name, host, folder: wanted.folder });
    if (await askChoice(t("Download from {host}?", { host }), `${question} ${checked}`, [t("Download")]) !== null) await downloads.begin(wanted, host);
  };
  const stop = async () => downloads.cancel(downloads.of(wanted.name)?.id ?? "");
  const bar = make("progress", { max: 1, "aria-label": wanted.name });
  const text = make("span", {});
  const failed = make("span", { className: "missing-failed", role: "status" });
  const start = make("button", { type: "button", onclick: () => void tell(begin(), "download") }, t("Download…"));
  const cancel = make("button", { type: "button", className: "link", onclick: () => void tell(stop(), "download") }, t("Cancel"));
  const update = () => {
    const { state, received = 0, total = 0, problem = "" } = downloads.of(wanted.name) ?? {};
    const isRunning = state === "running";
    bar.hidden = cancel.hidden = !isRunning;
    start.hidden = isRunning;
    if (total > 0) bar.value = received / total;
    else bar.removeAttribute("value");
    const amount = total > 0 ? t("{part} of {whole}", { part: sizeText(received), whole: sizeText(total) }) : sizeText(received);
    failed.textContent = state === "failed" ? problem : "";
    text.textContent = isRunning ? amount : state === "failed" ? "" : host;
  };
  updates.push(update);
  update();
  return make("div", { className: "missing-download" }, bar, start, text, failed, cancel);
}

/** @param {App} app @param {Missing} missing */
function wordsPart(app, { words }) {
  return part(t("Choices that are not offered"), words.map(({ value, nodes, alternatives }) => entry(app, {
    name: String(value), nodes, facts: [[t("Input"), nodes[0]?.input ?? ""]],
    uses: alternatives.map((one) => [one, () => useValue(app, nodes, one)]),
  })));
}

/**
 * @param {App} app
 * @param {{name: string, nodes: readonly Where[], url?: string | null, facts: readonly (readonly [string, string])[],
 *   uses: readonly (readonly [string, () => void])[], more?: HTMLElement | null}} about
 * @returns {HTMLElement}
 */
function entry(app, { name, nodes, url = null, facts, uses, more = null }) {
  const known = facts.filter(([, value]) => value !== "");
  const link = url !== null && /^https?:\/\//i.test(url)
    ? make("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, t("Where it is from")) : null;
  const show = make("button", { type: "button", className: "link", onclick: () => showNext(app, nodes) },
    nodes.length === 1 ? t("Show me") : t("Show me ({count} nodes)", { count: nodes.length }));
  return make("li", {}, make("strong", {}, name),
    known.length > 0 ? make("dl", {}, ...known.flatMap(([word, value]) => [make("dt", {}, word), make("dd", {}, value)])) : null,
    make("div", { className: "missing-ways" }, nodes.length > 0 ? show : null, link), more,
    uses.length > 0 ? make("div", { className: "missing-uses" }, make("span", {}, t("Use instead:")),
      ...uses.map(([word, use]) => make("button", { type: "button", title: word, onclick: use }, word))) : null);
}

/** @type {{nodes: readonly Where[], index: number}} which of several nodes was shown last */
let last = { nodes: [], index: -1 };

/** @param {App} app @param {readonly Where[]} nodes */
function showNext({ store, view }, nodes) {
  last = { nodes, index: last.nodes[0]?.node === nodes[0]?.node ? (last.index + 1) % nodes.length : 0 };
  const { graph, node } = nodes[last.index];
  const path = graph === store.graphId ? null : pathTo(store.document, graph);
  if (path) store.show(path);
  view.select([node]);
  view.fit([node]);
}

/** @param {App} app @param {readonly Where[]} nodes @param {string} type */
function useType({ store }, nodes, type) {
  const definition = store.definitions.get(type);
  if (!definition) return;
  const lost = store.run("Replace missing nodes", (change) =>
    nodes.reduce((sum, { graph, node }) => sum + retype(change.at(graph), store.definitions, node, definition), 0));
  if (lost > 0) toast(lost === 1 ? t("1 link did not fit and was taken away.") : t("{count} links did not fit and were taken away.", { count: lost }));
}

/** @param {App} app @param {readonly Where[]} nodes @param {string} value */
function useValue({ store }, nodes, value) {
  store.run("Replace what is missing", (change) => replaceValue(change, nodes, value));
}
