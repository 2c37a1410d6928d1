/** What all parts of the adapter share: the page's own application, who registered what, and guarded calls into packs. */

import { packOf } from "../js/extensions/reports.js";

/**
 * `app` is the page's application, `host` the part that keeps legacy nodes and the document alike, `comfy` the object that packs
 * know as `app`.
 */
export const page = {
  /** @type {any} */ app: null,
  /** @type {any} */ reports: null,
  /** @type {any} */ host: null,
  /** @type {any} */ comfy: null,
  /** @type {any} */ api: null,
  /** @type {any} */ canvas: null,
  depth: 0,
  /** when a node showed something, and when somebody last pressed something */ lastResult: 0, lastInput: 0,
  /** above 0 while packs only measure or paint */ quiet: 0,
};

/**
 * Runs something in which packs only measure or paint, so that nothing need be taken over afterwards.
 * @template T
 * @param {() => T} run
 * @returns {T}
 */
export function quietly(run) {
  page.quiet += 1;
  try {
    return run();
  } finally {
    page.quiet -= 1;
  }
}

const SOMEBODY = "(unknown pack)";

/**
 * Calls into a pack: what it throws is remembered under its name, and what it changed is taken over afterwards.
 * @template T
 * @param {string} what it was doing @param {() => T} run @param {string} [pack] whose it is where the call stack does not tell
 * @returns {T | undefined}
 */
export function attempt(what, run, pack) {
  page.depth += 1;
  try {
    const answer = run();
    if (answer instanceof Promise) answer.catch((error) => fail(what, error, pack)).finally(() => page.host?.stir());
    return answer;
  } catch (error) {
    fail(what, error, pack);
    return undefined;
  } finally {
    page.depth -= 1;
    page.host?.stir();
  }
}

/** @param {string} what @param {any} error @param {string} [pack] */
export function fail(what, error, pack) {
  page.reports.fail(pack ?? packOf(error?.stack) ?? SOMEBODY, what, error);
}

/**
 * Calls a method that a pack may have given an object; nothing happens where it has not.
 * @param {any} owner @param {string} name @param {...any} values
 */
export function invoke(owner, name, ...values) {
  if (typeof owner?.[name] !== "function") return undefined;
  return attempt(`${owner.type ?? owner.name ?? ""}.${name}`, () => owner[name](...values));
}

/** Names that are asked for by the language or by tools, not by packs. */
const QUIET = new Set(["then", "toJSON", "constructor", "nodeType", "$$typeof", "asymmetricMatch", "length", "inspect", "default"]);

/**
 * The object, with every name that a pack asks for in vain remembered under that pack.
 * @template {object} T
 * @param {T} object @param {string} label how packs know it
 * @returns {T}
 */
export function recording(object, label) {
  const bound = new Map();
  const isTarget = object instanceof EventTarget;
  return new Proxy(object, {
    get(target, name, receiver) {
      if (typeof name === "string" && !(name in target)) note(`${label}.${name}`, name);
      if (!isTarget || Object.hasOwn(target, name)) return Reflect.get(target, name, receiver);
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function" || name === "constructor") return value;
      if (!bound.has(name)) bound.set(name, value.bind(target));
      return bound.get(name);
    },
  });
}

/** @param {string} member @param {string} name */
function note(member, name) {
  if (QUIET.has(name) || name.startsWith("_") || name.startsWith("@@")) return;
  const pack = packOf();
  if (pack) page.reports.lack(pack, member);
}

/** Says that a pack wants something that this page does not do. @param {string} member */
export function lacking(member) {
  const pack = packOf();
  if (pack) page.reports.lack(pack, member);
}
