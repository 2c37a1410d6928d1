/** Names the packs of nodes that could not be loaded, with what went wrong. */

/** @import { PackReport } from "../engine/api.js" */

import { fetchPacks } from "../engine/api.js";
import { openDialog } from "./dialogs.js";
import { make } from "./dom.js";
import { dismiss, toast } from "./toasts.js";
import { t } from "../words.js";

const TRIES = 120;
const PAUSE_MILLISECONDS = 1000;
const SHOWN_SECONDS = 60;

/** Asks until a worker has told of its packs, and says which of them failed. */
export async function tellPacks() {
  for (let left = TRIES; left > 0; left--) {
    const told = await fetchPacks().catch(() => null);
    if (told?.is_complete) return say(told.packs);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
  }
}

/** @param {readonly PackReport[]} packs */
function say(packs) {
  const failed = packs.filter((pack) => pack.error !== null);
  if (failed.length === 0) return dismiss("packs");
  const names = failed.map((pack) => pack.name).join(", ");
  const text = failed.length === 1
    ? t("The pack {names} could not be loaded: {reason}", { names, reason: failed[0].error })
    : t("{count} packs could not be loaded: {names}", { count: failed.length, names });
  toast(text, { kind: "bad", name: "packs", seconds: SHOWN_SECONDS, action: { label: t("Details"), run: () => show(failed) } });
}

/** @param {readonly PackReport[]} failed */
function show(failed) {
  const entries = failed.flatMap((pack) => [make("h3", {}, pack.name), make("pre", {}, pack.traceback ?? pack.error ?? "")]);
  openDialog(t("Packs that could not be loaded"), make("div", { className: "reports" }, ...entries));
}
