/** Settings: definitions, values that fit, the mirror, the server. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { SettingError, Settings } from "../../web/static/js/engine/settings.js";

/** @param {Record<string, string>} kept */
function box(kept = {}) {
  return {
    kept,
    getItem: (/** @type {string} */ key) => kept[key] ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void (kept[key] = value),
    removeItem: (/** @type {string} */ key) => void delete kept[key],
  };
}

/** @param {Record<string, any>} stored */
function server(stored = {}) {
  const state = { stored, isDown: false };
  return {
    state,
    fetch: async () => ({ ...state.stored }),
    send: async (/** @type {Record<string, any>} */ changes) => {
      if (state.isDown) throw new Error("down");
      Object.assign(state.stored, changes);
    },
  };
}

/** @type {import("../../web/static/js/engine/settings.js").Definition} */
const SPEED = { id: "speed", label: "Speed", category: "View", kind: "number", fallback: 1, minimum: 0.5, maximum: 4 };

test("a setting has its fallback until something else is chosen, and refuses what does not fit", () => {
  const settings = new Settings(box(), server());
  settings.define(SPEED);
  assert.equal(settings.get("speed"), 1);
  settings.set("speed", 2);
  assert.equal(settings.get("speed"), 2);
  assert.throws(() => settings.set("speed", 9), { message: "the setting speed must be a number from 0.5 to 4, not 9" });
  assert.throws(() => settings.set("speed", "2"), SettingError);
  assert.throws(() => settings.get("sped"), { message: "there is no setting sped" });
  assert.throws(() => settings.define(SPEED), { message: "the setting speed is defined twice" });
  assert.equal(settings.get("speed"), 2);
});

test("a choice is one of its options, also when these are asked for late", () => {
  const settings = new Settings(box(), server());
  const options = [{ value: "a", label: "A" }];
  settings.define({ id: "letter", label: "Letter", category: "", kind: "choice", fallback: "a", options: () => options });
  assert.throws(() => settings.set("letter", "b"), { message: 'the setting letter must be one of a, not "b"' });
  options.push({ value: "b", label: "B" });
  settings.set("letter", "b");
  assert.equal(settings.get("letter"), "b");
});

test("what was chosen reaches the server and listeners, and the mirror knows it before the server answers", async () => {
  const shelf = box();
  const line = server({ other: [1] });
  const settings = new Settings(shelf, line);
  settings.define(SPEED);
  /** @type {any[]} */
  const heard = [];
  const stop = settings.listen("speed", (value) => heard.push(value));
  settings.set("speed", 3);
  settings.set("speed", 3);
  await settings.flush();
  stop();
  settings.set("speed", 4);
  assert.deepEqual(heard, [3]);
  assert.deepEqual(line.state.stored, { other: [1], speed: 3 });
  const next = new Settings(shelf, line);
  next.define(SPEED);
  assert.equal(next.get("speed"), 4);
  await settings.flush();
});

test("choices made while the server is away are sent at the next start and win over what it keeps", async () => {
  const shelf = box();
  const line = server({ speed: 1.5 });
  line.state.isDown = true;
  const settings = new Settings(shelf, line);
  settings.define(SPEED);
  settings.set("speed", 2);
  await settings.flush();
  assert.equal(settings.problem, "down");
  line.state.isDown = false;
  const next = new Settings(shelf, line);
  next.define(SPEED);
  await next.load();
  assert.equal(next.get("speed"), 2);
  assert.equal(line.state.stored.speed, 2);
  assert.deepEqual(next.unsent, {});
});

test("a choice that is made and sent while the server is asked wins over what the answer holds", async () => {
  const line = server({ speed: 1.5 });
  /** @type {(found: any) => void} */
  let answer = () => undefined;
  line.fetch = () => new Promise((resolve) => (answer = resolve));
  const settings = new Settings(box(), line);
  settings.define(SPEED);
  const loading = settings.load();
  settings.set("speed", 2);
  await settings.flush();
  answer({ speed: 1.5 });
  await loading;
  assert.equal(settings.get("speed"), 2);
  assert.deepEqual([line.state.stored.speed, settings.unsent], [2, {}]);
});

test("what the server keeps is taken and told; a stored value that does not fit counts as not chosen", async () => {
  const settings = new Settings(box(), server({ speed: 2, letter: 7 }));
  settings.define(SPEED);
  settings.define({ id: "letter", kind: "text", fallback: "a" });
  /** @type {any[]} */
  const heard = [];
  settings.listen("speed", (value) => heard.push(value));
  await settings.load();
  assert.deepEqual(heard, [2]);
  assert.equal(settings.get("letter"), "a");
});

test("the theme chosen in a former version is kept", async () => {
  const line = server();
  const shelf = box({ "sfumato.setting.theme": "dark" });
  const settings = new Settings(shelf, line);
  await settings.load();
  assert.deepEqual(line.state.stored, { "appearance.theme": "dark" });
  assert.equal(shelf.kept["sfumato.setting.theme"], undefined);
});

test("a tab follows what another tab chose", () => {
  const shelf = box();
  const [one, two] = [new Settings(shelf, server()), new Settings(shelf, server())];
  one.define(SPEED);
  two.define(SPEED);
  /** @type {any[]} */
  const heard = [];
  two.listen("speed", (value) => heard.push(value));
  one.set("speed", 3);
  two.followMirror("sfumato.settings");
  assert.deepEqual(heard, [3]);
  clearTimeout(one.timer);
});

test("a definition that is taken away leaves the choice", () => {
  const settings = new Settings(box(), server());
  const handle = settings.define(SPEED);
  settings.set("speed", 2);
  handle.dispose();
  assert.throws(() => settings.get("speed"), SettingError);
  settings.define(SPEED);
  assert.equal(settings.get("speed"), 2);
  clearTimeout(settings.timer);
});
