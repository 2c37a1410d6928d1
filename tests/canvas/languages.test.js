/** Every sentence of the page is in every language, and no language has one that nobody says. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { COLOURS } from "../../web/static/js/commands/groups.js";
import { LANGUAGES, languageOf } from "../../web/static/js/ui/language.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const STATIC = join(ROOT, "web", "static");

/** @param {string} folder @returns {string[]} */
const scripts = (folder) => readdirSync(folder).flatMap((name) => {
  const path = join(folder, name);
  return statSync(path).isDirectory() ? scripts(path) : path.endsWith(".js") ? [path] : [];
});

/** What scripts say: every literal that t is called with. */
function spoken() {
  return scripts(join(STATIC, "js")).flatMap((path) => {
    const source = readFileSync(path, "utf8").replace(/^\s*(?:\/\*\*|\*|\/\/).*$/gm, "");
    return [...source.matchAll(/\bt\(\s*("(?:[^"\\]|\\.)*")/g)].map(([, literal]) => JSON.parse(literal));
  });
}

/** What the page says before any script. */
function written() {
  const body = readFileSync(join(STATIC, "index.html"), "utf8").split("<body>")[1];
  const attributes = [...body.matchAll(/\b(?:title|aria-label)="([^"]+)"/g)].map(([, words]) => words);
  const texts = [...body.matchAll(/>([^<>]+)</g)].map(([, words]) => words.trim()).filter((words) => /[a-z]/i.test(words) && words !== "Sfumato");
  return [...attributes, ...texts];
}

/** What data says: names of colours, titles of templates. */
function named() {
  const templates = JSON.parse(readFileSync(join(ROOT, "assets", "templates", "index.json"), "utf8"));
  return [...COLOURS.map(([name]) => name), ...templates.flatMap((/** @type {any} */ { title, text }) => [title, text])];
}

const SENTENCES = new Set([...spoken(), ...written(), ...named()]);
const holes = (/** @type {string} */ text) => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();

for (const [language] of LANGUAGES.filter(([name]) => name !== "en")) {
  /** @type {Record<string, string>} */
  const words = JSON.parse(readFileSync(join(STATIC, "languages", `${language}.json`), "utf8"));

  test(`${language} has every sentence, and none that is not said`, () => {
    assert.deepEqual([...SENTENCES].filter((sentence) => !(sentence in words)), []);
    assert.deepEqual(Object.keys(words).filter((sentence) => !SENTENCES.has(sentence)), []);
  });

  test(`${language} says every value that English says`, () => {
    for (const [english, other] of Object.entries(words)) {
      assert.ok(other.trim() !== "", english);
      assert.deepEqual(holes(other), holes(english), english);
    }
  });
}

test("sentences are whole: what t is called with is never put together", () => {
  for (const path of scripts(join(STATIC, "js"))) assert.doesNotMatch(readFileSync(path, "utf8"), /\bt\(\s*(?:`|"[^"]*"\s*\+)/, path);
});

test("the language is the one chosen, or the browser's first that is spoken", () => {
  assert.equal(languageOf("fr", ["de-AT"]), "fr");
  assert.equal(languageOf(undefined, ["it", "de-AT", "fr"]), "de");
  assert.equal(languageOf("system", ["it"]), "en");
});
