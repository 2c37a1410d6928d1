/** Reads markdown into a tree of plain records. HTML in it is text like any other. */

/** @typedef {Readonly<{kind: string, text?: string, address?: string, level?: number, start?: number, children?: readonly Mark[]}>} Mark */

const DEEPEST = 8;
const MOST_LETTERS = 100_000;
const SAFE = new Set(["http:", "https:", "mailto:"]);

/**
 * The blocks of a text.
 * @param {string} text what is beyond 100,000 letters is left out
 * @returns {Mark[]} kinds: heading, paragraph, list, ordered, item, quote, code, line
 */
export function readMarkdown(text) {
  return blocks(text.slice(0, MOST_LETTERS).replace(/\r\n?/g, "\n").split("\n"), 0);
}

/**
 * The address of a link that may be followed, or null.
 * @param {string} address
 * @returns {string | null}
 */
export function safeLink(address) {
  try {
    const url = new URL(address.trim());
    return SAFE.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * The address of a picture of this server, or null: nothing is ever asked of another one.
 * @param {string} address @param {string} base the address of the page
 * @returns {string | null}
 */
export function ownPicture(address, base) {
  try {
    const [url, page] = [new URL(address.trim(), base), new URL(base)];
    return url.origin === page.origin && (url.protocol === "http:" || url.protocol === "https:") ? url.href : null;
  } catch {
    return null;
  }
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;

/** @param {readonly string[]} lines @param {number} depth @returns {Mark[]} */
function blocks(lines, depth) {
  /** @type {Mark[]} */
  const found = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    const fence = FENCE.exec(line)?.[1];
    const heading = HEADING.exec(line);
    if (line.trim() === "") at += 1;
    else if (fence) {
      const end = lines.findIndex((one, index) => index > at && one.trim().startsWith(fence));
      const until = end < 0 ? lines.length : end;
      found.push({ kind: "code", text: lines.slice(at + 1, until).join("\n") });
      at = until + 1;
    } else if (heading) {
      found.push({ kind: "heading", level: heading[1].length, children: inline(heading[2]) });
      at += 1;
    } else if (RULE.test(line)) {
      found.push({ kind: "line" });
      at += 1;
    } else if (QUOTE.test(line) && depth < DEEPEST) {
      const until = endOf(lines, at, (one) => QUOTE.test(one));
      found.push({ kind: "quote", children: blocks(lines.slice(at, until).map((one) => QUOTE.exec(one)?.[1] ?? ""), depth + 1) });
      at = until;
    } else if (ITEM.test(line) && depth < DEEPEST) at = readList(lines, at, depth, found);
    else {
      const until = endOf(lines, at, (one, index) => one.trim() !== "" && (index === at || !startsBlock(one)));
      found.push({ kind: "paragraph", children: inline(lines.slice(at, until).join("\n")) });
      at = until;
    }
  }
  return found;
}

/**
 * @param {readonly string[]} lines @param {number} at @param {(line: string, index: number) => boolean} fits
 * @returns {number} the first that does not fit
 */
function endOf(lines, at, fits) {
  let end = at;
  while (end < lines.length && fits(lines[end], end)) end += 1;
  return Math.max(end, at + 1);
}

/** @param {string} line */
function startsBlock(line) {
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line);
}

/** @param {readonly string[]} lines @param {number} start @param {number} depth @param {Mark[]} found @returns {number} where it ends */
function readList(lines, start, depth, found) {
  const first = /** @type {RegExpExecArray} */ (ITEM.exec(lines[start]));
  const indent = first[1].length;
  const isOrdered = /\d/.test(first[2]);
  /** @type {string[][]} */
  const items = [];
  let at = start;
  for (; at < lines.length; at += 1) {
    const line = lines[at];
    const item = ITEM.exec(line);
    if (item && item[1].length <= indent + 1) {
      if (item[1].length < indent || /\d/.test(item[2]) !== isOrdered) break;
      items.push([item[3]]);
    } else if (line.trim() === "" || /^\s{2,}/.test(line)) {
      items.at(-1)?.push(line.slice(Math.min(indent + 2, line.length - line.trimStart().length)));
    } else if (startsBlock(line) || lines[at - 1].trim() === "") break;
    else items.at(-1)?.push(line);
  }
  const children = items.map((own) => {
    const inner = blocks(own, depth + 1);
    const [head, ...rest] = inner;
    return { kind: "item", children: head?.kind === "paragraph" ? [...(head.children ?? []), ...rest] : inner };
  });
  found.push({ kind: isOrdered ? "ordered" : "list", start: isOrdered ? Number.parseInt(first[2], 10) : 1, children });
  return at;
}

const MARKS = new RegExp([
  "\\\\([!-/:-@[-`{-~])", "(`+)([^`](?:[\\s\\S]*?[^`])?)\\2(?!`)", "!\\[([^\\]]*)\\]\\(([^()\\s]+)[^()]*\\)", "\\[([^\\]]+)\\]\\(([^()\\s]+)[^()]*\\)",
  "<?(https?:\\/\\/[^\\s<>()]+)>?", "(\\*\\*|__)(?=\\S)([\\s\\S]*?\\S)\\9", "~~(?=\\S)([\\s\\S]*?\\S)~~", "\\*(?=\\S)([^*]*?\\S)\\*",
  "(?<![\\w])_(?=\\S)([^_]*?\\S)_(?![\\w])", "( {2,}|\\\\)\\n",
].join("|"), "g");

/** @param {string} text @param {number} [depth] @returns {Mark[]} kinds: text, strong, emphasis, deleted, code, link, picture, break */
export function inline(text, depth = 0) {
  if (depth > DEEPEST) return [{ kind: "text", text }];
  /** @type {Mark[]} */
  const found = [];
  let done = 0;
  for (const match of text.matchAll(MARKS)) {
    if (match.index > done) found.push({ kind: "text", text: text.slice(done, match.index) });
    found.push(markOf(match, depth));
    done = match.index + match[0].length;
  }
  if (done < text.length) found.push({ kind: "text", text: text.slice(done) });
  return found;
}

/** @param {RegExpMatchArray} match @param {number} depth @returns {Mark} */
function markOf(match, depth) {
  const [, escaped, , code, alt, source, label, address, bare, , strong, deleted, star, low] = match;
  if (escaped !== undefined) return { kind: "text", text: escaped };
  if (code !== undefined) return { kind: "inline", text: code.trim() };
  if (alt !== undefined) return { kind: "picture", text: alt, address: source };
  if (label !== undefined) return { kind: "link", address, children: inline(label, depth + 1) };
  if (bare !== undefined) return { kind: "link", address: bare, children: [{ kind: "text", text: bare }] };
  if (strong !== undefined) return { kind: "strong", children: inline(strong, depth + 1) };
  if (deleted !== undefined) return { kind: "deleted", children: inline(deleted, depth + 1) };
  const emphasis = star ?? low;
  return emphasis === undefined ? { kind: "break" } : { kind: "emphasis", children: inline(emphasis, depth + 1) };
}
