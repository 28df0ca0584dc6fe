import type { Snapshot } from "../snapshot.ts";
import { setAttribute, setText, svg } from "./dom.ts";
import { paceOf, type Wire, wiresOf } from "./groups.ts";
import { short } from "./numbers.ts";
import type { Words } from "./words.ts";

/** Wires on which something is seen to move; of more, a browser would draw nothing else. */
const MAX_FLOWS = 48;
/** With more, numbers would hide each other. */
const MAX_LABELS = 9;

/** Where a wire begins and ends: right or left edge of an element, in the middle of its head. */
export interface Anchors {
  /** Of a group or an instance by its key. */
  find(key: string): Element | undefined;
  /** Those that have a wire, also where nothing goes over it, unless they are too many. */
  readonly idle: readonly (readonly [from: string, to: string])[];
}

/** What passes between prefill and decode, behind the instances. The same is told in words elsewhere. */
export function wiresView(words: Words, frame: Element) {
  const idle = svg("path", { class: "idle" });
  const drawn = svg("g");
  const stops = [svg("stop", { class: "from" }), svg("stop", { class: "to", offset: "1" })];
  // In the frame's own units: one of a path's box is nothing where that is a straight line.
  const flow = svg("linearGradient", { id: "flow", gradientUnits: "userSpaceOnUse" }, ...stops);
  const node = svg("svg", { class: "wires", "aria-hidden": "true" }, svg("defs", {}, flow), idle, drawn);
  const views = new Map<string, ReturnType<typeof wireView>>();
  let places = new Map<string, readonly [left: number, right: number, y: number]>();
  let lit: string | undefined;
  let last: { snapshot: Snapshot; anchors: Anchors } | undefined;

  function placeOf(key: string, anchors: Anchors) {
    const known = places.get(key);
    if (known !== undefined) return known;
    const found = anchors.find(key);
    if (found === undefined) return undefined;
    const [outer, box, inner] = [
      frame.getBoundingClientRect(),
      (found.closest(".instance, .host") ?? found).getBoundingClientRect(),
      found.getBoundingClientRect(),
    ];
    const y = inner.top + inner.height / 2 - outer.top;
    const place = [box.left - outer.left, box.right - outer.left, y] as const;
    places.set(key, place);
    return place;
  }

  function path(from: string, to: string, anchors: Anchors): string | undefined {
    const [, x1, y1] = placeOf(from, anchors) ?? [];
    const [x2, , y2] = placeOf(to, anchors) ?? [];
    if (x1 === undefined || y1 === undefined || x2 === undefined || y2 === undefined) return undefined;
    const bend = (x2 - x1) / 2;
    const [a, b, c, d] = [x1, y1, x2, y2].map(Math.round);
    return `M${a} ${b}C${Math.round(x1 + bend)} ${b} ${Math.round(x2 - bend)} ${d} ${c} ${d}`;
  }

  function show(snapshot: Snapshot, anchors: Anchors): void {
    last = { snapshot, anchors };
    const { wires } = wiresOf(snapshot);
    setAttribute(node, "class", wires.length > MAX_LABELS ? "wires is-many" : "wires");
    const isTold = wires.length <= MAX_LABELS;
    const seen = new Set<string>();
    for (const [at, wire] of wires.entries()) {
      const key = `${wire.from}\n${wire.to}`;
      const line = path(wire.from, wire.to, anchors);
      if (line === undefined) continue;
      seen.add(key);
      const view = views.get(key) ?? wireView(drawn);
      views.set(key, view);
      const isDim = lit !== undefined && wire.from !== lit && wire.to !== lit;
      view.show(
        wire,
        line,
        { flows: at < MAX_FLOWS, label: isTold ? short(wire.perSecond) : "", isDim },
        words,
      );
    }
    for (const [key, view] of views) {
      if (seen.has(key)) continue;
      view.remove();
      views.delete(key);
    }
    const still = anchors.idle.map(([from, to]) => path(from, to, anchors) ?? "");
    setAttribute(idle, "d", still.join(""));
    const ends = [...places.values()];
    setAttribute(flow, "x1", String(Math.round(Math.min(...ends.map(([, right]) => right), 1e6))));
    setAttribute(flow, "x2", String(Math.round(Math.max(...ends.map(([left]) => left), 0))));
  }

  return {
    node,
    show,
    /** Things are not where they were. */
    moved() {
      places = new Map();
      if (last !== undefined) show(last.snapshot, last.anchors);
    },
    /** The wires of one stand out; of none all do. */
    light(key: string | undefined) {
      lit = key;
      if (last !== undefined) show(last.snapshot, last.anchors);
    },
  };
}

function wireView(parent: Element) {
  const base = svg("path", { class: "wire" });
  const flow = svg("path");
  const label = svg("text");
  const node = svg("g", {}, base, flow, label);
  parent.append(node);
  return {
    remove: () => node.remove(),
    show(
      { perSecond }: Wire,
      line: string,
      { flows, label: told, isDim }: { flows: boolean; label: string; isDim: boolean },
      words: Words,
    ) {
      setAttribute(node, "class", isDim ? "is-dim" : "");
      setAttribute(base, "d", line);
      setAttribute(base, "stroke-width", (1 + Math.log2(1 + perSecond)).toFixed(1));
      setAttribute(flow, "d", flows ? line : "");
      setAttribute(flow, "class", flows ? `flow pace-${paceOf(perSecond)}` : "");
      const [x1 = 0, y1 = 0, , , , , x2 = 0, y2 = 0] = (line.match(/-?\d+/g) ?? []).map(Number);
      // Nearer to prefill than the middle, where lines cross.
      const part = 0.28;
      const eased = part * part * (3 - 2 * part);
      setAttribute(label, "x", String(Math.round(x1 + (x2 - x1) * part)));
      setAttribute(label, "y", String(Math.round(y1 + (y2 - y1) * eased) - 6));
      setText(label, told === "" ? "" : `${told}${words.perSecond}`);
    },
  };
}
