import type { EventView, Point, Snapshot, Trouble } from "../snapshot.ts";
import { element, setAttribute, setText } from "./dom.ts";
import { isTight, keyOf, sidesOf, wiresOf } from "./groups.ts";
import { clock } from "./instance.ts";
import { lasting, short } from "./numbers.ts";
import { sideView } from "./side.ts";
import { totalsView } from "./totals.ts";
import { wiresView } from "./wires.ts";
import { otherWords, type Tone, type Words } from "./words.ts";

/** Wires are drawn also where nothing goes over them, up to this many. */
const MAX_IDLE = 36;
const MAX_HANDOFFS = 24;

/** The whole page in one language. */
export function pageView(words: Words, changeTo: (words: Words) => void) {
  const stack = element("span");
  const state = element("span", { class: "word rest" }, words.connecting);
  const facts = element("span", { class: "facts" });
  const live = element("span", { class: "soft" });
  const language = element("button", { type: "button", class: "language" }, words.other);
  language.lang = words.locale === "en" ? "zh-CN" : "en";
  language.addEventListener("click", () => changeTo(otherWords(words)));
  const trouble = element("p", { class: "trouble", role: "alert" });
  const said = element("p", { class: "unseen", "aria-live": "polite" });
  const totals = totalsView(words);
  const topology = element("main", { class: "topology" });
  const wires = wiresView(words, topology);
  const moved = () => wires.moved();
  const sides = { prefill: sideView(words, "prefill", moved), decode: sideView(words, "decode", moved) };
  topology.append(wires.node, sides.prefill.node, sides.decode.node);
  const handoffs = element("ul", { class: "sheet" });
  const events = element("ul", { class: "sheet", tabindex: "0", "aria-label": words.events_ });
  const titled = (name: string, kind: string, list: Element) =>
    element("section", { class: kind }, element("h2", {}, name), list);
  const header = element("header", {}, element("h1", {}, stack), state, facts, live, language);
  const node = element(
    "div",
    {},
    ...[header, trouble, totals.node, topology],
    element(
      "div",
      { class: "below" },
      titled(words.handoffs, "handoffs unseen", handoffs),
      titled(words.events_, "events", events),
    ),
    element("footer", {}, words.note),
    said,
  );
  topology.addEventListener("keydown", (event) => walk(topology, event));
  for (const [on, off] of [
    ["pointerover", "pointerout"],
    ["focusin", "focusout"],
  ] as const) {
    topology.addEventListener(on, ({ target }) => {
      if (target instanceof Element) wires.light(keys.get(target.closest(".instance") ?? target));
    });
    topology.addEventListener(off, () => wires.light(undefined));
  }
  const keys = new WeakMap<Element, string>();
  const sized = new ResizeObserver(moved);
  sized.observe(topology);
  let states = new Map<string, string>();

  function anchorOf(key: string): Element | undefined {
    for (const { groups } of Object.values(sides)) {
      const group = groups.get(key);
      if (group !== undefined) return group.title;
      for (const { cards } of groups.values()) {
        const card = cards.get(key);
        if (card !== undefined) return card.head;
      }
    }
    return undefined;
  }

  return {
    node,
    close: () => sized.disconnect(),
    show(snapshot: Snapshot, history: readonly Point[]) {
      const { instances, at } = snapshot;
      const name = snapshot.stack ?? "ascend-pd";
      setText(stack, name);
      const tone: Tone = snapshot.state === "ready" ? "good" : snapshot.state === "stopping" ? "warn" : "bad";
      setText(state, words[snapshot.state] ?? "");
      setAttribute(state, "class", `word ${tone}`);
      setText(
        facts,
        [
          snapshot.models.join(", "),
          snapshot.policy,
          snapshot.handoff,
          `v${snapshot.version}`,
          `${words.since} ${lasting(at - snapshot.startedAt)}`,
        ]
          .filter((part) => part !== "")
          .join(" · "),
      );
      const [prefill, decode] = sidesOf(snapshot);
      if (prefill === undefined || decode === undefined) return;
      document.title = `${prefill.ready + decode.ready}/${instances.length} ${words[snapshot.state]} – ${name}`;
      totals.show(snapshot.totals, history, at);
      topology.classList.toggle("is-tight", isTight([prefill, decode]));
      sides.prefill.show(prefill, snapshot, history);
      sides.decode.show(decode, snapshot, history);
      for (const { groups } of Object.values(sides))
        for (const { cards } of groups.values()) for (const [key, card] of cards) keys.set(card.node, key);
      const found = wiresOf(snapshot);
      const [givers, takers] = [prefill, decode].map(({ groups }) =>
        found.bundled ? groups.map(({ key }) => key) : groups.flatMap((group) => group.instances.map(keyOf)),
      );
      const pairs = (givers ?? []).flatMap((from) => (takers ?? []).map((to) => [from, to] as const));
      wires.show(snapshot, { find: anchorOf, idle: pairs.length <= MAX_IDLE ? pairs : [] });
      showHandoffs(handoffs, snapshot, words);
      showEvents(events, snapshot.events, words);
      const now = new Map(
        instances.map((one) => [one.name, one.states.map((word) => words[word]).join(", ")]),
      );
      const changed = [...now].filter(([one, word]) => states.has(one) && states.get(one) !== word);
      if (changed.length > 0)
        setText(said, changed.map(([one, word]) => words.becomes(one, word)).join("; "));
      states = now;
    },
    /** How old what is shown is, and why. */
    tell(ms: number | undefined, why: Trouble | undefined) {
      const isLate = ms !== undefined && ms > 4000;
      setText(live, ms === undefined ? "" : isLate ? `${words.late} ${lasting(ms)}` : words.live);
      setAttribute(live, "class", isLate ? "warn is-text" : "soft");
      const lost = isLate && why === undefined ? words.gone : "";
      setText(trouble, why === undefined ? lost : `${why.what} – ${why.fix}`);
    },
  };
}

export type PageView = ReturnType<typeof pageView>;

/** Arrow keys go from one instance to the next, and to the other side. */
function walk(topology: Element, event: KeyboardEvent): void {
  const here = event.target instanceof Element ? event.target.closest(".instance") : null;
  if (here === null || event.altKey || event.ctrlKey || event.metaKey) return;
  const own = [
    ...topology.querySelectorAll(here.matches(".prefill") ? ".instance.prefill" : ".instance.decode"),
  ];
  const others = [
    ...topology.querySelectorAll(here.matches(".prefill") ? ".instance.decode" : ".instance.prefill"),
  ];
  const at = own.indexOf(here);
  const isAway = event.key === (here.matches(".prefill") ? "ArrowRight" : "ArrowLeft");
  const next =
    event.key === "ArrowDown"
      ? own[at + 1]
      : event.key === "ArrowUp"
        ? own[at - 1]
        : isAway
          ? others[Math.min(at, others.length - 1)]
          : undefined;
  const head = next?.querySelector("button");
  if (!(head instanceof HTMLElement)) return;
  event.preventDefault();
  head.focus();
}

function showHandoffs(list: Element, { instances, edges }: Snapshot, words: Words): void {
  const strongest = [...edges].sort(([, , a], [, , b]) => b - a);
  const rows = strongest
    .slice(0, MAX_HANDOFFS)
    .map(([from, to, perSecond]) => [
      `${instances[from]?.name} → ${instances[to]?.name}`,
      `${short(perSecond)}${words.perSecond}`,
    ]);
  if (edges.length > MAX_HANDOFFS) rows.push([words.more(edges.length - MAX_HANDOFFS), ""]);
  showRows(list, "handoff", rows, words.noHandoffs, []);
}

function showEvents(list: Element, events: readonly EventView[], words: Words): void {
  const rows = events.map(({ at, what, instances, detail = "" }) => [
    clock(at, words),
    instances.join(" → "),
    Object.hasOwn(words.what, what) ? (words.what[what] ?? what) : what,
    detail,
  ]);
  const tones = events.map(({ isBad }) => (isBad ? "bad is-text" : ""));
  showRows(list, "event", rows, words.noEvents, tones);
}

const PARTS: Readonly<Record<string, readonly string[]>> = {
  event: ["soft", "", "what", "detail soft"],
  handoff: ["", ""],
};

function showRows(
  list: Element,
  kind: string,
  rows: readonly (readonly string[])[],
  nothing: string,
  tones: readonly string[],
): void {
  const text = JSON.stringify([rows, tones]);
  if (list.getAttribute("data-shown") === text) return;
  list.setAttribute("data-shown", text);
  const items = rows.map((row, at) => {
    const cells = row.map((cell, column) => {
      const part = PARTS[kind]?.[column] ?? "";
      return element("span", { class: part === "what" ? `what ${tones[at] ?? ""}` : part }, cell);
    });
    return element("li", { class: kind }, ...cells);
  });
  list.replaceChildren(...(items.length > 0 ? items : [element("li", { class: "nothing" }, nothing)]));
}
