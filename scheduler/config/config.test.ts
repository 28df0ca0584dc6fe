import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Config, readConfig } from "./config.ts";
import { authority, endpointsReader, InvalidTables } from "./endpoints.ts";

/** What flags say; that no rank table is given is another matter. */
function problemsOf(...args: string[]): string {
  const reading = readConfig(args, {});
  return reading.kind === "problems" ? reading.problems.map(({ message }) => message).join("\n") : "";
}

function configOf(args: readonly string[], env: Record<string, string> = {}): Config {
  const tables = { GLOBAL_RANK_TABLE_FILE_PATH: "scheduler/testing/global.json", NODE_PORTS: "8088,8089" };
  const reading = readConfig(args, { ...tables, ...env });
  if (reading.kind !== "config") throw new Error(JSON.stringify(reading));
  return reading.config;
}

test.for([
  { args: "", names: [] },
  { args: "--model /weights/glm", names: ["/weights/glm"] },
  { args: "--model=/weights/glm --served-model-name=glm", names: ["glm"] },
  { args: "--served-model-name glm glm-4 --port 9000", names: ["glm", "glm-4"] },
  { args: "--served_model_name glm glm-4 --model /weights/glm", names: ["glm", "glm-4"] },
  { args: "--served-model-name a b --served-model-name c", names: ["c"] },
])("$args: a request may name $names.", ({ args, names }) => {
  expect(configOf(args.split(" ").filter(Boolean)).servedModels).toEqual(names);
});

test.for([
  { args: "", handed: ["NixlConnector", 30_000, "reject"] },
  { args: "--kv-connector MooncakeConnectorV1", handed: ["MooncakeConnectorV1", 480_000, "none"] },
  {
    args: "--kv-connector=MooncakeConnectorV1 --kv-release=reject --kv-lease=60",
    handed: ["MooncakeConnectorV1", 60_000, "reject"],
  },
  { args: "--kv-release=none --kv-lease 0.5", handed: ["NixlConnector", 500, "none"] },
  { args: "--handoff plain", handed: ["plain", 30_000, "none"] },
  {
    args: "--kv-connector=MooncakeLayerwiseConnector --metaserver-host=10.0.0.18",
    handed: ["MooncakeLayerwiseConnector", 0, "none"],
  },
])("$args: lease and release of KV cache are those of the connector, unless given.", ({ args, handed }) => {
  const { handoff, kvLeaseMs, kvRelease } = configOf(args.split(" ").filter(Boolean));

  expect([handoff, kvLeaseMs, kvRelease]).toEqual(handed);
});

test("A connector that is not known, and a release where there are no parameters, are problems.", () => {
  expect(problemsOf("--kv-connector=Nixl")).toContain('--kv-connector is "Nixl"');
  expect(problemsOf("--handoff=plain", "--kv-release=reject")).toContain(
    "--kv-release is reject with a plain",
  );
});

test("A metaserver is there with the connector that needs it, and only with that.", () => {
  const args = ["--metaserver-host=fd00::1", "--metaserver-port=9200"];

  const { metaserver } = configOf([...args, "--kv-connector=MooncakeLayerwiseConnector"]);

  expect(metaserver).toEqual({ host: "fd00::1", port: 9200 });
  expect(configOf(args).metaserver).toBeUndefined();
});

test.for([
  ["", "--metaserver-host is missing"],
  ["--metaserver-host=0.0.0.0", '--metaserver-host is "0.0.0.0", which is no address to be reached under'],
  ["--metaserver-host=::", '--metaserver-host is "::", which is no address to be reached under'],
  ["--metaserver-host=h --metaserver-port=9000", "--metaserver-port 9000 has --port 9000 in it"],
  [
    "--metaserver-host=h --metaserver-port=8999 --workers=2",
    "--metaserver-port 8999 to 9000 has --port 9000",
  ],
  ["--metaserver-host=h --metaserver-port=65535 --workers=2", "2 workers need the ports to 65536"],
  ["--metaserver-host=h --kv-release=reject", "--kv-release is reject with MooncakeLayerwiseConnector"],
] as const)("With a connector that has decode asked first, %j is a problem.", ([args, problem]) => {
  const said = problemsOf("--kv-connector=MooncakeLayerwiseConnector", ...args.split(" ").filter(Boolean));

  expect(said).toContain(problem);
});

test("Each rank behind a port is an instance of its own, also when the tables are read again.", () => {
  const { endpoints, readEndpoints } = configOf(["--decode-data-parallel-size=2"]);

  const ranks = ({ prefill, decode }: Config["endpoints"]) =>
    [...prefill, ...decode].map(({ port, rank }) => [port, rank]);
  expect(ranks(endpoints)).toEqual([
    [8088, undefined],
    [8089, 0],
    [8089, 1],
  ]);
  expect(readEndpoints()).toEqual(endpoints);
  expect(problemsOf("--prefill-data-parallel-size=0")).toContain("--prefill-data-parallel-size is");
});

test("A name that is missing is a problem, not the next flag.", () => {
  expect(problemsOf("--served-model-name", "--port=9000")).toContain("--served-model-name has no value");
});

const portsOf = ({ prefill, decode }: Config["endpoints"]) => [...prefill, ...decode].map(({ port }) => port);

test("Ports that were given last count when the tables are read again, unless they were wrong.", () => {
  const env = { GLOBAL_RANK_TABLE_FILE_PATH: "scheduler/testing/global.json", NODE_PORTS: "8088,8089" };
  const read = endpointsReader(env, 9000);

  const ports = [portsOf(read()), portsOf(read("1,2")), portsOf(read())];
  expect(() => read("1,2,3")).toThrow(InvalidTables);

  expect([...ports, portsOf(read())]).toEqual([
    [8088, 8089],
    [1, 2],
    [1, 2],
    [1, 2],
  ]);
});

test("With @ NODE_PORTS names a file, which is read again each time.", () => {
  const folder = mkdtempSync(join(tmpdir(), "scheduler-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "ports");
  const env = { GLOBAL_RANK_TABLE_FILE_PATH: "scheduler/testing/global.json", NODE_PORTS: `@${file}` };
  const read = endpointsReader(env, 9000);

  writeFileSync(file, "8088,8089\n");
  const before = portsOf(read());
  writeFileSync(file, "8090, 8091");
  const given = portsOf(read("8092,8093"));

  expect([before, given, portsOf(read())]).toEqual([
    [8088, 8089],
    [8092, 8093],
    [8090, 8091],
  ]);
});

test("An IPv6 address of a rank table is one, however it is written, and no instance is this scheduler's port.", () => {
  const text = readFileSync("scheduler/testing/global.json", "utf8");
  const path = join(mkdtempSync(join(tmpdir(), "ascend-pd-ipv6-")), "global.json");
  const at = (...addresses: string[]) =>
    writeFileSync(
      path,
      text.replace(/"server_ip": "[^"]*"/g, () => `"server_ip": "${addresses.shift()}"`),
    );
  const env = { GLOBAL_RANK_TABLE_FILE_PATH: path, NODE_PORTS: "8088,9000" };

  at("2001:db8::18", "2001:DB8:0:0::18", "2001:db8::19");
  const { prefill, decode } = endpointsReader(env, 9000)();
  at("2001:db8::18", "2001:db8::19", "2001:0DB8::0:18");

  expect([...prefill, ...decode].map(authority)).toEqual(["[2001:db8::18]:8088", "[2001:db8::19]:9000"]);
  expect(() => endpointsReader(env, 9000)()).toThrow(InvalidTables);
});

test("NODE_PORTS may say what an instance is called.", () => {
  const env = { GLOBAL_RANK_TABLE_FILE_PATH: "scheduler/testing/global.json", NODE_PORTS: "long=8088,8089" };

  const { prefill, decode } = endpointsReader(env, 9000)();

  expect([prefill, decode]).toMatchObject([
    [{ name: "long", port: 8088 }],
    [{ name: undefined, port: 8089 }],
  ]);
});

test.for([
  { ports: "a=8088,a=8089", message: 'NODE_PORTS has the name "a" more than once' },
  { ports: "8088,=8089", message: 'NODE_PORTS has "=8089", which is not a port from 1 to 65535' },
  { ports: "8088,a b=8089", message: 'NODE_PORTS has "a b=8089", which is not a port from 1 to 65535' },
  { ports: `8088,${"a".repeat(64)}=8089`, message: "NODE_PORTS has " },
  { ports: "8088,a=65536", message: 'NODE_PORTS has "a=65536", which is not a port from 1 to 65535' },
  { ports: "@/nowhere", message: "NODE_PORTS: there is no file /nowhere" },
  { ports: "@/tmp", message: "NODE_PORTS: /tmp is a directory" },
  { ports: "@", message: "NODE_PORTS: there is no file " },
])("NODE_PORTS=$ports is said to be wrong once: $message.", ({ ports, message }) => {
  const read = endpointsReader(
    { GLOBAL_RANK_TABLE_FILE_PATH: "scheduler/testing/global.json", NODE_PORTS: ports },
    9000,
  );

  let problems: readonly { message: string }[] = [];
  try {
    read();
  } catch (error) {
    if (error instanceof InvalidTables) problems = error.problems;
  }

  expect(problems.map((problem) => problem.message)).toEqual([expect.stringContaining(message)]);
});

test("A key that a rank table has twice is a problem, with its place.", () => {
  const folder = mkdtempSync(join(tmpdir(), "scheduler-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "global.json");
  const table = readFileSync("scheduler/testing/global.json", "utf8");
  writeFileSync(path, table.replace('"server_ip"', '"server\\u005fip": "10.0.0.9", "server_ip"'));
  const read = endpointsReader({ GLOBAL_RANK_TABLE_FILE_PATH: path, NODE_PORTS: "8088,8089" }, 9000);

  let problems: readonly { message: string }[] = [];
  try {
    read();
  } catch (error) {
    if (error instanceof InvalidTables) problems = error.problems;
  }

  const message =
    /PD206 server_group_list\[0\]\.server_list\[0\] {2}"server_ip" stands there twice, the second time in line 11\n/;
  expect(problems).toMatchObject([{ message: expect.stringMatching(message) }]);
});

test("An operator cannot have a file read as ports.", () => {
  const env = { GLOBAL_RANK_TABLE_FILE_PATH: "scheduler/testing/global.json", NODE_PORTS: "8088,8089" };

  expect(() => endpointsReader(env, 9000)("@package.json")).toThrow(InvalidTables);
});

test("An address is written as in a URL, an IPv6 one in brackets.", () => {
  const written = ["10.0.0.18", "fd00::18", "localhost"].map((host) => authority({ host, port: 9000 }));

  expect(written).toEqual(["10.0.0.18:9000", "[fd00::18]:9000", "localhost:9000"]);
});
