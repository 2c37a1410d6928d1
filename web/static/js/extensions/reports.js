/** What the scripts of packs cost and where they failed, by pack. */

/**
 * `lacks` are names that a pack asked for and this page does not have.
 * @typedef {{name: string, scripts: number, milliseconds: number, state: "loading" | "loaded" | "failed" | "late" | "off",
 *   kind: "" | "native" | "ecosystem", errors: {what: string, message: string, stack: string}[], lacks: Set<string>}} Report
 */

const MOST_ERRORS = 50;

/** One for the page. */
export class Reports {
  constructor() {
    /** @type {Map<string, Report>} */ this.packs = new Map();
    /** @type {Set<(report: Report) => void>} told of every error and lack */ this.listeners = new Set();
  }

  /** @param {string} name @returns {Report} */
  of(name) {
    let report = this.packs.get(name);
    if (!report) {
      report = { name, scripts: 0, milliseconds: 0, state: "loading", kind: "", errors: [], lacks: new Set() };
      this.packs.set(name, report);
    }
    return report;
  }

  /**
   * Remembers an error.
   * @param {string} name the pack @param {string} what it was doing @param {unknown} error
   */
  fail(name, what, error) {
    const report = this.of(name);
    const message = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? error.stack ?? "" : "";
    if (report.errors.length >= MOST_ERRORS || report.errors.some((one) => one.what === what && one.message === message)) return;
    report.errors.push({ what, message, stack });
    for (const listen of this.listeners) listen(report);
  }

  /**
   * Remembers that a pack asked for something that is not here.
   * @param {string} name the pack @param {string} member
   */
  lack(name, member) {
    const report = this.of(name);
    if (report.lacks.has(member)) return;
    report.lacks.add(member);
    for (const listen of this.listeners) listen(report);
  }

  /**
   * Runs something of a pack; what it throws is remembered and undefined comes back.
   * @template T
   * @param {string} name the pack @param {string} what @param {() => T} run
   * @returns {T | undefined}
   */
  guard(name, what, run) {
    try {
      const answer = run();
      if (answer instanceof Promise) answer.catch((error) => this.fail(name, what, error));
      return answer;
    } catch (error) {
      this.fail(name, what, error);
      return undefined;
    }
  }
}

/**
 * The pack whose script is on a call stack, or null.
 * @param {string} [stack]
 * @returns {string | null}
 */
export function packOf(stack = new Error().stack) {
  const found = /\/extensions\/([^/\s]+)\/[^\s]*\.m?js/.exec(stack ?? "");
  return found && found[1] !== "core" ? decodeURIComponent(found[1]) : null;
}
