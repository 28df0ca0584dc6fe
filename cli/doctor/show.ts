import type { HostResults, Result } from "../../host-checks/index.ts";
import type { WantedHost } from "../../host-checks/wanted.ts";
import { count } from "../../problems/text.ts";

const marks: Readonly<Record<Result["status"], string>> = {
  ok: "ok",
  note: "note",
  error: "error",
  warning: "warning",
  unseen: "unseen",
  "not applicable": "n/a",
  skipped: "skipped",
};

/**
 * A host and how each check went there; what fails has what was seen, and the way out, in lines of its own. Checks that
 * say nothing for one and the same reason share a line.
 */
export function hostTable({ address, docker }: WantedHost, { host, results }: HostResults): string {
  const place = docker === undefined ? address : `${address}, ${docker}`;
  const lines = Map.groupBy(results, ({ status, code, seen }) =>
    isSilent(status) ? `${status} ${seen}` : code,
  );
  return [`${host} (${place}): ${summary(results)}`, ...[...lines.values()].map(row)].join("\n");
}

const isSilent = (status: Result["status"]) => status === "unseen" || status === "not applicable";

function row(results: readonly Result[]): string {
  const [first] = results;
  if (first === undefined) return "";
  const { status, seen, fixes, code, title } = first;
  const what = results.length === 1 ? `${code}  ${title}` : codesOf(results);
  const head = `  ${marks[status].padEnd(7)}  ${what}`;
  if (fixes.length === 0) return `${head}: ${seen.join(", ")}`;
  const below = seen.flatMap((one, index) => `${one}\nfix: ${fixes[index]}`.split("\n"));
  return [head, ...below.map((text) => `                  ${text}`)].join("\n");
}

/** Of a host that was not reached that would be nearly all there are: `--json` has them. */
const most = 8;

function codesOf(results: readonly Result[]): string {
  const codes = results.map(({ code }) => code);
  return codes.length <= most ? codes.join(", ") : `${codes[0]} and ${codes.length - 1} others`;
}

/** What is not well comes first, and what was not seen is not counted among what is. */
function summary(results: readonly Result[]): string {
  const number = (status: Result["status"]) => results.filter((one) => one.status === status).length;
  const counts = [
    count(number("error"), "error"),
    count(number("warning"), "warning"),
    count(number("note"), "note"),
    `${number("unseen")} unseen`,
    `${number("skipped")} skipped`,
    `${number("not applicable")} not applicable`,
    `${number("ok")} ok`,
  ];
  return counts.filter((one) => !one.startsWith("0 ")).join(", ");
}
