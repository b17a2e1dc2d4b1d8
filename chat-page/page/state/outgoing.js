// Where you are: messages written here that the server has not acknowledged yet. Pure.
//
// Each carries its `client_id` from the moment it is written until its entry is seen or its send is answered;
// it is repeated with the same id after every reconnect and reload, and the server stores it once. A direct
// message always names the person (`to`), also once the conversation exists: one address, hence one order.

/** @import {Attachment, Message} from "../net/protocol.js" */

/** @typedef {{to: string} | {conversation: string}} Address */

/**
 * @typedef {object} Outgoing
 * @property {string} client_id
 * @property {Address} address
 * @property {string} text may be empty where there are files
 * @property {Attachment[]} [attachments] files that are with the server already
 * @property {number} at when it was written (milliseconds), which is its place in the queue
 * @property {string | null} refused the server's code, when repeating it would not help
 */

/**
 * @param {Outgoing[]} outgoing
 * @param {Outgoing} added
 * @returns {Outgoing[]}
 */
export function withOutgoing(outgoing, added) {
  const others = outgoing.filter((one) => one.client_id !== added.client_id);
  return [...others, added].sort((one, other) => one.at - other.at);
}

/**
 * @param {Outgoing[]} outgoing
 * @param {string} clientId
 * @returns {Outgoing[]}
 */
export function withoutOutgoing(outgoing, clientId) {
  return outgoing.some((one) => one.client_id === clientId)
    ? outgoing.filter((one) => one.client_id !== clientId)
    : outgoing;
}

/**
 * With the server's code, or null for another try.
 * @param {Outgoing[]} outgoing
 * @param {string} clientId
 * @param {string | null} refused
 * @returns {Outgoing[]}
 */
export function withRefusal(outgoing, clientId, refused) {
  return outgoing.map((one) => (one.client_id === clientId ? { ...one, refused } : one));
}

/**
 * Those that have become messages of `me` are no longer on their way.
 * @param {Outgoing[]} outgoing
 * @param {Message[]} messages
 * @param {string} me
 * @returns {Outgoing[]}
 */
export function withoutArrived(outgoing, messages, me) {
  if (outgoing.length === 0) return outgoing;
  const arrived = new Set(messages.filter((message) => message.sender === me).map((message) => message.client_id));
  return outgoing.some((one) => arrived.has(one.client_id))
    ? outgoing.filter((one) => !arrived.has(one.client_id))
    : outgoing;
}

/** @param {Address} address @returns {string} */
export function laneOf(address) {
  return "to" in address ? `to ${address.to}` : `in ${address.conversation}`;
}
