import type { Container } from "../docker/answers.ts";
import { frameReader } from "../docker/frames.ts";
import { readLog } from "../docker/logs.ts";
import { diagnose, type Finding } from "../log-signatures/diagnose.ts";
import { logSignatures } from "../log-signatures/index.ts";
import { lineReader } from "../log-signatures/lines.ts";
import { search } from "../log-signatures/search.ts";
import type { ContainerState } from "../log-signatures/signature.ts";
import type { ContainerPlan, HostPlan } from "../planning/plan.ts";
import { readyUrlOf } from "./administered.ts";
import { again, isDropped } from "./again.ts";
import { inspectIfThere } from "./containers.ts";
import { engineOf } from "./engine.ts";
import { answerAt } from "./ready-path.ts";

/** What became of the log of an instance. */
export type LogLook =
  | { readonly unreadable: string }
  | {
      readonly state: ContainerState;
      readonly findings: readonly Finding[];
      readonly bytes: number;
      /** Why what was read is not the end of the log, or not all that was asked for. */
      readonly partly?: string;
    };

/** The last lines that are asked for, then fewer, until they are no more bytes than that; and how long that may take. */
const tails = [50_000, 5_000, 500];
const longest = 64 * 1024 * 1024;
const seconds = 120;

/** Looks for what is known in the log of an instance, its earlier runs included, and at its state. Never rejects. */
export async function lookAtLog(host: HostPlan, plan: ContainerPlan): Promise<LogLook> {
  try {
    const container = await inspectIfThere(host, plan.name);
    if (container === undefined) return { unreadable: `there is no container ${plan.name} on ${host.name}` };
    const answer = container.State.Status === "running" ? await answerOf(host, plan) : "nothing";
    const state = stateOf(container, plan.startTimeoutSeconds, answer);
    const { hits, bytes, partly } = await searched(host, container.Id);
    return { state, findings: diagnose(hits, state), bytes, ...(partly !== undefined && { partly }) };
  } catch (error) {
    return { unreadable: (error as Error).message };
  }
}

/** What the log of a container that is not ready says was the reason, if that is known. Never rejects. */
export async function knownReason(
  host: HostPlan,
  container: Container,
  startTimeoutSeconds: number,
): Promise<Finding | undefined> {
  const found = await searched(host, container.Id).catch(() => undefined);
  const findings = diagnose(found?.hits ?? [], stateOf(container, startTimeoutSeconds, "nothing"));
  return findings.find(({ isPast, first, severity }) => !isPast && first !== "" && severity === "error");
}

function stateOf(container: Container, startTimeoutSeconds: number, answer: string): ContainerState {
  const { Status, ExitCode, OOMKilled, StartedAt } = container.State;
  return {
    status: Status,
    exitCode: ExitCode,
    oomKilled: OOMKilled,
    restarts: container.RestartCount,
    startedAt: StartedAt,
    age: (Date.now() - Date.parse(StartedAt)) / 1000 || 0,
    startTimeoutSeconds,
    answer,
  };
}

/** `ready`, or what came in its place. */
async function answerOf(host: HostPlan, plan: ContainerPlan): Promise<string> {
  const url = readyUrlOf(host, plan);
  const answer = await answerAt(url);
  return answer === "ready" ? answer : `${url} gave ${answer}`;
}

/** All of the log that is read, from its end, and what was found in it. */
async function searched(host: HostPlan, container: string) {
  for (const tail of tails) {
    const found = await searchOnce(host, container, tail);
    if (found.isWhole || tail === tails.at(-1)) return found;
  }
  throw new Error("no lines were asked for");
}

async function searchOnce(host: HostPlan, container: string, tail: number) {
  const attempt = async () => {
    const found = search(logSignatures);
    const lines = lineReader(found.add);
    const signal = AbortSignal.timeout(seconds * 1000);
    let bytes = 0;
    let failure: Error | undefined;
    const onBytes = frameReader(lines.add);
    const all = await readLog(engineOf(host), container, { tail, longest, signal }, (piece) => {
      bytes += piece.length;
      onBytes(piece);
    }).catch((error: Error) => {
      failure = error;
      return { isWhole: true };
    });
    lines.end();
    return { hits: found.hits(), bytes, isWhole: all.isWhole, failure, isLate: signal.aborted };
  };
  const { hits, bytes, isWhole, failure, isLate } = await again(
    attempt,
    ({ bytes, failure }) => bytes === 0 && failure !== undefined && isDropped(failure.message),
  );
  const why = isLate ? `not done within ${seconds} s` : failure?.message;
  if (bytes === 0 && why !== undefined) throw new Error(`the log of its container was not given: ${why}`);
  const partly =
    why ?? (isWhole ? undefined : `its last ${tail} lines have more than ${longest / 1024 / 1024} MiB`);
  const shortened = tail === tails[0] ? undefined : `only its last ${tail} lines, since more are too long`;
  return { hits, bytes, isWhole, partly: partly ?? shortened };
}
