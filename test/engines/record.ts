import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Answered,
  type Asked,
  answeredOf,
  type Fields,
  type Json,
  paramsIn,
  prefillOf,
  RECORDINGS,
  type Recording,
  requestOf,
} from "../../simulator/testing/recordings.ts";
import { exchange } from "../../simulator/testing/wire.ts";
import { VLLM } from "../../toolchain/vllm/packages.ts";
import { DEATH, EXCHANGES, MAX_QUEUED } from "./exchanges.ts";
import { MODEL, type Pair, type Place, type Running, startPair, stopAll } from "./rig.ts";

/** Records what a prefill and a decode instance say on the wire. Gives the folder. */
export async function record(place: Place): Promise<string> {
  const pair = await startPair(place, [`--max-num-queued-reqs=${MAX_QUEUED}`]);
  const folder = join(RECORDINGS, `vllm-${VLLM}`);
  await mkdir(folder, { recursive: true });
  const write = async (name: string, all: readonly Asked[]) => {
    const recordings: Recording[] = [];
    for (const asked of all) recordings.push({ asked, answered: await steadiest(pair, asked, place) });
    await writeFile(join(folder, `${name}.json`), written(recordings));
  };
  try {
    for (const [name, all] of Object.entries(EXCHANGES)) await write(name, all);
    setTimeout(() => void killCore(pair.prefill), DEATH_AFTER_MS);
    await write("death", DEATH);
  } finally {
    await stopAll([pair.prefill, pair.decode]);
  }
  return folder;
}

const DEATH_AFTER_MS = 500;

/** The process behind the HTTP server in which the model runs. */
async function killCore({ pid }: Running): Promise<void> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  for (const child of children.trim().split(" ").map(Number)) {
    const name = await readFile(`/proc/${child}/comm`, "utf8");
    if (name.startsWith("VLLM::EngineCor")) process.kill(child, "SIGKILL");
  }
}

const STREAM_TRIES = 10;

/**
 * Two tokens share an event, and choices come out of turn, when the machine is busy: of some tries the one in most events, of
 * which most come in turn.
 */
async function steadiest(pair: Pair, asked: Asked, place: Place): Promise<Answered> {
  let best = await answerOf(pair, asked, place);
  for (let tries = 1; best.stream !== undefined && tries < STREAM_TRIES; tries++) {
    const next = await answerOf(pair, asked, place);
    if (steadiness(next) > steadiness(best)) best = next;
  }
  return best;
}

function steadiness({ stream = [] }: Answered): number {
  const choices = stream.map((event) => Number(/"index":(\d)/.exec(event)?.[1] ?? 0));
  const count = Math.max(...choices) + 1;
  const inTurn = choices.filter((choice, position) => choice === position % count).length;
  return stream.length + inTurn / (stream.length + 1);
}

async function answerOf({ prefill, decode }: Pair, asked: Asked, { model }: Place): Promise<Answered> {
  const { url } = asked.to === "decode" ? decode : prefill;
  const isHandedOver = asked.handedOver !== undefined;
  const params = isHandedOver ? paramsIn(await exchange(prefill.url, prefillOf(asked))) : undefined;
  const answer = await exchange(url, requestOf(asked, params));
  const { metrics, ...rest } = answeredOf({
    ...answer,
    chunks: answer.chunks.map((chunk) => steady(chunk, model)),
  });
  return metrics === undefined ? rest : { ...rest, metrics: steadyMetrics(metrics) };
}

/** What varies from run to run, or from machine to machine. */
const VARIES: readonly [RegExp, string][] = [
  [/\b(chatcmpl-tool|chatcmpl|cmpl|call|modelperm)-[0-9a-f]{6,}(-[0-9a-f]+)*/g, "$1-…"],
  [/\b(resp|msg|fc|rs)_[0-9a-f]{6,}/g, "$1_…"],
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "…"],
  [/\b(vllm-[0-9.]+)-[0-9a-f]{8}\b/g, "$1-…"],
  [/("(?:created|created_at|remote_port)":)\d+/g, "$10"],
  [/("remote_block_ids":)\[\[[0-9,]*\]\]/g, "$1[[0]]"],
  // The last digits of log probabilities.
  [/(?<=[:,[])(-?\d+\.\d)\d+(e-?\d+)?(?=[,}\]])/g, "$1"],
];

function steady(text: string, model: string): string {
  return VARIES.reduce(
    (before, [what, instead]) => before.replace(what, instead),
    text.replaceAll(model, `/models/${MODEL}`),
  );
}

/** Values of labels that are the same in each run. */
const STEADY = ["engine", "model_name", "le", "source", "reason", "finished_reason", "stage", "block_size"];

function steadyMetrics(metrics: NonNullable<Answered["metrics"]>): NonNullable<Answered["metrics"]> {
  const own = Object.entries(metrics).filter(([name]) => name.startsWith("vllm:"));
  const labelsOf = (labels: Readonly<Record<string, readonly string[]>>) =>
    Object.fromEntries(
      Object.entries(labels).map(([label, values]) => [label, STEADY.includes(label) ? values : ["…"]]),
    );
  return Object.fromEntries(
    own.map(([name, { type, samples }]) => [
      name,
      {
        type,
        samples: Object.fromEntries(
          Object.entries(samples).map(([suffix, labels]) => [suffix, labelsOf(labels)]),
        ),
      },
    ]),
  );
}

/** A line for each member of what was recorded, however large. */
function written(recordings: readonly Recording[]): string {
  const lines = (value: Json | Fields, depth: number): string => {
    const isShallow = JSON.stringify(value).length < 110 || depth === 4;
    if (value === null || typeof value !== "object" || isShallow) return JSON.stringify(value);
    const inner = "  ".repeat(depth + 1);
    const end = `\n${"  ".repeat(depth)}`;
    if (Array.isArray(value))
      return `[\n${value.map((one) => inner + lines(one, depth + 1)).join(",\n")}${end}]`;
    const members = Object.entries(value).map(
      ([key, one]) => `${inner}${JSON.stringify(key)}: ${lines(one, depth + 1)}`,
    );
    return `{\n${members.join(",\n")}${end}}`;
  };
  return `${lines(JSON.parse(JSON.stringify(recordings)), 0)}\n`;
}
