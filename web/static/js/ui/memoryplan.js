/** What the graph would take of memory: each node with its networks, where they are and why; nothing is loaded. */

/** @import { App } from "../app.js" */

import { post } from "../engine/api.js";
import { writePrompt } from "../model/io/flatten.js";
import { reasonOf, t } from "../words.js";
import { make } from "./dom.js";
import { newest } from "./newest.js";

/** @typedef {{name: string, kind: string, weight_bytes: number, held_bytes: number, resident: number, streamed: number, reason: string}} Seat */
/**
 * @typedef {{
 *   node_id: string, node_type: string, seats: Seat[], activation_bytes: number, peak_bytes: number, ram_bytes: number,
 *   tile: number, lack: string, is_refused: boolean,
 * }} Row
 */
/** @typedef {{device: string, cap_bytes: number | null, ram_free_bytes: number, rows: Row[], fits: boolean}} Plan */

/** Makes the panel. @param {App} app @param {HTMLElement} element */
export function renderPlan(app, element) {
  const told = make("div", { className: "plan", tabIndex: 0 });
  const newestOf = newest();
  const ask = async () => {
    told.replaceChildren(t("Reading the headers of the models…"));
    try {
      const prompt = writePrompt(app.store.document, app.store.catalogue);
      const plan = await newestOf(post("plan", { prompt }).then((answer) => answer.json()));
      if (plan !== null) told.replaceChildren(...shown(app, plan));
    } catch (error) {
      told.replaceChildren(reasonOf(error));
    }
  };
  element.classList.add("logs");
  element.append(make("div", { className: "log-bar" },
    make("button", { type: "button", className: "quiet", onclick: () => void ask() }, t("Plan again"))), told);
  void ask();
}

/** @param {App} app @param {Plan} plan @returns {HTMLElement[]} */
function shown(app, plan) {
  const taken = (/** @type {Row} */ row) => (plan.cap_bytes === null ? row.ram_bytes : row.peak_bytes);
  const most = Math.max(0, ...plan.rows.map(taken));
  const room = plan.cap_bytes ?? plan.ram_free_bytes;
  const head = [t("Node"), t("Networks"), t("To compute with"), t("At most")].map((text) => make("th", { scope: "col" }, text));
  const rows = plan.rows.map((row) => make("tr", {},
    make("td", {}, make("button", { type: "button", className: "link", onclick: () => app.actions.showNode(row.node_id) }, `${row.node_type} (${row.node_id})`)),
    make("td", {}, ...(row.lack ? [row.lack] : row.seats.map(seat))),
    make("td", {}, row.tile > 0 ? t("{size} in tiles of {side}", { size: sizeText(row.activation_bytes), side: row.tile }) : sizeText(row.activation_bytes)),
    make("td", {}, sizeText(taken(row)))));
  const sum = t("{part} of {whole} at most on {device}.", { part: sizeText(most), whole: sizeText(room), device: plan.device });
  return [make("p", {}, `${plan.fits ? t("It fits.") : t("It does not fit.")} ${sum}`), make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))];
}

/** @param {Seat} seat */
function seat({ name, weight_bytes, resident, streamed, reason }) {
  const where = streamed > 0 ? t("{streamed} of {all} layers streamed", { streamed, all: streamed + resident }) : t("stays");
  return make("div", { title: reason }, `${name}: ${sizeText(weight_bytes)}, ${where}`);
}

/** @param {number} bytes */
function sizeText(bytes) {
  return bytes > 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.max(1, Math.round(bytes / 2 ** 20))} MiB`;
}
