import { count } from "../../problems/text.ts";
import { table } from "../table.ts";
import type { Finding } from "./finding.ts";

export interface Report {
  readonly stack: string;
  /** Names of the hosts that were asked and answered. */
  readonly hosts: readonly string[];
  /** Of hosts that could not be asked. */
  readonly problems: readonly { readonly host: string; readonly message: string }[];
  /** Why Pulumi's state is not known; absent where it is. */
  readonly stateUnknown?: string;
  readonly findings: readonly Finding[];
  /** What is worth a word, and no drift. */
  readonly notes: readonly string[];
}

export function reportText({ stack, hosts, findings, notes }: Report): string {
  const compared = `on ${count(hosts.length, "host")}`;
  if (hosts.length === 0) return `${stack}: no host could be asked`;
  const head = findings.length === 0 ? "no drift" : count(findings.length, "finding");
  const below = notes.length === 0 ? [] : [notes.map((one) => `note: ${one}`).join("\n")];
  return [`${stack}: ${head} ${compared}`, ...findings.map(findingText), ...below].join("\n\n");
}

function findingText({ kind, host, container, differences, remedy }: Finding): string {
  const rows = differences.map(({ what, planned, there }) => [
    `  ${what}`,
    ...(planned === "" && there === "" ? [] : [`planned: ${planned}`, `there: ${there}`]),
  ]);
  return `${container} on ${host}: ${kind}\n${table(rows)}\n  fix: ${remedy}`;
}
