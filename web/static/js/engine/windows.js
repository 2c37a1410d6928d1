/** Which browser tab this is: a name of its own that outlives reloads, and which others are open. */

/** @param {string} name @returns {string} */
function lockOf(name) {
  return `sfumato.window.${name}`;
}

/** @returns {string} */
function newName() {
  return [...crypto.getRandomValues(new Uint32Array(2))].map((number) => number.toString(36)).join("-");
}

/**
 * Takes the name of this browser tab; a duplicated one, which has its sibling's name, gets its own.
 * @returns {Promise<{name: string, isHeld: (name: string) => boolean}>}
 */
export async function claimWindow() {
  let name = sessionStorage.getItem("sfumato.window") ?? newName();
  if (!navigator.locks) return keep(name, new Set());
  const isTaken = await navigator.locks.request(lockOf(name), { ifAvailable: true }, (lock) => lock === null);
  if (isTaken) name = newName();
  void navigator.locks.request(lockOf(name), () => new Promise(() => undefined));
  const { held } = await navigator.locks.query();
  return keep(name, new Set((held ?? []).map((lock) => lock.name)));
}

/** @param {string} name @param {Set<string | undefined>} held */
function keep(name, held) {
  sessionStorage.setItem("sfumato.window", name);
  return { name, isHeld: (/** @type {string} */ other) => other !== name && held.has(lockOf(other)) };
}
