import type { InstanceView, Point, Snapshot } from "../snapshot.ts";
import { curve } from "./curve.ts";
import { element, setAttribute, setText } from "./dom.ts";
import { percent, short, time } from "./numbers.ts";
import { TONES, type Words } from "./words.ts";

/** Of the errors of one instance. */
const MAX_ERRORS = 3;
/** Of the instances that it passes caches to, or takes them from. */
const MAX_PEERS = 8;

/** One instance: its state and vitals, and behind a button all else that is known of it. */
export function instanceView(words: Words, role: InstanceView["role"], toggled: () => void) {
  const name = element("span", { class: "name" });
  const where = element("span", { class: "where" });
  const state = element("span", { class: "word" });
  const head = element(
    "button",
    { class: "head", type: "button", "aria-expanded": "false" },
    name,
    where,
    state,
  );
  const running = vital("count", words.running);
  const queue = vital("count", words.queue);
  const kv = vital("kv", words.kvUse);
  const bar = element("span", { class: "bar" });
  kv.value.after(bar);
  const ttft = timed("ttft", words.ttft.split(" ").at(-1) ?? "");
  const tpot = timed("tpot", words.tpot.split(" ").at(-1) ?? "");
  const vitals = [running.node, queue.node, kv.node, ttft.node, tpot.node];
  const more = element("dl", { class: "more" });
  more.hidden = true;
  const node = element(
    "li",
    { class: `instance ${role}` },
    head,
    element("dl", { class: "vitals" }, ...vitals),
    more,
  );
  let shown: (() => void) | undefined;
  head.addEventListener("click", () => {
    more.hidden = !more.hidden;
    setAttribute(head, "aria-expanded", String(!more.hidden));
    shown?.();
    toggled();
  });

  return {
    node,
    head,
    show(instance: InstanceView, snapshot: Snapshot, history: readonly Point[]) {
      const { at } = snapshot;
      setText(name, instance.name);
      setText(where, instance.address);
      const states: string[] = instance.states.map((one) => words[one]);
      if (instance.computesPrompts) states.push(words.computesPrompts);
      setText(state, states.join(" · "));
      const [first = "unhealthy", second] = instance.states;
      const own = TONES[second ?? first] ?? "bad";
      const tone = own === "good" && instance.computesPrompts ? "warn" : own;
      setAttribute(state, "class", `word ${tone}`);
      setText(running.value, short(instance.running ?? instance.inFlight));
      setText(queue.value, short(instance.waiting ?? Number.NaN));
      const { kvUsage } = instance;
      setText(kv.value, kvUsage === undefined ? "–" : percent(kvUsage));
      bar.style.setProperty("--part", String(Math.min(Math.max(kvUsage ?? 0, 0), 1)));
      setAttribute(
        bar,
        "class",
        `bar ${(kvUsage ?? 0) > 0.95 ? "bad" : (kvUsage ?? 0) > 0.85 ? "warn" : ""}`,
      );
      for (const [which, one, value] of [
        [0, ttft, instance.ttftMs],
        [1, tpot, instance.tpotMs],
      ] as const) {
        setText(one.value, time(value).join(" "));
        one.drawn.show(
          history.map((point) => [point.at, point.paces[instance.name]?.[which] ?? null]),
          at,
        );
      }
      shown = () => {
        if (!more.hidden) tellMore(more, instance, snapshot, words);
      };
      shown();
    },
  };
}

export type InstanceCard = ReturnType<typeof instanceView>;

function vital(kind: string, label: string) {
  const value = element("span", { class: "figure" });
  return {
    value,
    node: element("div", { class: `vital ${kind}` }, element("dt", {}, label), element("dd", {}, value)),
  };
}

function timed(kind: string, label: string) {
  const drawn = curve();
  const { value, node } = vital(`timed ${kind}`, label);
  value.after(drawn.node);
  return { value, node, drawn };
}

function shareOf({ transferShare }: InstanceView): string {
  return transferShare === undefined ? "–" : percent(transferShare);
}

function tellMore(list: Element, instance: InstanceView, snapshot: Snapshot, words: Words): void {
  const { instances, edges, events } = snapshot;
  const own = instances.indexOf(instance);
  const isPrefill = instance.role === "prefill";
  const peers = edges
    .filter(([from, to]) => (isPrefill ? from : to) === own)
    .sort(([, , a], [, , b]) => b - a);
  const named = peers.slice(0, MAX_PEERS).map(([from, to, perSecond]) => {
    const peer = instances[isPrefill ? to : from];
    return `${peer?.name} ${short(perSecond)}${words.perSecond}`;
  });
  if (peers.length > MAX_PEERS) named.push(words.more(peers.length - MAX_PEERS));
  const { trial } = instance;
  const tried =
    trial === undefined
      ? words.noTrial
      : `${trial.works ? words.works : words.worksNot}, ${clock(trial.at, words)}`;
  const errors = events
    .filter((one) => one.isBad && one.instances.includes(instance.name))
    .slice(0, MAX_ERRORS)
    .map((one) => `${clock(one.at, words)} ${one.what}${one.detail === undefined ? "" : `: ${one.detail}`}`);
  const rows: readonly (readonly [string, string])[] = [
    [words.address, instance.address],
    [words.npus, instance.npus.join(", ") || words.noNpus],
    [words.ofScheduler, short(instance.inFlight)],
    [words.served, short(instance.served)],
    [words.failures, short(instance.failures)],
    [words.kvOfIt, [instance.kvHeld, instance.kvReleased, instance.kvExpired].map(short).join(", ")],
    ...(isPrefill ? [] : [[words.transferShare, shareOf(instance)] as const]),
    [words.trial, tried],
    [words.quarantined, instance.quarantined?.join(", ") || words.none],
    [isPrefill ? words.handsTo : words.takesFrom, named.join(", ") || words.none],
    [words.lastErrors, errors.join("; ") || words.none],
  ];
  const text = JSON.stringify(rows);
  if (list.getAttribute("data-shown") === text) return;
  list.setAttribute("data-shown", text);
  list.replaceChildren(
    ...rows.flatMap(([term, said]) => [
      element("dt", { class: "term" }, term),
      element("dd", { class: "said" }, said),
    ]),
  );
}

export function clock(at: number, { locale }: Words): string {
  return new Date(at).toLocaleTimeString(locale, { hour12: false });
}
