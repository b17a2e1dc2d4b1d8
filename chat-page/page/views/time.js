// Where you are: times as people read them, in their own language and zone.

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const SHORT_DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** @param {string} time @returns {string} */
export function clock(time) {
  return CLOCK.format(new Date(time));
}

/** @param {string} time @returns {string} */
export function day(time) {
  return DAY.format(new Date(time));
}

/** The clock today, else the day. @param {string} time @returns {string} */
export function shortTime(time) {
  return new Date(time).toDateString() === new Date().toDateString() ? clock(time) : SHORT_DAY.format(new Date(time));
}

/** @param {string | undefined} time @returns {string} */
export function lastSeen(time) {
  return time ? `last seen ${shortTime(time)}` : "offline";
}
