/** Answers that come late, and work that waits: neither may be lost to what came after it. */

import assert from "node:assert/strict";
import test from "node:test";

import { tendChoices } from "../../web/static/js/commands/choices.js";
import { Settings } from "../../web/static/js/engine/settings.js";
import { newest } from "../../web/static/js/ui/newest.js";

test("an answer that another question overtook does not count, nor does its failure", async () => {
  const only = newest();
  const late = (/** @type {() => string} */ answer) => new Promise((resolve) => globalThis.setImmediate(resolve)).then(answer);
  const broken = () => {
    throw new Error("too late to matter");
  };
  const answers = [only(late(() => "first")), only(late(broken)), only(Promise.resolve("last"))];
  assert.deepEqual(await Promise.all(answers), [null, null, "last"]);
  await assert.rejects(only(Promise.reject(new Error("this one counts"))), /counts/);
});

test("a workflow saves itself though another tab was changed in the meantime", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const names = ["one", "other"].map((savedAs) => ({ savedAs, name: savedAs, revision: null, isDirty: true }));
  const saved = /** @type {string[]} */ ([]);
  /** @type {() => void} */
  let done = () => undefined;
  const both = new Promise((resolve) => (done = () => resolve(null)));
  const box = { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };
  const settings = new Settings(box, { fetch: async () => ({}), send: async () => undefined });
  /** @type {(change: {reason: string}) => void} */
  let change = () => undefined;
  const app = {
    settings, runner: { listen: () => undefined }, commands: { rebind: () => undefined },
    store: { listen: (/** @type {typeof change} */ listener) => (change = listener) },
    workspace: { active: names[0], saving: (/** @type {typeof names[0]} */ tab) => ({ json: {}, saved: () => saved.push(tab.name) === 2 && done() }) },
    drafts: { touch: () => undefined },
  };
  context.mock.method(globalThis, "fetch", async () => new globalThis.Response("{}", { status: 200 }));
  tendChoices(/** @type {any} */ (app));
  settings.set("files.autosave", true);
  change({ reason: "command" });
  app.workspace.active = names[1];
  change({ reason: "command" });
  context.mock.timers.tick(3500);
  await both;
  assert.deepEqual(saved, ["one", "other"]);
});
