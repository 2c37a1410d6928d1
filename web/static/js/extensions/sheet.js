/** The list of packs with scripts: what they cost, what went wrong, what they lack; each can be turned off. */

/** @import { Extensions } from "./loader.js" */
/** @import { Report } from "./reports.js" */

import { openDialog } from "../ui/dialogs.js";
import { make } from "../ui/dom.js";
import { t } from "../words.js";
import { packName } from "./loader.js";

/** @param {Extensions} extensions */
export function openSheet(extensions) {
  const reports = [...extensions.reports.packs.values()].sort((one, other) => one.name.localeCompare(other.name));
  const entries = reports.map((report) => entryOf(extensions, report));
  const hint = make("p", { className: "hint" }, t("A change takes effect at the next start of the page. The address with ?packs=off starts it without any."));
  openDialog(t("Scripts of packs"), make("div", { className: "reports" }, ...entries, hint));
}

/** @param {Extensions} extensions @param {Report} report @returns {HTMLElement} */
function entryOf(extensions, report) {
  const box = make("input", { type: "checkbox", checked: !extensions.off.includes(report.name) });
  box.addEventListener("change", () => extensions.turn(report.name, box.checked));
  const about = [
    report.kind === "" ? null : report.kind === "native" ? t("native") : t("of the ecosystem"),
    t("{count} files", { count: report.scripts }),
    t("{milliseconds} ms", { milliseconds: Math.round(report.milliseconds) }),
    { loading: t("is loading"), loaded: null, failed: t("failed"), late: t("came too late"), off: t("is off") }[report.state],
  ].filter((part) => part !== null).join(" · ");
  const errors = report.errors.flatMap(({ what, message, stack }) => [make("pre", {}, [what, stack.includes(message) ? stack : `${message}\n${stack}`].join("\n").trim())]);
  const lacks = report.lacks.size === 0 ? [] : [make("p", {}, t("It asks for what this page does not have: {names}", { names: [...report.lacks].join(", ") }))];
  return make("section", { "data-pack": report.name },
    make("h3", {}, make("label", {}, box, " ", report.name)), make("p", { className: "hint" }, about), markOf(extensions, report.name),
    ...lacks, ...errors);
}

/**
 * What stands for the content of a pack's scripts, so that a change of them can be seen.
 * @param {Extensions} extensions @param {string} name @returns {HTMLElement}
 */
function markOf(extensions, name) {
  const mark = make("p", { className: "hint fingerprint" });
  const paths = [...extensions.loaded].filter((path) => packName(path) === name).sort();
  const digest = async () => {
    const texts = await Promise.all(paths.map(async (path) => (await fetch(new URL(path.slice(1), document.baseURI))).arrayBuffer()));
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(texts).arrayBuffer()));
    mark.textContent = t("SHA-256 of its scripts: {mark}", { mark: [...bytes.subarray(0, 12)].map((byte) => byte.toString(16).padStart(2, "0")).join("") });
  };
  // Browsers count only where the page comes over a safe line or from this computer.
  if (paths.length > 0 && globalThis.isSecureContext) void digest().catch(() => undefined);
  return mark;
}
