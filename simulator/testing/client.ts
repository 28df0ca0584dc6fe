import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished, vi } from "vitest";
import { type Simulator, type SimulatorConfig, startSimulator } from "../server.ts";

// Sockets and processes are quick, but the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

/** A configuration without delays, on a free port of 127.0.0.1. */
export const quick: SimulatorConfig = {
  role: "prefill",
  host: "127.0.0.1",
  port: 0,
  model: "/m",
  servedModelName: "sim",
  dataParallelSize: 1,
  apiKey: undefined,
  tensorParallelSize: 2,
  maxModelLen: 4096,
  maxNumSeqs: 256,
  maxNumQueuedReqs: Number.POSITIVE_INFINITY,
  maxNumBatchedTokens: 4096,
  ttftBaseMs: 0,
  ttftMsPerToken: 0,
  interTokenMs: 0,
  kvBlocks: 512,
  prefixCaching: true,
  blockSize: 16,
  kvHost: "127.0.0.1",
  kvLeaseSeconds: 30,
  kvLoadFailurePolicy: "fail",
  kvCheck: "strict",
  kvConnector: "NixlConnector",
  kvLookup: "params",
  kvPeers: [],
  vllmVersion: "0.32",
  seed: 0,
  preemptWithin: 0,
  wrongKvFrom: [],
};

export interface TestSimulator extends Simulator {
  readonly url: string;
  readonly logged: string[];
}

/** A simulator in this process, closed with the test that started it. */
export async function start(changes: Partial<SimulatorConfig> = {}): Promise<TestSimulator> {
  const logged: string[] = [];
  const simulator = await startSimulator({ ...quick, ...changes }, (line) => logged.push(line));
  onTestFinished(() => simulator.close(0));
  return { ...simulator, url: `http://127.0.0.1:${simulator.port}`, logged };
}

/** `body` goes out as it is when it is text. */
export function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: text, ...init });
}

/** The text of a plain completion. */
export async function completionText(answer: Response): Promise<string> {
  return JSON.parse(await answer.text()).choices[0].text;
}

/** The payloads of a whole SSE stream; fails on anything that is not `data: …` and an empty line. */
export function sseData(stream: string): string[] {
  const events = stream.split("\n\n");
  if (events.pop() !== "") throw new Error("the stream does not end with an empty line");
  return events.map((event) => {
    if (!event.startsWith("data: ") || event.includes("\n")) throw new Error(`not an event: ${event}`);
    return event.slice("data: ".length);
  });
}

/** The value of a Prometheus sample, found by the start of its line. */
export function sample(metrics: string, start: string): number {
  const line = metrics.split("\n").find((candidate) => candidate.startsWith(start));
  if (line === undefined) throw new Error(`no metric starts with ${start}`);
  return Number(line.slice(line.lastIndexOf(" ")));
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5);
}
