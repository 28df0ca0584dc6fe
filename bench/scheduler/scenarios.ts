import { setTimeout as sleep } from "node:timers/promises";
import { quantile } from "../machine.ts";
import { type Client, received, type Times } from "./client.ts";
import type { Engines } from "./engines.ts";
import { atRate, inTurn, Load } from "./load.ts";
import type { PromptName } from "./prompts.ts";
import type { Router } from "./routers.ts";
import { cpuMicros, rssKib } from "./usage.ts";
import { event } from "./wire.ts";

/** A number that a scenario gives, and what it has to be at most. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly bar?: number;
  /** At most this part of vllm-router's. */
  readonly ofVllmRouter?: number;
  /** At most so many times nginx's, which does one hop where others do two. */
  readonly ofNginx?: number;
}

export interface Setup {
  readonly router: Router;
  readonly engines: Engines;
  readonly load: Load;
  /** 1, or less for a shorter run. */
  readonly scale: number;
}

export interface Scenario {
  readonly name: string;
  readonly what: string;
  /** One run is enough: it is about memory, not time. */
  readonly once?: true;
  readonly figures: readonly Figure[];
  run(setup: Setup): Promise<Readonly<Record<string, number>>>;
}

/** Engines and clients share a core: that they leave half of it idle shows that they are no bottleneck. */
const BENCH_SHARE: Figure = { name: "load and engines", unit: "% of a core", bar: 50 };
const TWO_HOPS = 2 * 1.3;
/** For a prompt with a quote every few bytes. */
const TWO_HOPS_DENSE = 2 * 2;
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
const STALLED = 64;
const FOREVER_MS = 1e7;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "idle",
    what: "after the start and one request",
    once: true,
    figures: [{ name: "memory", unit: "MiB", bar: 60 }],
    async run({ router }) {
      await sleep(1000);
      return { memory: rssKib(router.pid) / 1024 };
    },
  },
  plain("plain-256", 256, 12_000, { bar: 45, ofVllmRouter: 1 / 3 }),
  plain("plain-4k", 4096, 12_000, { bar: 50, ofVllmRouter: 1 / 3 }),
  plain("plain-128k", 128 * 1024, 3000, { bar: 260, ofVllmRouter: 1 / 2, ofNginx: TWO_HOPS }),
  plain("lines-128k", 128 * 1024, 3000, { ofNginx: TWO_HOPS }, "lines"),
  plain("code-128k", 128 * 1024, 3000, { ofNginx: TWO_HOPS }, "code"),
  plain("document-128k", 128 * 1024, 3000, { ofNginx: TWO_HOPS_DENSE }, "document"),
  plain("chinese-128k", 128 * 1024, 3000, { ofNginx: TWO_HOPS }, "chinese"),
  plain("escaped-128k", 128 * 1024, 3000, { ofNginx: TWO_HOPS }, "escaped"),
  streams("streams-64", 64, 3000),
  streams("streams-512", 512, 1500),
  {
    name: "even",
    what: "64 streams at any time, of 1 to 40 events each: how many more one decode engine has than the other, on average",
    figures: [{ name: "decode engines apart", unit: "streams" }],
    async run({ engines, load, scale }) {
      const before = await engines.state();
      // The same lengths for every router.
      let at = 0;
      await inTurn(Math.round(1500 * scale), 64, () =>
        load.ask({ events: 1 + ((at++ * 17) % 40), everyMs: 20 }),
      );
      const after = await engines.state();
      return { "decode engines apart": (after.apart - before.apart) / (after.looks - before.looks) };
    },
  },
  {
    name: "latency",
    what: "plain requests of 256 bytes at 300 a second, beside as many without a router",
    figures: [
      { name: "added latency p50", unit: "ms", bar: 0.45 },
      { name: "added latency p99", unit: "ms", bar: 1 },
    ],
    async run({ router, engines, load, scale }) {
      const direct = Load.direct(router.legs, engines);
      const through: number[] = [];
      const without: number[] = [];
      await atRate(1200 * scale, 300, async () => {
        push(without, latency(await direct.ask()));
        push(through, latency(await load.ask()));
      });
      load.failures.push(...direct.failures);
      direct.leave();
      return {
        "added latency p50": quantile(through, 0.5) - quantile(without, 0.5),
        "added latency p99": quantile(through, 0.99) - quantile(without, 0.99),
      };
    },
  },
  {
    name: "ttft",
    what: "one stream at a time, beside one without a router",
    figures: [{ name: "added TTFT p50", unit: "ms", bar: 0.7 }],
    async run({ router, engines, load, scale }) {
      const direct = Load.direct(router.legs, engines);
      const through: number[] = [];
      const without: number[] = [];
      await inTurn(300 * scale, 1, async () => {
        push(without, ttft(await direct.ask({ events: 1 })));
        push(through, ttft(await load.ask({ events: 1 })));
      });
      load.failures.push(...direct.failures);
      direct.leave();
      return { "added TTFT p50": quantile(through, 0.5) - quantile(without, 0.5) };
    },
  },
  {
    name: "burst",
    what: "512 new connections at once, each with a stream of 5 events",
    figures: [
      { name: "TTFT p50", unit: "ms" },
      { name: "TTFT p99", unit: "ms", bar: 300 },
    ],
    async run({ load }) {
      const times = await Promise.all(
        Array.from({ length: 512 }, () => load.ask({ events: 5, everyMs: 20 })),
      );
      const first = times.map(ttft).filter((one) => one !== undefined);
      return { "TTFT p50": quantile(first, 0.5), "TTFT p99": quantile(first, 0.99) };
    },
  },
  {
    name: "leave",
    what: "1,000 streams that are silent after their first event; then all clients leave",
    once: true,
    figures: [
      { name: "memory per idle stream", unit: "KiB", bar: 12 },
      { name: "until the engines know", unit: "s", bar: 0.2 },
    ],
    run: (setup) => silent(setup, 1000),
  },
  {
    name: "many",
    what: "8,000 silent streams at once",
    once: true,
    figures: [{ name: "memory per idle stream", unit: "KiB", bar: 12 }],
    run: (setup) => silent(setup, setup.scale < 1 ? 2000 : 8000),
  },
  {
    name: "stalled",
    what: "64 clients that stop reading, with engines that send 64 MiB to each as fast as it is taken",
    once: true,
    figures: [{ name: "memory per stalled stream", unit: "KiB", bar: 1024 }],
    async run({ router, engines, load }) {
      const before = rssKib(router.pid);
      // More than the kernel holds on all sides.
      const events = Math.ceil((64 * 1024 * 1024) / event("", 0).length);
      let reading = STALLED;
      await new Promise<void>((resolve) => {
        const onFirst = (client: Client) => {
          client.stall();
          if (--reading === 0) resolve();
        };
        for (let i = 0; i < STALLED; i++) void load.ask({ events, onFirst });
      });
      await sleep(1000);
      const after = rssKib(router.pid);
      const { active } = await engines.state();
      if (active < STALLED) load.failures.push(`${STALLED - active} streams were taken to the end`);
      return { "memory per stalled stream": (after - before) / STALLED };
    },
  },
];

function plain(
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

function streams(name: string, count: number, windowMs: number): Scenario {
  const everyMs = 20;
  const cpu = "CPU per event";
  return {
    name,
    what: `${count} streams with an event every ${everyMs} ms each`,
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
            await load.ask({ events, everyMs, onFirst: () => ++going === count && resolve() });
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

/** Opens `count` streams, weighs them, has all clients leave, and waits until the engines have seen it. */
async function silent({ router, engines, load }: Setup, count: number): Promise<Record<string, number>> {
  // What a runtime takes once for itself is not to be shared out among the streams.
  await inTurn(2000, CLIENTS, () => load.ask());
  const before = rssKib(router.pid);
  const clients: Client[] = [];
  await inTurn(count, 50, async () => {
    await new Promise<void>((resolve) => {
      const wish = { events: 2, everyMs: FOREVER_MS };
      const onFirst = (client: Client) => {
        clients.push(client);
        resolve();
      };
      // It settles early only when it fails.
      void load.ask({ ...wish, onFirst }).then(() => resolve());
    });
  });
  await sleep(500);
  const after = rssKib(router.pid);
  const { active } = await engines.state();
  if (active !== count) load.failures.push(`the engines have ${active} of ${count} streams`);
  const left = Number(process.hrtime.bigint()) / 1e6;
  load.leave();
  let state = await engines.state();
  while (state.active > 0 && Number(process.hrtime.bigint()) / 1e6 - left < 10_000) {
    await sleep(10);
    state = await engines.state();
  }
  if (state.active > 0) load.failures.push(`after 10 s the engines still have ${state.active} streams`);
  return {
    "memory per idle stream": (after - before) / count,
    "until the engines know": (state.lastLeft - left) / 1000,
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

function latency(times: Times | undefined): number | undefined {
  return times && times.last - times.sent;
}

function ttft(times: Times | undefined): number | undefined {
  return times && times.first - times.sent;
}

function push(values: number[], value: number | undefined): void {
  if (value !== undefined) values.push(value);
}
