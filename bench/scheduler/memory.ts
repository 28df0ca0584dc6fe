import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "./client.ts";
import { inTurn } from "./load.ts";
import type { Scenario, Setup } from "./scenario.ts";
import { rssKib } from "./usage.ts";
import { event } from "./wire.ts";

const CLIENTS = 16;
const STALLED = 64;
const FOREVER_MS = 1e7;

export const IDLE: Scenario = {
  name: "idle",
  what: "after the start and one request",
  once: true,
  figures: [{ name: "memory", unit: "MiB", bar: 60 }],
  async run({ router }) {
    await sleep(1000);
    return { memory: rssKib(router.pid) / 1024 };
  },
};

export const LEAVE: Scenario = {
  name: "leave",
  what: "1,000 streams that are silent after their first event; then all clients leave",
  once: true,
  figures: [
    { name: "memory per idle stream", unit: "KiB", bar: 12 },
    { name: "until the engines know", unit: "s", bar: 0.2 },
  ],
  run: (setup) => silent(setup, 1000),
};

export const MANY: Scenario = {
  name: "many",
  what: "8,000 silent streams at once",
  once: true,
  figures: [{ name: "memory per idle stream", unit: "KiB", bar: 12 }],
  run: (setup) => silent(setup, setup.scale < 1 ? 2000 : 8000),
};

export const STALLED_CLIENTS: Scenario = {
  name: "stalled",
  what: "64 clients that stop reading, with engines that send 64 MiB to each as fast as it is taken",
  once: true,
  figures: [{ name: "memory per stalled stream", unit: "KiB", bar: 1024 }],
  async run({ router, engines, load }) {
    const before = rssKib(router.pid);
    // More than the kernel holds on all sides.
    const events = Math.ceil((64 * 1024 * 1024) / event("", 0, "0.32").length);
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
};

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
