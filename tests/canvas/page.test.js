/** The page itself: every module it needs is named for preloading, and nothing is inline. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

const STATIC = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "web", "static");
const PAGE = readFileSync(join(STATIC, "index.html"), "utf8");

/** @returns {string[]} the files that main.js needs, in the order in which they are found */
function modules() {
  const found = [join(STATIC, "js", "main.js")];
  for (const file of found) {
    const source = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
    for (const [, path] of source.matchAll(/^import (?:[^"]*? from )?"(\.[^"]+)";/gms)) {
      const target = join(dirname(file), path);
      if (!found.includes(target)) found.push(target);
    }
  }
  return found.map((file) => relative(STATIC, file).split(sep).join("/"));
}

test("the page preloads exactly the modules that it needs", () => {
  const preloaded = [...PAGE.matchAll(/<link rel="modulepreload" href="([^"]+)">/g)].map(([, href]) => href);
  const wanted = modules().filter((path) => path !== "js/main.js");
  const lines = wanted.map((path) => `  <link rel="modulepreload" href="${path}">`).join("\n");
  assert.deepEqual([...preloaded].sort(), [...wanted].sort(), `index.html should hold:\n${lines}`);
});

test("the page has no inline script, style or handler, so that a strict policy can stand", () => {
  assert.doesNotMatch(PAGE, /<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son[a-z]+=|<style|javascript:/i);
});

test("all scripts and styles together stay below 700 kB", () => {
  const sheets = [...PAGE.matchAll(/<link rel="stylesheet" href="([^"]+)">/g)].map(([, href]) => href);
  const files = [...modules(), ...sheets, "index.html"];
  const bytes = files.reduce((sum, path) => sum + readFileSync(join(STATIC, path)).length, 0);
  assert.ok(bytes < 700_000, `${bytes} bytes`);
});
