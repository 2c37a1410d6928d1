/** Shows node types in the language of the page: with its own words, and with those that packs bring. */

/** @import { App } from "../app.js" */

import { send } from "../engine/api.js";
import { setWording } from "../model/definitions.js";
import { wording } from "../model/nodetexts.js";
import { t } from "../words.js";

const SETTING = "nodes.words";
/** The languages in which the page itself has words for nodes. */
const SPOKEN = new Set(["de", "fr"]);

/** @param {App} app */
export async function tendNodeTexts({ settings, store }) {
  settings.define({
    id: SETTING, label: t("Names of nodes in the language of the page"), category: t("Nodes"), kind: "toggle", fallback: true,
    note: t("Open pages change when they are loaded again."),
  });
  const language = document.documentElement.lang || "en";
  if (!settings.get(SETTING)) return;
  const address = new URL(`../../languages/nodes.${language}.json`, import.meta.url);
  const [own, packs] = await Promise.all([
    !SPOKEN.has(language) ? {} : fetch(address).then((answer) => (answer.ok ? answer.json() : {}), () => ({})),
    send("i18n").then((answer) => answer.json(), () => ({})),
  ]);
  const nodeDefs = packs?.[language]?.nodeDefs;
  if (Object.keys(own).length === 0 && !nodeDefs) return;
  const say = wording([{ nodes: nodeDefs }, own]);
  setWording(say);
  store.define(new Map([...store.catalogue].map(([type, definition]) => [type, say(definition)])));
}
