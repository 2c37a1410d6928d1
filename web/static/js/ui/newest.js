/** Answers may come in another order than they were asked for: only what was asked for last counts. */

/**
 * Makes a gate for the answers to one question.
 * @returns {<T>(work: Promise<T>) => Promise<T | null>} null where something was asked since; then a failure counts no more either
 */
export function newest() {
  let asked = 0;
  return async (work) => {
    asked += 1;
    const mine = asked;
    try {
      const answer = await work;
      return mine === asked ? answer : null;
    } catch (error) {
      if (mine === asked) throw error;
      return null;
    }
  };
}
