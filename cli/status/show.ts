import { table } from "../table.ts";
import type { StackStatus } from "./stack-status.ts";

/** A stack for people: one line on the whole, its containers, what is wrong. */
export function statusText(status: StackStatus): string {
  const { containers, problems } = status;
  const rows = containers.map(({ name, host, npus, container, state, counters }) => [
    name,
    host,
    npus.length > 0 ? npus.join(",") : "-",
    container,
    state ?? "-",
    ...[counters?.inFlight, counters?.kvHeld, counters?.served, counters?.failures].map((one) =>
      String(one ?? "-"),
    ),
  ]);
  const header = [
    "INSTANCE",
    "HOST",
    "NPUS",
    "CONTAINER",
    "STATE",
    "IN FLIGHT",
    "KV HELD",
    "SERVED",
    "FAILED",
  ];
  const faults = problems.map(({ what, fix }) => `${what}\n  fix: ${fix}`);
  return [summary(status), table([header, ...rows]), ...faults].join("\n\n");
}

/** Several stacks, a line each. */
export function fleetText(all: readonly StackStatus[]): string {
  const rows = all.map(({ stack, verdict, endpoint, requests, containers, problems }) => [
    stack,
    verdict,
    `${containers.filter(({ container }) => container === "running").length}/${containers.length}`,
    String(requests ?? "-"),
    endpoint,
    problems[0]?.what.split("\n")[0] ?? "",
  ]);
  return table([["STACK", "", "RUNNING", "REQUESTS", "ENDPOINT", ""], ...rows]);
}

function summary({ stack, verdict, endpoint, requests }: StackStatus): string {
  const load = requests === undefined ? "" : `, ${requests} requests in flight`;
  return `${stack}: ${verdict}, ${endpoint}${load}`;
}
