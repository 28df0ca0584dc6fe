import { isMainThread } from "node:worker_threads";
import { readConfig } from "./config/config.ts";
import { authority } from "./config/endpoints.ts";
import { helpText } from "./config/flags.ts";
import { ListenError } from "./listen.ts";
import { gathering } from "./log.ts";
import { startScheduler } from "./scheduler.ts";
import { serveInThread } from "./threads.ts";

await (isMainThread ? run() : serveInThread());

async function run(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) unstoppable(stream);
  const { say, flush } = gathering((lines, gone) => process.stderr.write(`${lines.join("\n")}\n`, gone));
  // What a file takes, or a pipe has room for, is written at once, so that it is not lost.
  process.on("exit", flush);

  const reading = readConfig(process.argv.slice(2), process.env);
  if (reading.kind === "help") {
    process.stdout.write(helpText());
    return;
  }
  if (reading.kind === "problems") {
    const { problems } = reading;
    say(`scheduler: ${problems.length === 1 ? "1 problem" : `${problems.length} problems`}`);
    for (const { message, fix } of problems) say(`  ${message}\n    fix: ${fix}`);
    process.exitCode = 2;
    return;
  }
  const { config } = reading;
  const { host, endpoints, workers, admin, metrics, page } = config;
  const starting = startScheduler(config, say, new URL(import.meta.url)).catch((error: unknown) => {
    if (!(error instanceof ListenError)) throw error;
    say(`scheduler: ${error.message}\n  fix: ${error.fix}`);
    process.exit(1);
  });

  let signals = 0;
  // Signals that come while it starts are obeyed when it has: as PID 1 of a container there is no default handler, and
  // that of SIGHUP would end it.
  const stop = () => {
    signals++;
    if (signals > 1) process.exit(1);
    void starting.then((scheduler) => scheduler.drain()).then(() => process.exit(0));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => void starting.then((scheduler) => scheduler.reload()));

  const scheduler = await starting;
  process.stdout.write(
    `scheduler on ${authority({ host, port: scheduler.port })} for ${endpoints.prefill.length} prefill and ` +
      `${endpoints.decode.length} decode instances${workers > 1 ? `, ${workers} workers` : ""}\n`,
  );
  for (const [index, address] of admin.entries()) {
    const where = "socket" in address ? address.socket : `127.0.0.1:${scheduler.adminPorts[index]}`;
    process.stdout.write(`administration on ${where}\n`);
  }
  if (page !== undefined)
    process.stdout.write(`page on ${authority({ host: page.host, port: scheduler.pagePort ?? 0 })}\n`);
  if (metrics !== undefined)
    process.stdout.write(
      `metrics on ${authority({ host: metrics.host, port: scheduler.metricsPort ?? 0 })}\n`,
    );
}

/** A reader that goes away, or stops reading, must not take the scheduler with it, or stop it. */
function unstoppable(stream: NodeJS.WriteStream): void {
  stream.on("error", () => {});
  // Of all that can stop only a terminal is written to synchronously, and Node has no other way to ask for the contrary.
  if (stream.isTTY) (stream as Partial<OfTerminal>)._handle?.setBlocking?.(false);
}

interface OfTerminal {
  readonly _handle: { setBlocking?(isBlocking: boolean): void };
}
