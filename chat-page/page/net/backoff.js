// Where you are: how long to wait before the next attempt. Doubling, capped, and with jitter, so that
// thousands of pages whose server has restarted do not come back in one instant.

export const FIRST_MS = 500;
export const LONGEST_MS = 30_000;

/**
 * Between half and all of the doubled step.
 * @param {number} attempt 0 for the first
 * @param {number} [atLeast] what the server asked for
 * @param {() => number} [random] from 0 to 1
 * @returns {number} milliseconds
 */
export function backoff(attempt, atLeast = 0, random = Math.random) {
  const step = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.max(atLeast, step / 2) + (step / 2) * random();
}

/** @param {number} ms @returns {Promise<void>} */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
