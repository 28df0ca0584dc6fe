import type { ListedContainer } from "../../docker/answers.ts";
import { addressesOf } from "../../hosts/administered.ts";
import type { AdminProblem, InstanceState, SchedulerState } from "../../hosts/administration.ts";
import { isOf } from "../../planning/container/settings.ts";
import type { Plan, Role } from "../../planning/plan.ts";
import { instanceWord } from "../scheduler/state.ts";

/** `unreachable`: it could not be found out, since a host does not answer. */
export type Verdict = "healthy" | "degraded" | "unreachable" | "not deployed";

export interface ContainerStatus {
  readonly name: string;
  readonly role: Role;
  readonly host: string;
  readonly npus: readonly number[];
  /** The instance that it is a part of, where that is over several hosts. */
  readonly of?: string;
  /** Docker's word (`running`, `restarting`, `exited`, …), `absent`, or `unknown` where the host was not asked. */
  readonly container: string;
  /** The scheduler's word on an instance (`ready`, `unhealthy`, `draining`, …); absent where it says nothing of it. */
  readonly state?: string;
  /** Its counters, where it says something. */
  readonly counters?: Pick<InstanceState, "inFlight" | "kvHeld" | "served" | "failures">;
}

export interface StackStatus {
  readonly stack: string;
  readonly verdict: Verdict;
  readonly endpoint: string;
  /** Requests in flight, where the scheduler says so. */
  readonly requests?: number;
  readonly containers: readonly ContainerStatus[];
  /** What is not as it should be, and how to mend it. */
  readonly problems: readonly { readonly what: string; readonly fix: string }[];
}

/** What a host's engine lists, or why it could not be asked. */
export type HostSight = readonly ListedContainer[] | { readonly what: string; readonly fix: string };

/** What the scheduler said; `undefined` for the manual's own, which nobody can ask. */
export type SchedulerSight = SchedulerState | AdminProblem | undefined;

/** What a stack is like, from what was seen of its hosts and of its scheduler. */
export function stackStatus(
  plan: Plan,
  hosts: ReadonlyMap<string, HostSight>,
  scheduler: SchedulerSight,
): StackStatus {
  const { stack, endpoint } = plan;
  const state = scheduler !== undefined && "instances" in scheduler ? scheduler : undefined;
  const addresses = addressesOf(plan);
  const containers = plan.containers.map(({ name, role, host, npus, member }): ContainerStatus => {
    const known = state?.instances.find(({ address }) => address === addresses.get(name));
    const container = containerWord(stack, name, hosts.get(host));
    const base = { name, role, host, npus, ...(member && { of: member.of }), container };
    if (known === undefined) return base;
    const { inFlight, kvHeld, served, failures } = known;
    return { ...base, state: instanceWord(known), counters: { inFlight, kvHeld, served, failures } };
  });
  const base = { stack, endpoint, containers };
  const silent = [...hosts.values()].filter((sight) => "what" in sight);
  if (silent.length > 0) return { ...base, verdict: "unreachable", problems: silent };
  if (containers.every(({ container }) => container === "absent")) {
    return { ...base, verdict: "not deployed", problems: [] };
  }
  const problems = [
    ...containers.flatMap(problemsOf(stack)),
    ...schedulerProblems(stack, scheduler),
    ...(state?.instances ?? []).flatMap(promptProblems),
  ];
  return {
    ...base,
    verdict: problems.length > 0 ? "degraded" : "healthy",
    ...(state !== undefined && { requests: state.requests }),
    problems,
  };
}

function containerWord(stack: string, name: string, sight: HostSight | undefined): string {
  if (sight === undefined || "what" in sight) return "unknown";
  const found = sight.find(({ Names, Labels }) => Names.includes(`/${name}`) && isOf(stack, Labels));
  return found?.State ?? "absent";
}

const problemsOf =
  (stack: string) =>
  ({ name, host, of, container, state }: ContainerStatus): StackStatus["problems"] => {
    const whole = of === undefined ? "" : `, without which ${of} does not work`;
    if (container === "absent") {
      const fix = `\`pulumi up --refresh --stack ${stack}\` makes it again`;
      return [{ what: `${name} is not on ${host}${whole}`, fix }];
    }
    if (container !== "running") {
      const fix = `\`ascend-pd logs ${stack} ${name}\` shows its last words`;
      return [{ what: `${name} is ${container} on ${host}${whole}`, fix }];
    }
    if (state === undefined || state === "ready") return [];
    const fix = /^(draining|drained)/.test(state)
      ? `\`ascend-pd scheduler join ${name} --stack ${stack}\` when it is to get requests again`
      : `\`ascend-pd logs ${stack} ${name}\` and \`ascend-pd doctor ${stack} --host ${host}\` say why`;
    return [{ what: `${name} is ${state}`, fix }];
  };

function schedulerProblems(stack: string, scheduler: SchedulerSight): StackStatus["problems"] {
  if (scheduler === undefined) return [];
  if (!("instances" in scheduler)) return [{ what: scheduler.message, fix: scheduler.fix }];
  if (scheduler.draining) {
    return [{ what: "the scheduler is stopping", fix: `\`pulumi up --stack ${stack}\` starts it again` }];
  }
  if (scheduler.ready) return [];
  const fix = "it is ready again with one instance of each role that gets requests";
  return [{ what: "the scheduler refuses requests: a role has no instance", fix }];
}

/** Answers come, and are right, but not by PD separation. */
function promptProblems({ name, computesPrompts, transferShare }: InstanceState): StackStatus["problems"] {
  if (computesPrompts !== true) return [];
  const part =
    typeof transferShare === "number" ? `: ${Math.round(100 * transferShare)} % came from prefill` : "";
  return [
    {
      what: `${name} computes most prompts itself${part}`,
      fix: "see whether KV caches reach it: docs/scheduler.md, Is PD separation at work?",
    },
  ];
}

/** The worst of several: what is not deployed is no fault. */
export function exitCode(all: readonly StackStatus[]): number {
  const verdicts = new Set(all.map(({ verdict }) => verdict));
  if (verdicts.has("unreachable")) return 1;
  return verdicts.has("degraded") ? 2 : 0;
}
