import { quantile } from "../machine.ts";
import type { Times } from "./client.ts";
import { atRate, inTurn, Load } from "./load.ts";
import type { Scenario } from "./scenario.ts";

export const LATENCY: Scenario = {
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
};

export const TTFT: Scenario = {
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
};

export const BURST: Scenario = {
  name: "burst",
  what: "512 new connections at once, each with a stream of 5 events",
  figures: [
    { name: "TTFT p50", unit: "ms" },
    { name: "TTFT p99", unit: "ms", bar: 300 },
  ],
  async run({ load }) {
    const times = await Promise.all(Array.from({ length: 512 }, () => load.ask({ events: 5, everyMs: 20 })));
    const first = times.map(ttft).filter((one) => one !== undefined);
    return { "TTFT p50": quantile(first, 0.5), "TTFT p99": quantile(first, 0.99) };
  },
};

function latency(times: Times | undefined): number | undefined {
  return times && times.last - times.sent;
}

function ttft(times: Times | undefined): number | undefined {
  return times && times.first - times.sent;
}

function push(values: number[], value: number | undefined): void {
  if (value !== undefined) values.push(value);
}
