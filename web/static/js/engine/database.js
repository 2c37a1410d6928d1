/** The browser's own store of drafts: IndexedDB, opened once and kept open, so that a page that goes away can still write. */

/**
 * A tab as it is kept. `window` is the browser tab that it belongs to; `closed` is when it was closed, 0 while it is open.
 * @typedef {{id: string, window: string, time: number, name: string, json: any, isDirty: boolean, savedAs: string | null,
 *   revision: string | null, camera: any, closed: number}} Draft
 */
/** @typedef {{id: string, tabs: string[], active: string, time: number}} Windowed the tabs of a browser tab, in their order */
/**
 * @typedef {{all: () => Promise<{drafts: Draft[], windows: Windowed[]}>, put: (drafts: Draft[], windowed: Windowed) => Promise<void>,
 *   remove: (ids: readonly string[]) => Promise<void>}} Box
 */

import { parseJson, writeJson } from "../model/io/json.js";

const NAME = "sfumato";
const VERSION = 2;
const FORMER = "drafts";

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the database refused"));
  });
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
function done(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    for (const name of /** @type {const} */ (["onabort", "onerror"])) {
      transaction[name] = () => reject(transaction.error ?? new Error("the database refused"));
    }
  });
}

/** @param {IDBVersionChangeEvent} event @param {IDBDatabase} database @param {IDBTransaction} transaction */
async function upgrade(event, database, transaction) {
  const tabs = database.createObjectStore("tabs", { keyPath: "id" });
  database.createObjectStore("windows", { keyPath: "id" });
  if (event.oldVersion < 1) return;
  const before = await result(transaction.objectStore(FORMER).getAll());
  for (const { tab, time, name, json, isDirty } of before) {
    tabs.put({ id: tab, window: tab, time, name, json, isDirty, savedAs: null, revision: null, camera: null, closed: 0 });
  }
  database.deleteObjectStore(FORMER);
}

/** A draft as it lies in the database: its workflow as text, which is copied ten times as fast. @param {Draft} draft */
function packed(draft) {
  return { ...draft, json: writeJson(draft.json) };
}

/** @param {any} kept of this page or of one that kept the workflow itself @returns {Draft} */
function unpacked(kept) {
  return typeof kept.json === "string" ? { ...kept, json: parseJson(kept.json) } : kept;
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = (event) => {
      void upgrade(event, request.result, /** @type {IDBTransaction} */ (request.transaction)).catch(() => request.transaction?.abort());
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("no database"));
    request.onblocked = () => reject(new Error("an older page holds the database"));
  });
}

/** @returns {Box} the box of this browser */
export function browserBox() {
  /** @type {Promise<IDBDatabase> | null} */
  let opening = null;
  /** @type {IDBDatabase | null} */
  let open = null;
  const database = async () => {
    opening ??= openDatabase().then((found) => {
      open = found;
      found.onversionchange = found.onclose = () => {
        found.close();
        open = opening = null;
      };
      return found;
    }, (error) => {
      opening = null;
      throw error;
    });
    return opening;
  };
  const write = (/** @type {IDBDatabase} */ found, /** @type {(tabs: IDBObjectStore, windows: IDBObjectStore) => void} */ work) => {
    const transaction = found.transaction(["tabs", "windows"], "readwrite");
    const end = done(transaction);
    work(transaction.objectStore("tabs"), transaction.objectStore("windows"));
    transaction.commit();
    return end;
  };
  return {
    all: async () => {
      const transaction = (await database()).transaction(["tabs", "windows"]);
      const [drafts, windows] = await Promise.all([
        result(transaction.objectStore("tabs").getAll()), result(transaction.objectStore("windows").getAll())]);
      return { drafts: drafts.map(unpacked), windows };
    },
    put: async (drafts, windowed) => {
      await write(open ?? await database(), (tabs, windows) => {
        for (const draft of drafts) tabs.put(packed(draft));
        windows.put(windowed);
      });
    },
    remove: async (ids) => {
      await write(open ?? await database(), (tabs, windows) => {
        for (const id of ids) {
          tabs.delete(id);
          windows.delete(id);
        }
      });
    },
  };
}
