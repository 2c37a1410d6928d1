/** The last lines of the server's log, followed while they are in sight. */

/** @import { App } from "../app.js" */

import { send } from "../engine/api.js";
import { lines as ownLines, readers } from "../engine/pagelog.js";
import { hearers } from "../engine/socket.js";
import { reasonOf, t } from "../words.js";
import { make } from "./dom.js";

const MOST_LINES = 2000;

/** Makes the panel. @param {App} app @param {HTMLElement} element @returns {() => void} */
export function renderLogs(app, element) {
  const lines = make("pre", { className: "log-lines", role: "region", tabIndex: 0, "aria-label": t("Log of the server") });
  const follow = make("input", { type: "checkbox", checked: true });
  const words = make("input", { type: "search", placeholder: t("Only lines with"), "aria-label": t("Only lines with"), spellcheck: false });
  element.classList.add("logs");
  element.append(make("div", { className: "log-bar" }, words, make("label", {}, follow, t("Follow")),
    make("button", { type: "button", className: "quiet", onclick: () => lines.replaceChildren() }, t("Clear")),
    make("button", { type: "button", className: "quiet", onclick: () => void navigator.clipboard.writeText(lines.innerText) }, t("Copy"))), lines);
  const fits = (/** @type {string} */ text) => text.toLowerCase().includes(words.value.trim().toLowerCase());
  const add = (/** @type {readonly {t: string, m: string}[]} */ entries) => {
    lines.append(...entries.map(({ t: time, m }) => {
      const level = m.slice(0, m.indexOf(" ")).toLowerCase();
      return make("span", { className: `log-line is-${level}`, hidden: !fits(m) }, `${clock(time)}  ${m}`);
    }));
    while (lines.childElementCount > MOST_LINES) lines.firstElementChild?.remove();
    if (follow.checked) lines.scrollTop = lines.scrollHeight;
  };
  words.addEventListener("input", () => {
    for (const line of lines.children) /** @type {HTMLElement} */ (line).hidden = !fits(line.textContent ?? "");
  });
  follow.addEventListener("change", () => (lines.scrollTop = lines.scrollHeight));
  const hear = (/** @type {string} */ type, /** @type {any} */ data) => {
    if (type === "logs") add(data.entries ?? []);
    if (type === "reconnected") void subscribe(app, true);
  };
  hearers.add(hear);
  const read = (/** @type {{t: string, m: string}} */ line) => add([line]);
  readers.add(read);
  let isClosed = false;
  void send("../internal/logs/raw").then(async (answer) => {
    const { entries } = await answer.json();
    add([...entries, ...ownLines].sort((one, other) => Date.parse(one.t) - Date.parse(other.t)));
    if (!isClosed) await subscribe(app, true);
  }).catch((error) => add([{ t: "", m: reasonOf(error) }]));
  return () => {
    isClosed = true;
    hearers.delete(hear);
    readers.delete(read);
    void subscribe(app, false);
  };
}

/** @param {App} app @param {boolean} enabled */
async function subscribe({ clientId }, enabled) {
  await send("../internal/logs/subscribe", {
    method: "PATCH", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ clientId, enabled }),
  }).catch(() => undefined);
}

/** @param {string} time ISO */
function clock(time) {
  return time === "" ? "" : new Date(time).toLocaleTimeString();
}
