/** What somebody types while that for which it is meant is still being fetched. */

/**
 * Keeps letters from everything else until they are asked for.
 * @returns {() => string | null} ends it and tells what was typed; null when Escape took it back
 */
export function holdLetters() {
  let text = "";
  let isTakenBack = false;
  const hold = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") isTakenBack = true;
    else if (event.key === "Backspace") text = text.slice(0, -1);
    else if (event.key.length === 1) text += event.key;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  addEventListener("keydown", hold, true);
  return () => {
    removeEventListener("keydown", hold, true);
    return isTakenBack ? null : text;
  };
}
