import { configOf } from "./config.ts";
import { Flags, helpText } from "./flags.ts";
import { checkDevices, readPlacement } from "./rank-table.ts";
import { startSimulator } from "./server.ts";
import { UsageError } from "./usage-error.ts";

const log = (line: string): void => console.error(line);

async function main(): Promise<void> {
  const flags = new Flags(process.argv.slice(2));
  if (flags.isSet("help")) return void process.stdout.write(helpText());

  const placement = readPlacement(process.env);
  const config = configOf(flags, placement);
  const graceSeconds = flags.number("shutdown-timeout");
  if (flags.isSet("check-devices")) {
    if (placement === undefined)
      throw new UsageError("--check-devices needs rank tables", "drop it, or set both");
    checkDevices(placement);
  }

  const simulator = await startSimulator(config, log);
  console.log(
    `simulated ${config.role} instance of ${config.servedModelName} on ${config.host}:${simulator.port}`,
  );

  // As PID 1 of a container there is no default handler: without these the signals would be ignored.
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) process.exit(1);
    stopping = true;
    await simulator.close(graceSeconds);
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

main().catch((error: unknown) => {
  log(`simulator: ${error instanceof Error ? error.message : error}`);
  if (error instanceof UsageError) log(`  fix: ${error.fix}`);
  process.exit(1);
});
