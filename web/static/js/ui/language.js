/** The language of the page: its words are fetched before anything is built. */

import { speak, t } from "../words.js";

/** The languages that the page speaks, each under its own name. */
export const LANGUAGES = [["en", "English"], ["de", "Deutsch"], ["fr", "Français"]];

/**
 * The language that was chosen, or the first of the browser's that the page speaks.
 * @param {unknown} chosen @param {readonly string[]} wanted
 * @returns {string}
 */
export function languageOf(chosen, wanted) {
  const known = LANGUAGES.map(([value]) => value);
  if (typeof chosen === "string" && known.includes(chosen)) return chosen;
  return wanted.map((one) => one.slice(0, 2).toLowerCase()).find((one) => known.includes(one)) ?? "en";
}

/** Speaks a language; one that cannot be fetched leaves the page English. @param {unknown} chosen */
export async function chooseLanguage(chosen) {
  const language = languageOf(chosen, navigator.languages);
  if (language === "en") return;
  const answer = await fetch(new URL(`../../languages/${language}.json`, import.meta.url)).catch(() => null);
  if (!answer?.ok) return;
  speak(await answer.json());
  document.documentElement.lang = language;
  translatePage();
}

/** What the page itself says, before any script, in the chosen language. */
function translatePage() {
  for (const element of document.querySelectorAll("body [title], body [aria-label]")) {
    for (const name of ["title", "aria-label"]) {
      const words = element.getAttribute(name);
      if (words) element.setAttribute(name, t(words));
    }
  }
  const walker = document.createTreeWalker(document.body, 4);
  for (let place = walker.nextNode(); place; place = walker.nextNode()) {
    const words = place.nodeValue?.trim();
    if (words) place.nodeValue = t(words);
  }
}
