/** What the page itself has to say in the log, beside the lines of the server. */

/** @typedef {{t: string, m: string}} Line when, and a text that begins with its level: as the server writes them */

const MOST_LINES = 200;

/** @type {Line[]} the newest last */
export const lines = [];

/** @type {Set<(line: Line) => void>} told of each new line */
export const readers = new Set();

/** Writes down what somebody should know. @param {string} text */
export function warn(text) {
  const line = { t: new Date().toISOString(), m: `WARNING page: ${text}\n` };
  lines.push(line);
  if (lines.length > MOST_LINES) lines.shift();
  for (const read of readers) read(line);
}
