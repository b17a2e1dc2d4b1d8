// Where you are: the three ways in which views touch the document. Text goes in as text nodes only, so that
// what people write is never read as HTML.

/** @typedef {string | number | boolean | null | undefined | EventListener} Attribute */

/**
 * A new element. Functions become listeners, `true` an empty attribute, `false` and `null` none.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Attribute>} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** A button. @param {string} label @param {string} test @param {EventListener} click @param {string} [kind] */
export function button(label, test, click, kind = "") {
  return h("button", { type: "button", class: kind, "data-test": test, click }, label);
}

/** The element of the page with this `data-test`. @template {HTMLElement} Element @param {string} test @param {new () => Element} type @returns {Element} */
export function find(test, type) {
  const element = document.querySelector(`[data-test="${test}"]`);
  if (element instanceof type) return element;
  throw new Error(`the page has no ${test}`);
}

/** @param {Node} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** What `keyed` has put into an element. @type {WeakMap<Element, Map<string, {element: HTMLElement}>>} */
const rendered = new WeakMap();

/**
 * Makes the children of `parent` match `items`, in order. An item's row is made once and shown from then on, so
 * that focus, selection and scrolling stay.
 * @template Item
 * @template {{element: HTMLElement}} Row
 * @param {Element} parent
 * @param {Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => Row} create
 * @param {(row: Row, item: Item, index: number) => void} show
 */
export function keyed(parent, items, keyOf, create, show) {
  const before = /** @type {Map<string, Row>} */ (rendered.get(parent) ?? new Map());
  /** @type {Map<string, Row>} */
  const now = new Map();
  items.forEach((item, index) => {
    const row = before.get(keyOf(item)) ?? create(item);
    show(row, item, index);
    now.set(keyOf(item), row);
  });
  for (const [key, row] of before) if (now.get(key) !== row) row.element.remove();
  let place = parent.firstElementChild;
  for (const { element } of now.values()) {
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  rendered.set(parent, now);
}
