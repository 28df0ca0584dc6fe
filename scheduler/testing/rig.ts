import { onTestFinished } from "vitest";
import type { Config, Timeouts } from "../config/config.ts";
import type { Endpoints } from "../config/endpoints.ts";
import { startScheduler } from "../scheduler.ts";
import { readTrust } from "../trust/trust.ts";
import { type FakeEngine, fakeEngine, goodDecode, goodPrefill, type Script } from "./engine.ts";

const MAIN = new URL("../main.ts", import.meta.url);

const TIMEOUTS: Timeouts = {
  connectMs: 2000,
  prefillMs: 20_000,
  firstTokenMs: 20_000,
  tokenGapMs: 20_000,
  answerMs: 20_000,
  requestHeadMs: 20_000,
  requestBodyMs: 20_000,
  stalledClientMs: 20_000,
  drainMs: 20_000,
  stallMs: 20_000,
  queueMs: 20_000,
};

export type Overrides = Partial<Omit<Config, "timeouts">> & {
  timeouts?: Partial<Timeouts>;
  /** What each thread of several workers runs. */
  program?: URL;
};

export interface Rig {
  readonly port: number;
  readonly adminPorts: readonly number[];
  readonly metricsPort: number | undefined;
  readonly pagePort: number | undefined;
  reload(): void;
  readonly prefill: FakeEngine[];
  readonly decode: FakeEngine[];
  readonly log: LogEntry[];
  /** What else was logged, but for changes of health. */
  readonly events: Record<string, unknown>[];
  /** All that was logged. */
  readonly lines: string[];
  /** The nth log line (from 1) about a request. */
  logged(n: number): Promise<LogEntry>;
  drain(): Promise<void>;
  /** How often an instance became healthy or ceased to be. */
  readonly healthChanges: number;
}

export interface LogEntry {
  readonly id: string;
  readonly path: string;
  readonly status?: number;
  readonly outcome: string;
  readonly detail?: string;
  readonly key?: string;
  readonly prefill?: string;
  readonly decode?: string;
  readonly recomputed?: boolean;
  readonly ms: Record<string, number>;
  readonly text: string;
}

/** A scheduler in this process before fake engines, ready unless `ready` is false. Ends with the test. */
export async function startRig(
  engines: { prefill?: Script[]; decode?: Script[] } = {},
  overrides: Overrides & { ready?: boolean } = {},
): Promise<Rig> {
  const { prefill: prefillScripts = [goodPrefill], decode: decodeScripts = [goodDecode] } = engines;
  const prefill = await Promise.all(prefillScripts.map(fakeEngine));
  const decode = await Promise.all(decodeScripts.map(fakeEngine));
  return rigOf(prefill, decode, overrides);
}

export async function rigOf(
  prefill: FakeEngine[],
  decode: FakeEngine[],
  { ready = true, program = MAIN, ...overrides }: Overrides & { ready?: boolean } = {},
): Promise<Rig> {
  const endpoint = ({ port }: FakeEngine) => ({ host: "127.0.0.1", port });
  const endpoints = { prefill: prefill.map(endpoint), decode: decode.map(endpoint) };
  return rigWith(testConfig(endpoints, overrides), prefill, decode, ready, program);
}

/** What tests start a scheduler with, for instances at `endpoints`. */
export function testConfig(endpoints: Endpoints, { timeouts, ...overrides }: Overrides): Config {
  return {
    host: "127.0.0.1",
    port: 0,
    workers: 1,
    endpoints,
    readEndpoints: () => endpoints,
    admin: [],
    metrics: undefined,
    page: undefined,
    tracing: { otlp: undefined, sampler: { name: "parentbased_always_on", ratio: 1 } },
    servedModels: [],
    api: "openai",
    handoff: "NixlConnector",
    metaserver: undefined,
    engineKey: undefined,
    allowedHosts: [],
    trustFiles: {},
    trust: readTrust(overrides.trustFiles ?? {}),
    policy: "RoundRobin",
    missingKvParams: "recompute",
    givenBack: "resume",
    tokenise: "twice",
    maxBodyBytes: 8 * 1024 * 1024,
    maxAnswerTokens: undefined,
    maxConnections: 8192,
    maxRequests: 8192,
    runningRequests: { prefill: 4096, decode: 4096 },
    maxBufferedBytes: 256 * 1024 * 1024,
    clientShare: 1,
    engineKeepAlive: true,
    kvLeaseMs: 20_000,
    kvRelease: "reject",
    canaryMs: 0,
    health: { intervalMs: 50, timeoutMs: 1000 },
    // Fake engines are asked for what a test is about alone.
    asksForSources: false,
    ...overrides,
    timeouts: { ...TIMEOUTS, ...timeouts },
  };
}

async function rigWith(
  config: Config,
  prefill: FakeEngine[],
  decode: FakeEngine[],
  ready: boolean,
  program: URL,
): Promise<Rig> {
  const log: LogEntry[] = [];
  const events: Record<string, unknown>[] = [];
  const lines: string[] = [];
  const waiting: (() => void)[] = [];
  let healthy = 0;
  let healthChanges = 0;
  const scheduler = await startScheduler(
    config,
    (text) => {
      const entry = JSON.parse(text);
      lines.push(text);
      if (typeof entry.healthy === "boolean") {
        healthy += entry.healthy ? 1 : -1;
        healthChanges++;
      } else if (entry.id !== undefined) log.push({ ...entry, text });
      else events.push(entry);
      for (const wake of waiting.splice(0)) wake();
    },
    program,
  );
  onTestFinished(() => scheduler.close());
  async function until(met: () => boolean): Promise<void> {
    while (!met()) await new Promise<void>((resolve) => waiting.push(resolve));
  }
  if (ready) await until(() => healthy === prefill.length + decode.length);
  return {
    port: scheduler.port,
    adminPorts: scheduler.adminPorts,
    metricsPort: scheduler.metricsPort,
    pagePort: scheduler.pagePort,
    reload: () => scheduler.reload(),
    prefill,
    decode,
    log,
    events,
    lines,
    drain: () => scheduler.drain(),
    get healthChanges() {
      return healthChanges;
    },
    async logged(n) {
      await until(() => log.length >= n);
      return log[n - 1] as LogEntry;
    },
  };
}

interface State {
  readonly ready: boolean;
  readonly requests: number;
  readonly instances: readonly Readonly<Record<string, unknown>>[];
}

type Result = Readonly<Record<string, unknown>>;

/** An operator at the scheduler's admin port. */
export function operator({ adminPorts: [port] }: Rig) {
  const send = async (path: string, body: unknown): Promise<{ status: number; answer: Result }> => {
    const headers = { "Content-Type": "application/json" };
    const init = body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    return { status: response.status, answer: (await response.json()) as Result };
  };
  return {
    send,
    state: async () => (await send("/state", undefined)).answer as unknown as State,
    stateOf: async (name: string) => {
      const { answer } = await send("/state", undefined);
      return (answer as unknown as State).instances.find((one) => one.name === name);
    },
    drain: (instance: string, deadline = 600, force = false) => send("/drain", { instance, deadline, force }),
    join: (instance: string, deadline = 600) => send("/join", { instance, deadline }),
    reload: () => send("/reload", {}),
  };
}
