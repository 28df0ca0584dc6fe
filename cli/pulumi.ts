import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface PulumiRun {
  readonly code: number;
  /** How many resources per operation (`create`, `update`, `same`, …), from the engine's summary. */
  readonly changes: Readonly<Record<string, number>>;
  /** Error diagnostics of the engine, in order. */
  readonly errors: readonly string[];
}

export interface ResourceStep {
  readonly op: string;
  readonly type: string;
  readonly name: string;
  readonly state: "started" | "done" | "failed";
}

/** The parts of the engine's JSON events that are used here (`pulumi up --json`). */
interface EngineEvent {
  readonly resourcePreEvent?: { readonly metadata: StepMetadata };
  readonly resOutputsEvent?: { readonly metadata: StepMetadata };
  readonly resOpFailedEvent?: { readonly metadata: StepMetadata };
  readonly diagnosticEvent?: { readonly severity: string; readonly message: string };
  readonly summaryEvent?: { readonly resourceChanges: Record<string, number> };
}

interface StepMetadata {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
}

/** Runs `pulumi <args> --json` and reports each resource step as it happens. */
export async function runPulumi(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onStep: (step: ResourceStep) => void,
  onStart: (pid: number | undefined) => void = () => {},
): Promise<PulumiRun> {
  const child = spawn("pulumi", [...args, "--json", "--non-interactive", "--color=never"], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  onStart(child.pid);
  const errors: string[] = [];
  let changes: Record<string, number> = {};
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.on("error", ({ message }) => {
    stderr += message;
  });
  const ended = new Promise<number>((resolve) => {
    child.on("close", (code) => resolve(code ?? 1));
  });
  // Pulumi is interrupted, not left behind: it finishes the step that it is in and records it. Ctrl-C reaches it by
  // itself, through the terminal.
  const interrupt = () => child.kill("SIGINT");
  const wait = () => {};
  process.on("SIGTERM", interrupt).on("SIGINT", wait);
  for await (const line of createInterface({ input: child.stdout })) {
    const event = parseEvent(line);
    if (event === undefined) continue;
    for (const [state, step] of [
      ["started", event.resourcePreEvent],
      ["done", event.resOutputsEvent],
      ["failed", event.resOpFailedEvent],
    ] as const) {
      if (step) onStep({ ...step.metadata, name: step.metadata.urn.split("::").at(-1) ?? "", state });
    }
    if (event.diagnosticEvent?.severity === "error") errors.push(event.diagnosticEvent.message.trim());
    if (event.summaryEvent) changes = event.summaryEvent.resourceChanges;
  }
  const code = await ended;
  process.off("SIGTERM", interrupt).off("SIGINT", wait);
  if (code !== 0 && errors.length === 0) errors.push(stderr.trim());
  return { code, changes, errors };
}

function parseEvent(line: string): EngineEvent | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
