import { plain, streams } from "./cpu.ts";
import { BURST, LATENCY, TTFT } from "./latency.ts";
import { inTurn } from "./load.ts";
import { IDLE, LEAVE, MANY, STALLED_CLIENTS } from "./memory.ts";
import type { Scenario } from "./scenario.ts";

const TWO_HOPS = 2 * 1.3;
/** For a prompt with a quote every few bytes. */
const TWO_HOPS_DENSE = 2 * 2;

export const EVEN: Scenario = {
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
};

/** In the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [
  IDLE,
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
  streams("streams-64-0.33", 64, 3000, "0.33"),
  streams("streams-512-0.33", 512, 1500, "0.33"),
  EVEN,
  LATENCY,
  TTFT,
  BURST,
  LEAVE,
  MANY,
  STALLED_CLIENTS,
];
