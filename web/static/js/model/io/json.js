/** JSON in which whole numbers are exact: those that a double cannot hold are BigInt values, with every digit. */

const LONG_NUMBER = /\d{16}/;
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

/** A word that no text holds by chance. @returns {string} */
function newMark() {
  return `\u0001${crypto.getRandomValues(new Uint32Array(2)).join("-")}:`;
}

/**
 * Parses JSON text.
 * @param {string} text
 * @returns {any}
 */
export function parseJson(text) {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  const mark = newMark();
  let found = false;
  const marked = text.replace(TOKENS, (token) => {
    if (token.length < 16 || token[0] === '"' || /[.eE]/.test(token) || Number.isSafeInteger(Number(token))) return token;
    found = true;
    return JSON.stringify(mark + token);
  });
  if (!found) return JSON.parse(text);
  return JSON.parse(marked, (_name, value) =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value);
}

/**
 * Writes JSON text; BigInt values as plain digits.
 * @param {any} value @param {number} [space]
 * @returns {string}
 */
export function writeJson(value, space) {
  const mark = newMark();
  let found = false;
  const text = JSON.stringify(value, (_name, inner) => {
    if (typeof inner !== "bigint") return inner;
    found = true;
    return `${mark}${inner}`;
  }, space);
  if (!found) return text;
  const written = JSON.stringify(mark).slice(1, -1).replaceAll("\\", "\\\\");
  return text.replace(new RegExp(`"${written}(-?\\d+)"`, "g"), "$1");
}

/**
 * A whole number in the form in which it is kept: a number where that is exact, else a BigInt.
 * @param {bigint} value
 * @returns {number | bigint}
 */
export function wholeNumber(value) {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
