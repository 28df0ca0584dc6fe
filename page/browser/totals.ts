import type { Point, Totals } from "../snapshot.ts";
import { curve } from "./curve.ts";
import { element, setText } from "./dom.ts";
import { short, time } from "./numbers.ts";
import type { Words } from "./words.ts";

interface Tile {
  readonly label: string;
  readonly value: (totals: Totals) => readonly [value: string, unit: string];
  readonly aside?: (totals: Totals) => string;
  readonly over: (totals: Totals) => number | null;
}

function tiles(words: Words): readonly Tile[] {
  const rate = (value: number) => [short(value), words.perSecond] as const;
  const count = (value: number) => [short(value), ""] as const;
  return [
    { label: words.inFlight, value: (of) => count(of.inFlight), over: (of) => of.inFlight },
    {
      label: words.requests,
      value: (of) => rate(of.requestsPerSecond),
      aside: ({ failedPerSecond }) =>
        failedPerSecond > 0 ? `${short(failedPerSecond)}${words.perSecond} ${words.failed}` : "",
      over: (of) => of.requestsPerSecond,
    },
    { label: words.events, value: (of) => rate(of.eventsPerSecond), over: (of) => of.eventsPerSecond },
    { label: words.handoffs, value: (of) => rate(of.handoffsPerSecond), over: (of) => of.handoffsPerSecond },
    { label: words.ttft, value: (of) => time(of.ttftMs), over: (of) => of.ttftMs ?? null },
    { label: words.tpot, value: (of) => time(of.tpotMs), over: (of) => of.tpotMs ?? null },
    { label: words.kvHeld, value: (of) => count(of.kvHeld), over: (of) => of.kvHeld },
    {
      label: words.kvFreed,
      value: (of) => count(of.kvReleased + of.kvExpired),
      aside: (of) => `${short(of.kvExpired)} ${words.expired}`,
      over: (of) => of.kvReleased + of.kvExpired,
    },
  ];
}

/** What all requests come to, a number and a curve each. */
export function totalsView(words: Words) {
  const views = tiles(words).map((tile) => {
    const number = element("span", { class: "number" });
    const unit = element("span", { class: "unit" });
    const aside = element("span", { class: "aside" });
    const drawn = curve();
    const label = element("dt", { title: tile.label }, tile.label);
    return {
      tile,
      number,
      unit,
      aside,
      drawn,
      node: element("div", { class: "total" }, label, element("dd", {}, number, unit, aside, drawn.node)),
    };
  });
  return {
    node: element("dl", { class: "totals" }, ...views.map(({ node }) => node)),
    show(totals: Totals, history: readonly Point[], now: number) {
      for (const { tile, number, unit, aside, drawn } of views) {
        const [value, ofIt] = tile.value(totals);
        setText(number, value);
        setText(unit, ofIt);
        setText(aside, tile.aside?.(totals) ?? "");
        drawn.show(
          history.map(({ at, totals: then }) => [at, tile.over(then)]),
          now,
        );
      }
    },
  };
}
