import { setTimeout as sleep } from "node:timers/promises";
import { received } from "./client.ts";
import type { Engines } from "./engines.ts";
import { inTurn } from "./load.ts";
import type { PromptName } from "./prompts.ts";
import type { Router } from "./routers.ts";
import type { Figure, Scenario } from "./scenario.ts";
import { cpuMicros } from "./usage.ts";
import type { Chunks } from "./wire.ts";

/** Engines and clients share a core: that they leave half of it idle shows that they are no bottleneck. */
const BENCH_SHARE: Figure = { name: "load and engines", unit: "% of a core", bar: 50 };
const PROMPT_NAMES: Readonly<Record<PromptName, string>> = {
  plain: "plain ASCII",
  lines: "a line feed every 80 bytes",
  code: "source code",
  document: "JSON quoted in it",
  chinese: "Chinese in UTF-8",
  escaped: "Chinese as \\uXXXX",
};
const CLIENTS = 16;
/** Without it the clients and engines would be as busy as the router. */
const PAUSE_MS = 1;

export function plain(
  name: string,
  size: number,
  requests: number,
  bars: Pick<Figure, "bar" | "ofVllmRouter" | "ofNginx">,
  prompt: PromptName = "plain",
): Scenario {
  const cpu = "CPU per request";
  return {
    name,
    what: `${requests} plain requests of ${size} bytes, ${PROMPT_NAMES[prompt]}, by ${CLIENTS} clients, each ${PAUSE_MS} ms after its last answer`,
    figures: [{ name: cpu, unit: "µs", ...bars }, BENCH_SHARE],
    async run({ router, engines, load, scale }) {
      const send = (total: number) => inTurn(total, CLIENTS, () => load.ask({ size, prompt }), PAUSE_MS);
      const count = Math.round(requests * scale);
      await send(count / 4);
      const usage = start(router, engines);
      await send(count);
      const { routerMicros, benchPercent } = usage.stop();
      return { [cpu]: routerMicros / count, [BENCH_SHARE.name]: benchPercent };
    },
  };
}

export function streams(name: string, count: number, windowMs: number, chunks: Chunks = "0.32"): Scenario {
  const everyMs = 20;
  const cpu = "CPU per event";
  return {
    name,
    what: `${count} streams with an event every ${everyMs} ms each, a chunk of vLLM ${chunks}`,
    figures: [{ name: cpu, unit: "µs", bar: 18 }, BENCH_SHARE],
    async run({ router, engines, load, scale }) {
      const settleMs = 500;
      const events = Math.ceil((windowMs * scale + 2 * settleMs) / everyMs);
      const all: Promise<void>[] = [];
      // Not all at once: their events are to come spread over time, as those of unrelated requests do.
      let going = 0;
      const everyone = new Promise<void>((resolve) => {
        for (let i = 0; i < count; i++) {
          const begin = async () => {
            await sleep((settleMs * i) / count);
            await load.ask({ events, everyMs, chunks, onFirst: () => ++going === count && resolve() });
          };
          all.push(begin());
        }
      });
      await Promise.race([everyone, Promise.all(all)]);
      const from = received.pieces;
      const usage = start(router, engines);
      await sleep(windowMs * scale);
      const { routerMicros, benchPercent } = usage.stop();
      const seen = received.pieces - from;
      await Promise.all(all);
      return { [cpu]: routerMicros / seen, [BENCH_SHARE.name]: benchPercent };
    },
  };
}

function start({ pid }: Router, engines: Engines) {
  const used = () => ({
    router: cpuMicros(pid),
    bench: cpuMicros(engines.pid) + ownMicros(),
    at: performance.now() * 1000,
  });
  const before = used();
  return {
    stop() {
      const after = used();
      return {
        routerMicros: after.router - before.router,
        benchPercent: (100 * (after.bench - before.bench)) / (after.at - before.at),
      };
    },
  };
}

/** Without the children, which the routers are. */
function ownMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
