import { readConfig } from "./config.ts";
import { helpText } from "./flags.ts";
import { startScheduler } from "./server.ts";

// A reader of the log that goes away must not take the scheduler with it.
process.stderr.on("error", () => {});
process.on("exit", flush);
let unsaid = "";

const reading = readConfig(process.argv.slice(2), process.env);
if (reading.kind === "help") {
  process.stdout.write(helpText());
} else if (reading.kind === "problems") {
  const { problems } = reading;
  say(`scheduler: ${problems.length === 1 ? "1 problem" : `${problems.length} problems`}`);
  for (const { message, fix } of problems) say(`  ${message}\n    fix: ${fix}`);
  process.exitCode = 2;
} else {
  const { config } = reading;
  const { host, port, endpoints } = config;
  const scheduler = await startScheduler(config, say).catch((error: NodeJS.ErrnoException) => {
    say(`scheduler: cannot listen on ${host} port ${port}: ${listenProblem(error)}`);
    process.exit(1);
  });
  process.stdout.write(
    `scheduler on ${host}:${scheduler.port} for ${endpoints.prefill.length} prefill and ` +
      `${endpoints.decode.length} decode instances\n`,
  );
  let signals = 0;
  // As PID 1 of a container there is no default handler: without these the signals would be ignored.
  const stop = () => {
    signals++;
    if (signals > 1) process.exit(1);
    void scheduler.drain().then(() => process.exit(0));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

/** Gathers lines for a moment: a write each would cost more than the rest of a request's log. */
function say(line: string): void {
  if (unsaid === "") setTimeout(flush, 20);
  unsaid += `${line}\n`;
}

/** Writing is synchronous for files, pipes and terminals, so at exit nothing is lost. */
function flush(): void {
  process.stderr.write(unsaid);
  unsaid = "";
}

function listenProblem({ code, message }: NodeJS.ErrnoException): string {
  if (code === "EADDRINUSE") return "another process listens there\n  fix: stop it, or choose another --port";
  if (code === "EACCES") return "not permitted\n  fix: choose a --port of 1024 or more";
  if (code === "EADDRNOTAVAIL")
    return "this machine has no such address\n  fix: give --host an address of its own";
  return message;
}
