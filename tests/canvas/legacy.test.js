/** The adapter for packs of the ecosystem: what it imports is there, and what packs import from it, too. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

const LEGACY = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "web", "static", "legacy");

/** @param {string} folder @returns {string[]} */
function scripts(folder) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js")).map((name) => join(folder, name));
}

/** @param {string} source @returns {Set<string>} the names that a module exports */
function exportsOf(source) {
  const names = new Set();
  for (const [, name] of source.matchAll(/^export (?:async )?(?:const|let|function\*?|class) (\$?\w+)/gm)) names.add(name);
  for (const [, list] of source.matchAll(/^export \{([^}]*)\}/gm)) for (const part of list.split(",")) names.add(part.trim().split(" as ").at(-1));
  return names;
}

test("every name that a module of the adapter imports is exported where it is looked for", () => {
  const missing = [];
  for (const file of scripts(LEGACY)) {
    const source = readFileSync(file, "utf8");
    for (const [, list, path] of source.matchAll(/^import \{([^}]*)\} from "(\.[^"]+)";/gm)) {
      const known = exportsOf(readFileSync(join(dirname(file), path), "utf8"));
      for (const name of list.split(",").map((part) => part.trim().split(" as ")[0]).filter(Boolean)) {
        if (!known.has(name)) missing.push(`${file.slice(LEGACY.length)}: ${name} from ${path}`);
      }
    }
  }
  assert.deepEqual(missing, []);
});

test("the files that packs import hand on only what the adapter has", () => {
  const modules = readFileSync(join(LEGACY, "modules.js"), "utf8");
  for (const folder of ["scripts", "core"]) {
    for (const file of scripts(join(LEGACY, folder))) {
      const source = readFileSync(file, "utf8");
      assert.match(source, /^await globalThis\.sfumatoLegacy\(\);$/m, file);
      for (const [, name, module, member] of source.matchAll(/^export const (\S+) = globalThis\.comfyAPI\.(\w+)\.(\S+);$/gm)) {
        assert.equal(name, member);
        assert.ok(new RegExp(`^    ${module}: \\{|, ${module}: \\{`, "m").test(modules) || modules.includes(` ${module}: {`), `${file}: ${module}`);
      }
    }
  }
});
