import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Process } from "./processes.ts";
import type { Session, Workload } from "./workloads.ts";

/** What a workload came to with one policy. */
export interface Figures {
  /** Milliseconds. */
  readonly ttftMean: number;
  readonly ttftP50: number;
  readonly ttftP99: number;
  /** Requests a second. */
  readonly throughput: number;
  /** Part of the prompts' tokens that prefill did not compute. */
  readonly cached: number;
  /** How much more the busiest prefill instance computed than they did on average; 1 is even. */
  readonly balance: number;
}

interface Answer {
  readonly ttftMs: number;
  readonly text: string;
}

const LIMIT_MS = 120_000;

/** Plays it through the scheduler at `url`. `salt` keeps prefix caches apart from what others have left there. */
export async function play(
  { clients, sessions }: Workload,
  { url }: Process,
  prefill: readonly Process[],
  salt: string,
  scale: number,
): Promise<Figures> {
  const agent = new Agent({ keepAlive: true });
  const all = sessions(scale);
  const ttfts: number[] = [];
  const before = await Promise.all(prefill.map(counted));
  const started = performance.now();

  async function run({ system, turns, at }: Session): Promise<void> {
    if (at !== undefined) await sleep(Math.max(0, started + at - performance.now()));
    const messages = system === "" ? [] : [{ role: "system", content: system }];
    for (const { said, maxTokens } of turns) {
      messages.push({ role: "user", content: said });
      const fields = { model: "sim", cache_salt: salt, stream: true, max_tokens: maxTokens };
      const { ttftMs, text } = await ask(url, JSON.stringify({ ...fields, messages }), agent);
      ttfts.push(ttftMs);
      messages.push({ role: "assistant", content: text });
    }
  }

  if (all.every(({ at }) => at !== undefined)) await Promise.all(all.map(run));
  else {
    let next = 0;
    const client = async () => {
      for (let session = all[next++]; session !== undefined; session = all[next++]) await run(session);
    };
    await Promise.all(Array.from({ length: clients }, client));
  }

  const seconds = (performance.now() - started) / 1000;
  agent.destroy();
  const after = await Promise.all(prefill.map(counted));
  const asked = after.map(({ queries }, index) => queries - (before[index]?.queries ?? 0));
  const computed = after.map(({ hits }, index) => (asked[index] ?? 0) - (hits - (before[index]?.hits ?? 0)));
  const sorted = ttfts.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
  return {
    ttftMean: sum(ttfts) / ttfts.length,
    ttftP50: at(0.5),
    ttftP99: at(0.99),
    throughput: ttfts.length / seconds,
    cached: 1 - sum(computed) / sum(asked),
    balance: (Math.max(...computed) * computed.length) / sum(computed),
  };
}

/** Rejects for anything but a whole stream. */
function ask(url: string, body: string, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = performance.now();
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
    const outgoing = request(`${url}/v1/chat/completions`, {
      method: "POST",
      agent,
      headers,
      timeout: LIMIT_MS,
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("no byte for too long")));
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      let ttftMs = 0;
      let answer = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (text: string) => {
        if (ttftMs === 0) ttftMs = performance.now() - sent;
        answer += text;
      });
      incoming.on("error", reject);
      incoming.on("end", () => {
        if (incoming.statusCode !== 200 || !answer.endsWith("data: [DONE]\n\n"))
          reject(new Error(`answered ${incoming.statusCode}: ${answer.slice(0, 300)}`));
        else resolve({ ttftMs, text: textOf(answer) });
      });
    });
    outgoing.end(body);
  });
}

function textOf(answer: string): string {
  const events = answer.split("\n\n").filter((event) => event.startsWith("data: {"));
  return events.map((event) => JSON.parse(event.slice(6)).choices[0]?.delta.content ?? "").join("");
}

/** Of prefixes, in tokens, since the start of the instance. */
async function counted({ url }: Process): Promise<{ queries: number; hits: number }> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const count = (what: string) =>
    Number(new RegExp(`^vllm:prefix_cache_${what}_total\\{.*\\} (\\d+)`, "m").exec(metrics)?.[1]);
  return { queries: count("queries"), hits: count("hits") };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
