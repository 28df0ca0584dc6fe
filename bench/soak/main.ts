import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { machine } from "../machine.ts";
import { DISTURBANCES } from "./disturbances.ts";
import { randomOf } from "./random.ts";
import { counts, memoryOf, type Report, type Sample, text, wrongAnswers } from "./report.ts";
import { startService, until } from "./service.ts";
import { client, type Told } from "./traffic.ts";

const RESULTS = "bench/results/soak.json";
const LOOK_MS = 1000;
const TELL_MS = 10_000;
/** Above this a run of any length has a leak; a short one has noise of less. */
const MAX_GROWTH_MIB = 256;

const usage = `usage: npm run soak -- [--minutes N] [--seed N] [--every SECONDS] [--clients N] [--json] [--record]

A scheduler with two workers before three prefill and three decode simulators, all processes, under steady traffic of all
shapes, while every few seconds an instance is killed, stopped, restarted, or drained. Every answer is compared with what
the model has to say; at the end nothing may be left.

  --minutes N      how long (default 2)
  --seed N         what is asked, and what is done to which instance (default 1)
  --every SECONDS  between two disturbances (default 10)
  --clients N      that ask at a time (default 12)
  --json           the report as JSON
  --record         writes it to ${RESULTS}; then node generate/main.ts puts it into docs/reliability.md

Ctrl-C ends it with the report so far.

examples:
  npm run soak
  npm run soak -- --minutes 60 --seed 7 --record

exit codes: 0 nothing is wrong, 1 something is, 2 the command line is wrong`;

const options = readOptions(process.argv.slice(2));
const report = await soak();
console.log(options.json ? JSON.stringify(report, null, 2) : text(report));
if (options.record) writeFileSync(RESULTS, `${JSON.stringify(report, null, 2)}\n`);
process.exit(report.problems.length === 0 ? 0 : 1);

async function soak(): Promise<Report> {
  const { seed } = options;
  const say = (line: string) => console.error(line);
  const stop = new AbortController();
  const end = () => {
    if (stop.signal.aborted) process.exit(130);
    say("ending; once more ends at once");
    stop.abort();
  };
  // The processes that it starts are not the terminal's to end.
  process.on("SIGINT", end).on("SIGTERM", end);
  const service = await startService();
  const before = await service.look();
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  const ends = setTimeout(() => stop.abort(), options.minutes * 60_000);

  const told: Told[] = [];
  const samples: Sample[] = [];
  const done: string[] = [];
  const problems: string[] = [];
  const watching = watch();
  const disturbing = disturb();
  await Promise.all(
    Array.from({ length: options.clients }, (_, place) =>
      client(service.port, seed * 1000 + place, stop.signal, (one) => void told.push(one)),
    ),
  );
  clearTimeout(ends);
  await Promise.all([watching, disturbing]);
  const lasted = seconds();
  problems.push(...wrongAnswers(told));
  const after = await rest();
  await service.close();
  const memory = memoryOf(samples);
  const growth = memory.lastMiB - memory.firstMiB;
  if (growth > MAX_GROWTH_MIB) problems.push(`memory has grown by ${growth} MiB behind the warm-up`);
  return {
    seed,
    seconds: Math.round(lasted),
    machine: machine(),
    requests: told.length,
    endings: counts(told.map(({ ending }) => ending)),
    exact: counts(told.filter(({ ending }) => ending === "exact").map(({ what }) => what)),
    disturbances: counts(done),
    memory,
    files: { before: before.files, after },
    problems,
  };

  async function watch(): Promise<void> {
    for (let next = TELL_MS; !stop.signal.aborted; await sleep(LOOK_MS)) {
      const { rssMiB, files } = await service.look();
      samples.push({ seconds: seconds(), rssMiB, files });
      if (seconds() * 1000 < next) continue;
      next += TELL_MS;
      const exact = told.filter(({ ending }) => ending === "exact").length;
      const wrong = wrongAnswers(told).length;
      say(
        `${Math.round(seconds())} s: ${told.length} requests, ${exact} exact, ${wrong} wrong; ${Math.round(rssMiB)} MiB`,
      );
    }
  }

  /** One at a time, each at its time or as soon as the one before is over. */
  async function disturb(): Promise<void> {
    const random = randomOf(seed);
    const kinds = Object.keys(DISTURBANCES);
    for (let turn = 1; ; turn++) {
      while (seconds() < turn * options.every && !stop.signal.aborted) await sleep(100);
      if (stop.signal.aborted) return;
      const kind = kinds[Math.floor(random() * kinds.length)] ?? "";
      const instance = service.instances[Math.floor(random() * service.instances.length)];
      if (instance === undefined) return;
      say(`${Math.round(seconds())} s: ${instance.name} is ${kind}`);
      await DISTURBANCES[kind]?.(instance, service, random);
      done.push(kind);
    }
  }

  /** Waits until nothing is left of all requests; gives the files that are still open. */
  async function rest(): Promise<number> {
    try {
      await until(() => service.isWhole());
    } catch {
      problems.push("an instance that is well again gets no requests");
    }
    try {
      await until(async () => (await service.look()).busy === 0);
    } catch {
      problems.push("a gauge of the scheduler does not come back to 0");
    }
    try {
      await until(async () => (await service.leftOnInstances()).length === 0);
    } catch {
      problems.push(...(await service.leftOnInstances()).map((left) => `${left} is left`));
    }
    try {
      await until(async () => (await service.look()).files <= before.files);
    } catch {
      problems.push(`files stay open: ${before.files} before, ${(await service.look()).files} now`);
    }
    return (await service.look()).files;
  }
}

function readOptions(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        minutes: { type: "string", default: "2" },
        seed: { type: "string", default: "1" },
        every: { type: "string", default: "10" },
        clients: { type: "string", default: "12" },
        json: { type: "boolean", default: false },
        record: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    const number = (name: "minutes" | "seed" | "every" | "clients", isWhole: boolean) => {
      const value = Number(values[name]);
      if (!(value > 0 && value <= 100_000) || (isWhole && !Number.isInteger(value)))
        throw new Error(`--${name} is "${values[name]}": give a ${isWhole ? "whole " : ""}number above 0`);
      return value;
    };
    return {
      ...{ minutes: number("minutes", false), seed: number("seed", true) },
      ...{ every: number("every", false), clients: number("clients", true) },
      ...{ json: values.json, record: values.record },
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(2);
  }
}
