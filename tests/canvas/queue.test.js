/** The list of jobs: fetched in parts, moved, and how long the next one will take. */

import assert from "node:assert/strict";
import test from "node:test";

import { Queue, Section, usualSpan } from "../../web/static/js/engine/queue.js";
import { spanText } from "../../web/static/js/model/text.js";

/** @param {number} total @param {any[]} asked */
function server(total, asked) {
  return async (/** @type {any} */ query) => {
    asked.push(query.offset);
    const count = Math.max(0, Math.min(query.limit, total - query.offset));
    const jobs = /** @type {any[]} */ (Array.from({ length: count }, (_, index) => ({ id: `job-${query.offset + index}` })));
    return { jobs, pagination: { total } };
  };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 1));

test("of ten thousand jobs only what is looked at is fetched, once, and far ones are let go", async () => {
  /** @type {number[]} */
  const asked = [];
  const section = new Section("waiting", server(10_000, asked), () => undefined);
  await section.refresh();
  assert.equal(section.total, 10_000);
  for (let index = 7000; index < 7020; index += 1) section.at(index);
  await settled();
  assert.equal(section.at(7019)?.id, "job-7019");
  assert.deepEqual(asked, [0, 7000]);
  for (let index = 0; index < 10_000; index += 50) {
    section.at(index);
    await settled();
  }
  assert.ok(section.rows.size <= 2050, `${section.rows.size} rows`);
});

test("an answer that comes after the list was asked for anew is not used", async () => {
  /** @type {((value: any) => void)[]} */
  const answers = [];
  const section = new Section("finished", () => new Promise((resolve) => answers.push(resolve)), () => undefined);
  void section.refresh();
  void section.refresh();
  answers[1]({ jobs: [{ id: "new" }], pagination: { total: 1 } });
  await settled();
  answers[0]({ jobs: [{ id: "old" }], pagination: { total: 7 } });
  await settled();
  assert.deepEqual([section.total, section.at(0)?.id], [1, "new"]);
});

test("how long a workflow takes is asked for once, and again when a run of it has ended", async () => {
  let asked = 0;
  const queue = new Queue(async () => {
    asked += 1;
    return { jobs: [], pagination: { total: 0 } };
  });
  queue.listen(() => void queue.expectedOf("new"));
  for (let count = 0; count < 3; count += 1) {
    assert.equal(queue.expectedOf("new"), null);
    await settled();
  }
  assert.equal(asked, 1);
  queue.forgetExpected("new");
  queue.expectedOf("new");
  assert.equal(asked, 2);
});

test("what a run will take is what runs took that did something", () => {
  const job = (/** @type {number} */ span) => /** @type {any} */ ({ execution_start_time: 1000, execution_end_time: 1000 + span });
  assert.equal(usualSpan([]), null);
  assert.equal(usualSpan([job(10_000), job(12_000), job(11_000), job(20), job(30)]), 11_000);
});

test("spans of time are said as people do", () => {
  assert.deepEqual([240, 9949, 12_400, 185_000, 3_723_000, -5].map(spanText), ["0.2 s", "9.9 s", "12 s", "3:05 min", "1:02:03 h", "0.0 s"]);
});
