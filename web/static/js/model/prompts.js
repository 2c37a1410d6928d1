/** Text that is resolved on the page before a run: `{a|b}` choices and comments. */

/**
 * The text with comments removed and one branch of every `{a|b|c}` taken; `\{`, `\|` and `\}` stand for themselves.
 * @param {string} text @param {() => number} random in [0, 1)
 * @returns {string}
 */
export function resolveChoices(text, random) {
  const plain = text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*/g, "");
  if (!/[{\\]/.test(plain)) return plain;
  /** @type {string[][]} branches of every brace that is open; the first entry is the text outside */
  const open = [[""]];
  for (let index = 0; index < plain.length; index += 1) {
    const letter = plain[index];
    const branches = open[open.length - 1];
    if (letter === "\\" && "{}|".includes(plain[index + 1] ?? " ")) {
      index += 1;
      branches[branches.length - 1] += plain[index];
    } else if (letter === "{") open.push([""]);
    else if (letter === "|" && open.length > 1) branches.push("");
    else if (letter === "}" && open.length > 1) {
      const chosen = branches[Math.floor(random() * branches.length)];
      open.pop();
      open[open.length - 1][open[open.length - 1].length - 1] += chosen;
    } else branches[branches.length - 1] += letter;
  }
  return closeOpenBraces(open);
}

/**
 * Braces that were never closed are ordinary text.
 * @param {string[][]} open
 * @returns {string}
 */
function closeOpenBraces(open) {
  let text = open[0].join("|");
  for (const branches of open.slice(1)) text += `{${branches.join("|")}`;
  return text;
}
