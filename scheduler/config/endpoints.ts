import { readFileSync } from "node:fs";
import { repeated } from "../../problems/repeated.ts";
import { bracketed, canonical } from "../../rank-tables/addresses.ts";
import {
  type GlobalRankTable,
  type RankTableEntry,
  readGlobalRankTable,
  readLocalRankTable,
} from "../../rank-tables/reader.ts";
import { shown, type UsageProblem } from "./flags.ts";

type Env = Readonly<Record<string, string | undefined>>;
type Report = (message: string, fix: string) => void;

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Of the data-parallel ranks behind that port; none where the engine chooses among them, or has one. */
  readonly rank?: number;
}

/** Data-parallel ranks behind each port of a role, for the scheduler to choose among; 1 leaves it to the engine. */
export interface Ranks {
  readonly prefill: number;
  readonly decode: number;
}

/** As in a URL and in the Host header. */
export function authority({ host, port }: Endpoint): string {
  return `${bracketed(host)}:${port}`;
}

/** Where an instance is, and what it is called if anybody says so. */
export interface NamedEndpoint extends Endpoint {
  readonly name?: string | undefined;
  /** Ids of its NPUs in rank order, where the rank table has any. */
  readonly npus?: readonly number[];
}

/** Where the instances are, in the order of the global rank table; each rank is one. */
export interface Endpoints {
  readonly prefill: readonly NamedEndpoint[];
  readonly decode: readonly NamedEndpoint[];
}

/** What the rank tables or NODE_PORTS have wrong. */
export class InvalidTables extends Error {
  readonly problems: readonly UsageProblem[];

  constructor(problems: readonly UsageProblem[]) {
    super(`the rank tables and NODE_PORTS have ${problems.length === 1 ? "a problem" : "problems"}`);
    this.problems = problems;
  }
}

/**
 * Reads the files again. With `nodePorts` these are the ports, if all is well: from now on, or where NODE_PORTS names a
 * file until that is read again. Throws InvalidTables.
 */
export type EndpointsReader = (nodePorts?: string) => Endpoints;

export function endpointsReader(
  env: Env,
  ownPort: number,
  ranks: Ranks = { prefill: 1, decode: 1 },
): EndpointsReader {
  let given: string | undefined;
  return (nodePorts = given) => {
    const problems: UsageProblem[] = [];
    const problem = (message: string, fix: string) => problems.push({ message, fix });
    const text = nodePorts ?? readNodePorts(env, problem);
    const { prefill, decode } = readEndpoints(env, text, ownPort, problem);
    if (problems.length > 0) throw new InvalidTables(problems);
    if (!env.NODE_PORTS?.startsWith("@")) given = nodePorts;
    return { prefill: eachRank(prefill, ranks.prefill), decode: eachRank(decode, ranks.decode) };
  };
}

function eachRank(endpoints: readonly NamedEndpoint[], ranks: number): readonly NamedEndpoint[] {
  if (ranks === 1) return endpoints;
  return endpoints.flatMap((endpoint) => Array.from({ length: ranks }, (_, rank) => ({ ...endpoint, rank })));
}

/** The text of NODE_PORTS, or with `@` in front of the file that it names. */
function readNodePorts({ NODE_PORTS: text = "" }: Env, problem: Report): string | undefined {
  return text.startsWith("@") ? readText(text.slice(1), "NODE_PORTS", problem) : text;
}

/** The addresses of the global rank table with the ports, which are in its order. */
function readEndpoints(env: Env, nodePorts: string | undefined, ownPort: number, problem: Report): Endpoints {
  const ports = nodePorts === undefined ? undefined : readPorts(nodePorts, problem);
  const table = readTable(env, "GLOBAL_RANK_TABLE_FILE_PATH", readGlobalRankTable, problem);
  if (table === undefined) return { prefill: [], decode: [] };
  if (env.RANK_TABLE_FILE_PATH) {
    const entry = readTable(env, "RANK_TABLE_FILE_PATH", readLocalRankTable, problem);
    if (entry !== undefined) requireServiceEntry(entry, table, problem);
  }
  const entries = [...table.prefill, ...table.decode];
  if (ports !== undefined && ports.length !== entries.length) {
    problem(
      `NODE_PORTS has ${ports.length} ports; the global rank table has ${table.prefill.length} prefill and ` +
        `${table.decode.length} decode instances`,
      "give one port per instance: all prefill instances, then all decode instances, in the table's order",
    );
  }
  if (ports?.length !== entries.length) return { prefill: [], decode: [] };

  const endpoints = entries.map(({ ip, devices }, at) => ({
    host: canonical(ip),
    port: 0,
    ...ports[at],
    ...(devices.length > 0 && { npus: devices.map(({ deviceId }) => deviceId) }),
  }));
  const names = [
    ...table.prefill.map((_, index) => `prefill instance ${index}`),
    ...table.decode.map((_, index) => `decode instance ${index}`),
  ];
  const taken = new Map<string, string>();
  if (ownPort !== 0) taken.set(`${canonical(table.scheduler.ip)} port ${ownPort}`, "this scheduler (--port)");
  for (const [at, { host, port }] of endpoints.entries()) {
    const place = `${host} port ${port}`;
    const holder = taken.get(place);
    const name = names[at] ?? "";
    if (holder === undefined) taken.set(place, name);
    else
      problem(`${place} is both ${holder} and ${name}`, "give each its own port: see NODE_PORTS and --port");
  }
  return {
    prefill: endpoints.slice(0, table.prefill.length),
    decode: endpoints.slice(table.prefill.length),
  };
}

type NamedPort = Pick<NamedEndpoint, "name" | "port">;

/** `8088,8089`, or with names `prefill-0=8088,decode-0=8089`. */
function readPorts(text: string, problem: Report): NamedPort[] | undefined {
  const fix = "list the ports of all prefill, then of all decode instances, e.g. NODE_PORTS=8088,8089";
  const entries = text.split(",").map((entry) => entry.trim());
  if (text.trim() === "") {
    problem("NODE_PORTS is not set, or empty", fix);
    return undefined;
  }
  const ports = entries.flatMap((entry): NamedPort[] => {
    const [, name, digits] = /^(?:([A-Za-z0-9][\w.-]{0,62})=)?([0-9]{1,5})$/.exec(entry) ?? [];
    const port = Number(digits ?? 0);
    if (port > 0 && port <= 65_535) return [{ name, port }];
    problem(`NODE_PORTS has ${shown(entry)}, which is not a port from 1 to 65535`, fix);
    return [];
  });
  const named = ports.filter(({ name }) => name !== undefined);
  for (const [{ name = "" }] of repeated(named, (one) => one.name))
    problem(`NODE_PORTS has the name ${shown(name)} more than once`, "give each instance a name of its own");
  return ports.length < entries.length ? undefined : ports;
}

function readTable<T>(
  env: Env,
  variable: string,
  read: (text: string, where: string) => T,
  problem: Report,
): T | undefined {
  const path = env[variable];
  if (!path) {
    problem(`${variable} is not set`, `set it to the path of the rank table`);
    return undefined;
  }
  const text = readText(path, variable, problem);
  if (text === undefined) return undefined;
  try {
    return read(text, `${variable}=${path}`);
  } catch (error) {
    problem((error as Error).message, "put the right file there");
    return undefined;
  }
}

function readText(path: string, variable: string, problem: Report): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") problem(`${variable}: there is no file ${path}`, "check the path");
    else if (code === "EISDIR") {
      problem(
        `${variable}: ${path} is a directory`,
        "Docker makes one when the file to mount is missing: mount the file",
      );
    } else problem(`${variable}: ${path} cannot be read (${code})`, "check its permissions");
    return undefined;
  }
}

function requireServiceEntry({ ip, devices }: RankTableEntry, table: GlobalRankTable, problem: Report): void {
  const fix = "give the scheduler the service entry's local table, local_ranktable_<ip>_host.json";
  if (devices.length > 0) {
    problem(
      `RANK_TABLE_FILE_PATH is the table of an instance with ${devices.length} NPUs, not of the scheduler`,
      fix,
    );
  } else if (canonical(ip) !== canonical(table.scheduler.ip)) {
    problem(`RANK_TABLE_FILE_PATH says ${ip}, the global rank table says ${table.scheduler.ip}`, fix);
  }
}
