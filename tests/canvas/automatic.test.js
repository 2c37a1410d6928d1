/** When runs start by themselves, and when they stop. */

import assert from "node:assert/strict";
import test from "node:test";

import { Automatic } from "../../web/static/js/engine/automatic.js";
import { setValue } from "../../web/static/js/model/commands.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS } from "./catalogue.js";

/** A page whose runs end when they are told to. @param {boolean} isTaken */
function page(isTaken = true) {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  /** @type {any} */
  const runner = {
    runs: 0, current: null,
    /** @param {any} hear */
    listen(hear) {
      this.tell = (/** @type {string} */ type) => {
        this.current = null;
        hear({ type, job: { documentId: store.document.id }, text: "" });
      };
    },
    async run() {
      this.runs += 1;
      this.current = isTaken ? {} : null;
      if (!isTaken) this.tell("refused");
      return isTaken;
    },
  };
  const automatic = new Automatic(runner, store);
  const change = (/** @type {number} */ seed, label = "Set seed") => {
    const { id } = /** @type {any} */ (store.graph.nodeByKey("3"));
    store.run(label, (one) => setValue(one, id, "seed", seed));
  };
  return { automatic, runner, store, change };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 460));

test("one press starts as many runs as were asked for, and no more once one is refused", async () => {
  const taken = page();
  taken.automatic.setCount(3);
  await taken.automatic.press();
  assert.equal(taken.runner.runs, 3);
  const refused = page(false);
  refused.automatic.setCount(3);
  await refused.automatic.press();
  assert.equal(refused.runner.runs, 1);
  refused.automatic.setCount(1e9);
  assert.equal(refused.automatic.count, 100);
});

test("after each change it runs once, also for what was changed while it ran, but not for rolled seeds", async () => {
  const { automatic, runner, change } = page();
  automatic.setMode("change");
  await automatic.press();
  change(5, "Roll seeds");
  runner.tell("finished");
  await soon();
  assert.equal(runner.runs, 1);
  change(6);
  change(7);
  await soon();
  assert.equal(runner.runs, 2);
  change(8);
  runner.tell("finished");
  await soon();
  assert.equal(runner.runs, 3);
  await automatic.press();
  runner.tell("finished");
  change(9);
  await soon();
  assert.deepEqual([runner.runs, automatic.isOn], [3, false]);
});

test("again and again ends when there is nothing to do, at a failure, and when another workflow is shown", async () => {
  const { automatic, runner, store } = page();
  automatic.setMode("instant");
  await automatic.press();
  runner.tell("finished");
  await soon();
  assert.equal(runner.runs, 2);
  runner.tell("unchanged");
  await soon();
  assert.equal(runner.runs, 2);
  runner.tell("failed");
  assert.equal(automatic.isOn, false);
  await automatic.press();
  store.open(starterDocument(DEFINITIONS));
  assert.equal(automatic.isOn, false);
});
