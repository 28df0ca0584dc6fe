import type { LogLook } from "../../hosts/logs.ts";
import { byRoot, type Finding } from "../../log-signatures/diagnose.ts";
import type { ContainerState } from "../../log-signatures/signature.ts";
import { count } from "../../problems/text.ts";

export type InstanceLog = {
  readonly instance: string;
  readonly role: string;
  readonly host: string;
} & LogLook;

/** What was found in each log, the root cause first, and where to begin when there is more than one. */
export function logText(logs: readonly InstanceLog[], skip: ReadonlyMap<string, string>): string {
  const skipped = [...skip].map(([code, reason]) => `skipped ${code}: ${reason}`);
  return [...logs.map(instanceText), ...skipped, ...beginning(logs)].join("\n\n");
}

function instanceText(log: InstanceLog): string {
  const name = `${log.instance} on ${log.host}`;
  if ("unreadable" in log)
    return `${name}: its log could not be read\n  ${log.unreadable.replaceAll("\n", "\n  ")}`;
  const { state, findings, bytes, partly } = log;
  const read = `${Math.ceil(bytes / 1024)} KiB of its log read`;
  const head = `${name}: ${stateText(state)}; ${findings.length === 0 ? "nothing found" : count(findings.length, "finding")} (${read})`;
  const cut = partly === undefined ? [] : [`  read in part: ${partly.replaceAll("\n", " ")}`];
  return [head, ...cut, ...findings.map(findingText)].join("\n");
}

function stateText({ status, answer, exitCode, restarts, age, startTimeoutSeconds }: ContainerState): string {
  const again = restarts === 0 ? "" : `, ${count(restarts, "restart")}`;
  if (status !== "running") return `${status}, exit code ${exitCode}${again}`;
  if (answer === "ready") return `ready${again}`;
  const minutes = (seconds: number) => Math.round(seconds / 60);
  return `not ready after ${minutes(age)} of ${minutes(startTimeoutSeconds)} minutes${again}`;
}

function findingText(finding: Finding): string {
  const {
    severity,
    code,
    title,
    count: times,
    first,
    last,
    quotes,
    isPast,
    follows,
    cause,
    fix,
    source,
  } = finding;
  const mark = isPast ? "past" : severity;
  const after = follows === undefined ? "" : `, follows from ${follows}`;
  const below = [
    ...quotes.map((quote) => `"${quote}"`),
    ...(first === "" ? [] : [timesText(times, first, last)]),
    `why: ${cause}`,
    `fix: ${fix}`,
    `see: ${source}`,
  ];
  const head = `  ${mark.padEnd(7)}  ${code}  ${title}${after}`;
  return [head, ...below.map((line) => `                  ${line}`)].join("\n");
}

const short = (time: string) => `${time.slice(0, 19)}Z`;

function timesText(times: number, first: string, last: string): string {
  if (times === 1) return `at ${short(first)}`;
  return `in ${times} lines, from ${short(first)} to ${short(last)}`;
}

/** Of several instances that have something, the one whose root came first. */
function beginning(logs: readonly InstanceLog[]): string[] {
  const roots = logs.flatMap((log) => {
    const [root] = "findings" in log ? log.findings : [];
    return root === undefined || root.isPast || root.severity !== "error"
      ? []
      : [{ ...root, instance: log.instance }];
  });
  const [root] = roots.sort(byRoot);
  if (root === undefined || roots.length < 2) return [];
  return [`begin with ${root.code} of ${root.instance}: ${root.title}`];
}
