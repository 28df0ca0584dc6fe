import type { InstanceView, Point, Snapshot } from "../snapshot.ts";
import { element, reconcile, setText } from "./dom.ts";
import { type Group, isReady, keyOf, type Side } from "./groups.ts";
import { type InstanceCard, instanceView } from "./instance.ts";
import { TONES, type Words } from "./words.ts";

/** The instances of one role, by their hosts. */
export function sideView(words: Words, role: Side["role"], toggled: () => void) {
  const count = element("span", { class: "soft" });
  const title = element("h2", { id: `of-${role}` }, words[role], count);
  const ends = ["end", "end", "", ""].map((end, at) => {
    const names = [words.runs, words.queue, words.kv, role === "prefill" ? "TTFT" : "TPOT"];
    return element("span", { class: end }, names[at] ?? "");
  });
  const columns = element(
    "div",
    { class: "columns", "aria-hidden": "true" },
    element("span", {}, words.instance),
    element("span", {}, ...ends),
  );
  const list = element("div");
  const node = element(
    "section",
    { class: `side ${role}`, "aria-labelledby": `of-${role}` },
    title,
    columns,
    list,
  );
  const groups = new Map<string, ReturnType<typeof groupView>>();
  return {
    node,
    groups,
    show(side: Side, snapshot: Snapshot, history: readonly Point[]) {
      setText(count, words.get(side.ready, side.count));
      reconcile(
        list,
        groups,
        side.groups,
        ({ key }) => key,
        () => groupView(words, role, toggled),
        (view, group) => view.show(group, snapshot, history),
      );
    },
  };
}

function groupView(words: Words, role: Side["role"], toggled: () => void) {
  const name = element("b");
  const address = element("span", { class: "soft" });
  const npus = element("span", { class: "npus", role: "img" });
  const title = element("h3", {}, name, address, npus);
  const list = element("ul");
  const node = element("section", { class: "host" }, title, list);
  const cards = new Map<string, InstanceCard>();
  return {
    node,
    title,
    cards,
    show({ host, instances }: Group, snapshot: Snapshot, history: readonly Point[]) {
      setText(name, host.name ?? host.address);
      setText(address, host.name === undefined ? "" : host.address);
      showNpus(npus, { host, instances }, snapshot, words);
      reconcile(
        list,
        cards,
        instances,
        keyOf,
        () => instanceView(words, role, toggled),
        (card, instance) => card.show(instance, snapshot, history),
      );
    },
  };
}

/** A host's NPUs: whose they are, in the colour of its state. */
function showNpus(
  box: Element,
  { host, instances }: Pick<Group, "host" | "instances">,
  { instances: all }: Snapshot,
  words: Words,
): void {
  const holders = new Map<number, InstanceView>();
  for (const one of all) if (one.host === host.address) for (const npu of one.npus) holders.set(npu, one);
  const own = instances.flatMap(({ npus }) => npus);
  const ids = [...new Set([...(host.npus ?? []), ...own])].sort((a, b) => a - b);
  const tones = ids.map((id) => {
    const holder = holders.get(id);
    if (holder === undefined) return "";
    if (!instances.includes(holder)) return "elsewhere";
    return isReady(holder) ? "taken" : `taken ${TONES[holder.states[0] ?? "unhealthy"] ?? "bad"}`;
  });
  const told = ids.map((id) => `${words.npu} ${id}: ${holders.get(id)?.name ?? words.free}`);
  const text = JSON.stringify([told, tones]);
  if (box.getAttribute("data-shown") === text) return;
  box.setAttribute("data-shown", text);
  box.setAttribute("aria-label", told.join(", ") || `${words.npus}: ${words.noNpus}`);
  box.replaceChildren(
    ...ids.map((id, at) => element("span", { class: `npu ${tones[at]}`, title: told[at] ?? "" }, String(id))),
  );
}
