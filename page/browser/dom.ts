type Attributes = Readonly<Record<string, string>>;

/** An element with its children. Text is always text: nothing here reads markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Node[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** What is as it was is left alone, or the browser would lay it out again. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node: Element, name: string, value: string): void {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** Shows what `items` say: keeps nodes of known keys, makes others, takes away what is gone. */
export function reconcile<T, N extends { readonly node: Element }>(
  parent: Element,
  known: Map<string, N>,
  items: readonly T[],
  keyOf: (item: T) => string,
  make: (item: T) => N,
  show: (view: N, item: T) => void,
): void {
  const keys = new Set(items.map(keyOf));
  for (const [key, { node }] of known) {
    if (keys.has(key)) continue;
    node.remove();
    known.delete(key);
  }
  let before: Element | null = null;
  for (const item of items) {
    const key = keyOf(item);
    const view = known.get(key) ?? make(item);
    known.set(key, view);
    const place: Element | null = before === null ? parent.firstElementChild : before.nextElementSibling;
    if (place !== view.node) parent.insertBefore(view.node, place);
    before = view.node;
    show(view, item);
  }
}
