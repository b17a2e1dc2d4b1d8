// Where you are: the one place where the state lives. Everything that happens is dispatched here; listeners
// are told once per turn of the event loop, however many actions a burst of frames brought.

/** @import {Action, State} from "./state.js" */
import { reduce } from "./state.js";

/**
 * @typedef {object} Store
 * @property {() => State} state
 * @property {(action: Action) => void} dispatch
 * @property {(listener: (state: State) => void) => () => void} subscribe
 * @property {() => void} touch tells the listeners although nothing changed: something else did
 * @property {() => void} flush tells them now
 */

/**
 * @param {State} first
 * @param {(flush: () => void) => void} [soon]
 * @returns {Store}
 */
export function createStore(first, soon = (flush) => setTimeout(flush, 10)) {
  let state = first;
  let waiting = false;
  /** @type {Set<(state: State) => void>} */
  const listeners = new Set();

  function touch() {
    if (!waiting) soon(flush);
    waiting = true;
  }

  function flush() {
    waiting = false;
    for (const listener of [...listeners]) listener(state);
  }

  return {
    state: () => state,
    dispatch(action) {
      const next = reduce(state, action);
      if (next === state) return;
      state = next;
      touch();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    touch,
    flush,
  };
}
