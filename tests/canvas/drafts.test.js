/** Drafts: written after every change, whatever fails, and found again by whoever comes back. */

import assert from "node:assert/strict";
import test from "node:test";

import { Drafts } from "../../web/static/js/engine/drafts.js";

/** @returns {any} a box in memory, as the browser's database is one */
function memoryBox() {
  const tabs = new Map();
  const windows = new Map();
  return {
    isFull: false, writes: 0,
    async all() {
      return { drafts: structuredClone([...tabs.values()]), windows: structuredClone([...windows.values()]) };
    },
    /** @param {any[]} drafts @param {any} windowed */
    async put(drafts, windowed) {
      if (this.isFull) throw new Error("The disk is full.");
      this.writes += 1;
      for (const draft of structuredClone(drafts)) tabs.set(draft.id, draft);
      windows.set(windowed.id, structuredClone(windowed));
    },
    /** @param {string[]} ids */
    async remove(ids) {
      for (const id of ids) [tabs, windows].forEach((table) => table.delete(id));
    },
  };
}

/** @returns {any} a store of texts, as the browser has one */
function memoryTexts() {
  const texts = new Map();
  return { getItem: (/** @type {string} */ key) => texts.get(key) ?? null, setItem: texts.set.bind(texts), removeItem: texts.delete.bind(texts) };
}

/** @returns {any} a server that keeps drafts, or refuses them */
function memoryServer() {
  const kept = new Map();
  return {
    kept, refusal: null,
    /** @param {string} id @param {any} draft */
    async send(id, draft) {
      if (this.refusal) throw new Error(this.refusal);
      kept.set(id, draft);
    },
    /** @param {string} id */
    async drop(id) {
      kept.delete(id);
    },
  };
}

/** @param {string} name @param {Record<string, any>} tabs @param {any} box @param {any} texts @param {any} server */
function page(name, tabs, box, texts = memoryTexts(), server = memoryServer()) {
  let now = 1000;
  const drafts = new Drafts(name, box, texts, server, () => (now += 1));
  drafts.source = {
    describe: (id) => tabs[id] && { id, name: id, json: { value: tabs[id].value }, isDirty: tabs[id].isDirty ?? true, savedAs: null, revision: null, camera: null, closed: 0 },
    windowed: () => ({ tabs: Object.keys(tabs), active: Object.keys(tabs)[0] }),
  };
  return drafts;
}

const nobody = () => false;

/** @param {Drafts} drafts */
function quiet(drafts) {
  clearTimeout(drafts.writeTimer);
  clearTimeout(drafts.sendTimer);
}

test("a change is written soon even while more changes come", { timeout: 20_000 }, async () => {
  const box = memoryBox();
  const drafts = page("w", { a: { value: 1 } }, box);
  while (box.writes < 2) {
    drafts.touch("a");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  quiet(drafts);
});

test("nothing is written while something is dragged, and all of it as soon as it is let go", { timeout: 20_000 }, async () => {
  const box = memoryBox();
  const tabs = { a: { value: 1 } };
  const drafts = page("w", tabs, box);
  let isHeld = true;
  drafts.isHeld = () => isHeld;
  drafts.touch("a");
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.equal(box.writes, 0);
  isHeld = false;
  tabs.a.value = 2;
  while (box.writes === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const { tabs: [kept] } = await page("w", {}, box).find(nobody);
  assert.equal(kept.json.value, 2);
  quiet(drafts);
});

test("a window finds its tabs again in their order, another one only what nobody holds", async () => {
  const box = memoryBox();
  const first = page("one", { b: { value: 1 }, a: { value: 2 } }, box);
  first.touch("b");
  first.touch("a");
  await first.write();
  quiet(first);
  const again = await page("one", {}, box).find(nobody);
  assert.deepEqual(again.tabs.map((draft) => draft.id), ["b", "a"]);
  assert.equal(again.active, "b");
  const beside = await page("two", {}, box).find((name) => name === "one");
  assert.deepEqual([beside.tabs, beside.closed], [[], []]);
  const heir = await page("two", {}, box).find(nobody);
  assert.deepEqual(heir.tabs.map((draft) => draft.json.value), [1, 2]);
});

test("two windows on one server never write over each other's drafts", async () => {
  const box = memoryBox();
  const windows = ["one", "two"].map((name) => page(name, { [`${name}-tab`]: { value: name } }, box));
  for (const drafts of windows) drafts.touch(`${drafts.window}-tab`);
  await Promise.all(windows.map((drafts) => drafts.write()));
  windows.forEach(quiet);
  for (const { window } of windows) {
    const { tabs } = await page(window, {}, box).find((name) => name !== window);
    assert.deepEqual(tabs.map((draft) => draft.json.value), [window]);
  }
});

test("what could only be written as the page went away is found, if it is newer", async () => {
  const box = memoryBox();
  const texts = memoryTexts();
  const tabs = { a: { value: 1n } };
  const drafts = page("w", tabs, box, texts);
  drafts.touch("a");
  await drafts.write();
  tabs.a.value = 2n ** 64n - 1n;
  box.isFull = true;
  drafts.touch("a");
  drafts.flush();
  await new Promise((resolve) => setTimeout(resolve, 5));
  quiet(drafts);
  const { tabs: [found] } = await page("w", {}, box, texts).find(nobody);
  assert.equal(found.json.value, 2n ** 64n - 1n);
});

test("a full disk is told, and the change is written as soon as there is room", async () => {
  const box = memoryBox();
  const drafts = page("w", { a: { value: 1 } }, box);
  box.isFull = true;
  drafts.touch("a");
  await drafts.write();
  assert.equal(drafts.problems.browser, "The disk is full.");
  box.isFull = false;
  await drafts.write();
  quiet(drafts);
  assert.equal(drafts.problems.browser, null);
  assert.equal((await box.all()).drafts[0].json.value, 1);
});

test("the server keeps what is unsaved, is asked again after a refusal, and forgets what was saved", async () => {
  const server = memoryServer();
  const tabs = { a: { value: 1, isDirty: true }, b: { value: 2, isDirty: false } };
  const drafts = page("w", tabs, memoryBox(), memoryTexts(), server);
  server.refusal = "507";
  drafts.touch("a");
  drafts.touch("b");
  await drafts.send();
  assert.deepEqual([drafts.problems.server, server.kept.size], ["507", 0]);
  server.refusal = null;
  await drafts.send();
  assert.deepEqual([drafts.problems.server, [...server.kept.keys()]], [null, ["a"]]);
  assert.deepEqual(server.kept.get("a").workflow, { value: 1 });
  tabs.a.isDirty = false;
  drafts.settle("a");
  await drafts.send();
  assert.equal(server.kept.size, 0);
  quiet(drafts);
});

test("old drafts without unsaved work are swept away, unsaved ones never", async () => {
  const box = memoryBox();
  const drafts = page("old", { clean: { value: 1, isDirty: false }, dirty: { value: 2 } }, box);
  drafts.touch("clean");
  drafts.touch("dirty");
  await drafts.write();
  quiet(drafts);
  const later = page("new", {}, box);
  later.clock = () => 1000 + 30 * 86_400_000;
  const { tabs } = await later.find((name) => name === "new");
  assert.deepEqual(tabs.map((draft) => draft.id), ["clean", "dirty"]);
  const third = page("third", {}, box);
  third.clock = later.clock;
  await box.put([], { id: "old", tabs: [], active: "", time: 1 });
  await third.find(nobody);
  assert.deepEqual((await box.all()).drafts.map((/** @type {any} */ draft) => draft.id), ["dirty"]);
});
