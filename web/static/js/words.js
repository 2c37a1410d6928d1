/** The words of the page: English in the code is the key, a language file gives the others. */

/** @type {ReadonlyMap<string, string>} */
let words = new Map();

/**
 * What a sentence of the page is called in the chosen language; `{name}` in it stands for a value.
 * @param {string} english the sentence as it stands in the code, which is also what is shown where a language lacks it
 * @param {Readonly<Record<string, unknown>>} [values]
 */
export function t(english, values = {}) {
  const sentence = words.get(english) ?? english;
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** What went wrong, in words. @param {unknown} error @returns {string} */
export function reasonOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** Takes the words of a language. @param {Readonly<Record<string, string>>} language English sentence to sentence */
export function speak(language) {
  words = new Map(Object.entries(language));
}
