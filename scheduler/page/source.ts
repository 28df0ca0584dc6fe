import type { Source } from "../../page/feed.ts";
import { authority, type Endpoints } from "../config/endpoints.ts";
import type { Deadlines } from "../data/deadlines.ts";
import type { Instance } from "../instances/instances.ts";
import type { Stats } from "../operations/stats.ts";
import { type Counts, countsOf } from "./counts.ts";
import { type Facts, snapshotOf } from "./look.ts";
import { Tellings } from "./tellings.ts";

const INTERVAL_MS = 1000;
/** Rates and means are of so many intervals: of one alone they would jump. */
const SPAN = 5;

/** What the scheduler knows, asked anew for each look. */
export interface Sight {
  readonly deadlines: Deadlines;
  instances(): readonly Instance[];
  stats(): Stats;
  facts(): Omit<Facts, "at" | "inFlight" | "instances" | "tellingOf">;
}

/** Looks at the scheduler every second, and asks its instances, as long as somebody wants to know. */
export const lookingAt =
  ({ deadlines, instances, stats, facts }: Sight): Source =>
  (tell) => {
    const tellings = new Tellings(deadlines, instances);
    let before: readonly Counts[] = [];
    const look = () => {
      const [all, total] = [instances(), stats()];
      const now = countsOf(performance.now(), total, all);
      const known: Facts = {
        ...facts(),
        at: Date.now(),
        inFlight: total.inFlight,
        instances: all,
        tellingOf: (instance) => tellings.of(instance),
      };
      tell(snapshotOf(known, now, before[0]));
      before = [...before, now].slice(-SPAN);
    };
    look();
    const timer = setInterval(look, INTERVAL_MS).unref();
    return () => {
      clearInterval(timer);
      tellings.close();
    };
  };

/** Ids of the NPUs of each instance, as the rank table has them. */
export function npusIn({ prefill, decode }: Endpoints): Facts["npusOf"] {
  const known = new Map([...prefill, ...decode].map((one) => [authority(one), one.npus ?? []]));
  return ({ pool }) => known.get(pool.authority) ?? [];
}
