import { type Scheduler, startScheduler } from "../../scheduler/scheduler.ts";
import { testConfig } from "../../scheduler/testing/rig.ts";
import { type Cell, titleOf } from "./cells.ts";
import { clientOf } from "./client.ts";
import { type Engine, ownEngine, processEngine } from "./engines.ts";
import { expected, type Outcome } from "./expected.ts";
import { factsOf, stateOf } from "./facts.ts";
import type { Hands, Leg } from "./faults.ts";
import { KINDS, LEASE_SECONDS } from "./kinds.ts";
import { LIMIT_MS, until, within } from "./waiting.ts";
import { type Wire, wireTo } from "./wire.ts";

/** For an instance or a client that stands still, in cells where one does. */
const SILENCE_MS = 1500;
const MAIN = new URL("../../scheduler/main.ts", import.meta.url);

interface Instance {
  readonly role: Leg;
  readonly engine: Engine;
  readonly wire: Wire;
}

/** Plays a cell and tells what was seen. Throws when something is left behind, or the next request is not answered well. */
export async function play(cell: Cell): Promise<Outcome> {
  const closing: (() => void)[] = [];
  try {
    return await within(`the end of: ${titleOf(cell)}`, playThrough(cell, closing));
  } finally {
    for (const close of closing.reverse()) close();
  }
}

async function playThrough(cell: Cell, closing: (() => void)[]): Promise<Outcome> {
  const { fault, leg } = cell;
  const prefill = await instancesOf("prefill", cell, [], closing);
  const decode = await instancesOf(
    "decode",
    cell,
    prefill.map(({ engine }) => `127.0.0.1:${engine.port}`),
    closing,
  );
  const all = [...prefill, ...decode];
  const struck = (leg === "prefill" ? prefill : decode)[0] as Instance;
  const lines: Line[] = [];
  const scheduler = await schedulerOf(cell, prefill, decode, lines, closing);
  const isAbsent = fault.before === "no such name";
  const isReady = async () => {
    const { instances } = await stateOf(scheduler);
    return instances.filter(({ healthy }) => healthy).length === all.length - Number(isAbsent);
  };
  await until(isReady);
  const begun = lines.length;
  if (fault.before === "refuses") await struck.wire.refuse();

  const client = clientOf(scheduler.port, cell);
  closing.push(() => client.socket.destroy());
  const logging = until(() => lines.find(({ outcome, id }) => id !== undefined && outcome !== undefined));
  const { kill, restart } = struck.engine;
  const hands: Hands = { client: client.socket, logged: logging, kill, restart };
  let acting: unknown;
  if (fault.before === undefined)
    struck.wire.strike = {
      at: fault.at,
      isDeaf: fault.group !== "answers",
      act: (it) => {
        acting = fault.act(it, hands);
      },
    };
  const logged = await logging;
  // Who has left reads nothing, whatever may still have come.
  const got = fault.group === "clients" ? "nothing" : await client.got();
  await acting;

  if (fault.health !== undefined) await until(() => healthIn(lines, begun).includes(false));
  const facts = await until(async () => {
    const seen = await factsOf(scheduler);
    return seen.left === 0 ? seen : undefined;
  });
  if (fault.group === "processes") await restart();
  if (fault.before === "refuses") await struck.wire.listen();
  await until(isReady);
  const isStuck = expected(cell).stuck === "decode";
  for (const { engine, role } of all)
    await until(async () => (isStuck && role === "decode") || (await engine.taken()) === 0);
  const stillTaken = await Promise.all(decode.map(({ engine }) => engine.taken()));
  const outcome: Outcome = {
    client: got,
    outcome: logged.outcome as Outcome["outcome"],
    retries: logged.retries ?? 0,
    asked: { prefill: asked(prefill), decode: asked(decode) },
    failures: facts.failures,
    kv: facts.kv,
    stuck: stillTaken.some((blocks) => blocks > 0) ? "decode" : "nowhere",
    health: healthIn(lines, begun),
  };
  if (facts.requests[`${outcome.outcome} ${`${logged.status}`[0]}xx`] !== 1)
    throw new Error(`the metrics tell another end than the log: ${JSON.stringify(facts.requests)}`);
  if (isAbsent && cell.instances === 1) return outcome;
  // Each instance has its turn.
  for (let turn = 0; turn < 2; turn++) {
    const after = await clientOf(scheduler.port, cell).got();
    if (after !== "exact") throw new Error(`a later request gets ${after}`);
  }
  return outcome;
}

const asked = (instances: readonly Instance[]) => instances.reduce((sum, { wire }) => sum + wire.asked, 0);

async function instancesOf(role: Leg, cell: Cell, prefill: readonly string[], closing: (() => void)[]) {
  const { fault, leg, kind } = cell;
  const quick = ["--ttft-base-ms=0", "--ttft-ms-per-token=0", "--inter-token-ms=1"];
  const flags = [
    `--role=${role}`,
    "--host=127.0.0.1",
    "--model=m",
    `--kv-lease-seconds=${LEASE_SECONDS}`,
    ...quick,
    ...KINDS[kind].flags(role, prefill),
  ];
  const count = role === leg ? cell.instances : 1;
  return Promise.all(
    Array.from({ length: count }, async (_, place): Promise<Instance> => {
      const isProcess = fault.group === "processes" && role === leg && place === 0;
      const engine = await (isProcess ? processEngine(flags) : ownEngine(flags));
      closing.push(() => engine.close());
      const wire = await wireTo(engine.port);
      closing.push(() => wire.close());
      return { role, engine, wire };
    }),
  );
}

/** A line of the scheduler's log, as far as it is looked at. */
interface Line {
  readonly id?: string;
  readonly outcome?: string;
  readonly status?: number;
  readonly retries?: number;
  readonly healthy?: boolean;
}

const healthIn = (lines: readonly Line[], from: number): boolean[] =>
  lines.slice(from).flatMap(({ healthy }) => (healthy === undefined ? [] : [healthy]));

async function schedulerOf(
  { kind, leg, fault }: Cell,
  prefill: readonly Instance[],
  decode: readonly Instance[],
  lines: Line[],
  closing: (() => void)[],
): Promise<Scheduler> {
  const endpoints = (instances: readonly Instance[]) =>
    instances.map(({ wire: { port }, role }, place) => ({
      host: fault.before === "no such name" && role === leg && place === 0 ? "gone.invalid" : "127.0.0.1",
      port,
    }));
  const isSilent = fault.leads === "silent";
  const limits = leg === "prefill" || kind === "layerwise" ? { prefillMs: SILENCE_MS } : {};
  const ofDecode =
    leg === "decode" ? { firstTokenMs: SILENCE_MS, tokenGapMs: SILENCE_MS, answerMs: SILENCE_MS } : {};
  // What is not to see the fault coming does not look at the instance meanwhile.
  const health =
    fault.health === undefined
      ? { intervalMs: 600_000, timeoutMs: 60_000 }
      : { intervalMs: 500, timeoutMs: 1500 };
  const config = testConfig(
    { prefill: endpoints(prefill), decode: endpoints(decode) },
    {
      ...KINDS[kind].scheduler,
      admin: [{ port: 0 }],
      metrics: { host: "127.0.0.1", port: 0 },
      kvLeaseMs: LEASE_SECONDS * 1000,
      health,
      timeouts: {
        ...{
          prefillMs: LIMIT_MS,
          firstTokenMs: LIMIT_MS,
          tokenGapMs: LIMIT_MS,
          answerMs: LIMIT_MS,
          stallMs: LIMIT_MS,
        },
        ...(isSilent ? { ...limits, ...ofDecode } : {}),
        ...(fault.leads === "client-stalled" ? { stalledClientMs: SILENCE_MS } : {}),
      },
    },
  );
  const scheduler = await startScheduler(config, (text) => lines.push(JSON.parse(text)), MAIN);
  closing.push(() => scheduler.close());
  return scheduler;
}
