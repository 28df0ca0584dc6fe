import { configOf } from "./config.ts";
import { Flags, helpText } from "./flags.ts";
import { checkDevices, readPlacement } from "./rank-table.ts";
import { type Simulator, type SimulatorConfig, startSimulator } from "./server.ts";
import { joinHead, memberOf, untilWhole } from "./several-hosts.ts";
import { UsageError } from "./usage-error.ts";

const NOTICED_AFTER_MS = 2000;

const log = (line: string): void => console.error(line);

async function main(): Promise<void> {
  const flags = new Flags(process.argv.slice(2));
  if (flags.isSet("help")) return void process.stdout.write(helpText());

  const placement = readPlacement(process.env);
  const config = configOf(flags, placement, process.env);
  const graceSeconds = flags.number("shutdown-timeout");
  if (flags.isSet("check-devices")) {
    if (placement === undefined)
      throw new UsageError("--check-devices needs rank tables", "drop it, or set both");
    checkDevices(placement);
  }

  // As PID 1 of a container there is no default handler: without these the signals would be ignored.
  let simulators: readonly Simulator[] = [];
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) process.exit(1);
    stopping = true;
    await Promise.all(simulators.map((one) => one.close(graceSeconds)));
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);

  const member = memberOf(flags, config.dataParallelSize);
  if (member !== undefined) {
    // As an engine of vLLM: it cannot go on without the others, and Docker starts it again. Those that are stopped together
    // are not, as a loss is noticed a while later.
    const lost = (why: string) => {
      if (stopping) return;
      log(`simulator: ${why}`);
      setTimeout(() => process.exit(1), NOTICED_AFTER_MS);
    };
    if (member.headless) return joinHead(member, log, lost);
    await untilWhole(member, log, lost);
  }
  simulators = await Promise.all(portsOf(config, flags).map((one) => startSimulator(one, log)));
  for (const { port } of simulators)
    console.log(`simulated ${config.role} instance of ${config.servedModelName} on ${config.host}:${port}`);
}

/** One server for all ranks, or as vLLM's supervisor starts them: one for each, which to itself is rank 0 of 1. */
function portsOf(config: SimulatorConfig, flags: Flags): SimulatorConfig[] {
  if (!flags.isSet("data-parallel-multi-port-external-lb")) return [config];
  return Array.from({ length: config.dataParallelSize }, (_, rank) => ({
    ...config,
    port: config.port && config.port + rank,
    dataParallelSize: 1,
  }));
}

main().catch((error: unknown) => {
  log(`simulator: ${error instanceof Error ? error.message : error}`);
  if (error instanceof UsageError) log(`  fix: ${error.fix}`);
  process.exit(1);
});
