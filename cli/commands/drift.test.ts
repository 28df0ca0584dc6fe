import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { stringify } from "yaml";
import { readStackFile } from "../stack-file.ts";
import { inProjectFolder, keepConsole, printed } from "../testing/run-command.ts";
import { drift } from "./drift.ts";

const servers: Server[] = [];
const folder = inProjectFolder();
keepConsole();

beforeEach(() => {
  // No Pulumi: these are about hosts.
  vi.stubEnv("PATH", "/nowhere");
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  vi.unstubAllEnvs();
});

/** A stand-in for an engine, which answers as `bodies` says by path. */
async function engine(name: string, bodies: Readonly<Record<string, string>>): Promise<string> {
  const server = createServer((request, response) => {
    const body = bodies[request.url ?? ""];
    response.writeHead(body === undefined ? 404 : 200).end(body ?? '{"message":"no such thing"}');
  });
  servers.push(server);
  const path = join(folder(), `${name}.sock`);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return `unix://${path}`;
}

/** Stack `test`: prefill and scheduler on host-a, decode on host-b. */
function writeStack(endpoints: { "host-a": string; "host-b": string }): void {
  const deployment = readStackFile("sim-1p1d").deployment as object;
  const hosts = Object.fromEntries(
    Object.entries(endpoints).map(([name, docker], index) => [
      name,
      { address: `10.0.0.${index + 1}`, docker },
    ]),
  );
  const instance = (host: string, port: number) => [{ host, devices: [0, 1], port }];
  const changes = {
    hosts,
    prefill: instance("host-a", 8088),
    decode: instance("host-b", 8089),
    scheduler: { host: "host-a", port: 9000 },
  };
  writeFileSync(
    "stacks/Pulumi.test.yaml",
    stringify({ config: { "ascend-pd:deployment": { ...deployment, ...changes } } }),
  );
}

const empty = { "/version": '{"Version":"28.0"}', "/containers/json?all=1": "[]" };

test("A host that cannot be asked is named, and the others are compared.", async () => {
  writeStack({ "host-a": "unix:///nowhere/docker.sock", "host-b": await engine("b", empty) });

  const code = await drift.run(["test"]);

  expect(printed("error")).toMatch(/^error: host-a: no Docker Engine answers at unix:\/\/\/nowhere/m);
  expect(printed("log")).toBe(
    "test: 1 finding on 1 host\n\n" +
      "test-decode-0 on host-b: removed\n" +
      "  container  planned: running  there: none\n" +
      "  fix: pulumi up --stack test --refresh",
  );
  expect(code).toBe(1);
});

test("--host leaves the others alone.", async () => {
  writeStack({ "host-a": "unix:///nowhere/docker.sock", "host-b": await engine("b", empty) });

  const code = await drift.run(["test", "--host=host-b", "--json"]);

  expect(JSON.parse(printed("log"))).toMatchObject({
    stack: "test",
    hosts: ["host-b"],
    problems: [],
    findings: [{ kind: "removed", host: "host-b", container: "test-decode-0" }],
  });
  expect(code).toBe(2);
});

test("--host may be given several times.", async () => {
  writeStack({ "host-a": await engine("a", empty), "host-b": await engine("b", empty) });

  await drift.run(["test", "--host=host-b", "--host=host-a", "--json"]);

  expect(JSON.parse(printed("log")).hosts).toEqual(["host-a", "host-b"]);
});

test.each([
  ["no JSON", { "/containers/json?all=1": "<html>" }, "the list of containers is no JSON"],
  ["another shape", { "/containers/json?all=1": '[{"Id":1}]' }, "0.Id is not as Docker says it"],
  ["no end", { "/containers/json?all=1": " ".repeat(20_000_000) }, "longer than"],
])("An engine whose answer has %s is a host that cannot be asked.", async (_, bodies, reason) => {
  const host = await engine("a", { ...empty, ...bodies });
  writeStack({ "host-a": host, "host-b": await engine("b", empty) });

  const code = await drift.run(["test"]);

  expect(printed("error")).toContain(
    `error: the Docker Engine of host-a (${host}) failed GET /containers/json?all=1: `,
  );
  expect(printed("error")).toContain(reason);
  expect(code).toBe(1);
});

test.each([[[]], [["--json"]]])(
  "What an engine says is no command to a terminal, with %j.",
  async (options) => {
    const hostile = "\u001b]0;title\u0007\u001b[2J\u009b31m\u202e";
    const gone = { status: 500, body: `{"message":"${hostile}"}` };
    const server = createServer(({ url }, response) =>
      url === "/version" ? response.end(empty["/version"]) : response.writeHead(gone.status).end(gone.body),
    );
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(join(folder(), "a.sock"), resolve));
    writeStack({ "host-a": `unix://${join(folder(), "a.sock")}`, "host-b": await engine("b", empty) });

    await drift.run(["test", ...options]);

    expect(printed("error")).toContain("\\u001b]0;title\\u0007\\u001b[2J\\u009b31m\\u202e");
    expect(printed("error") + printed("log")).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
  },
);

test.each([
  [["test", "--host=host-c"], /^error: test has no host host-c\nfix: --host and one of: host-a, host-b$/],
  [["3p3d"], /^error: stacks\/Pulumi\.3p3d\.yaml cannot be read/],
  [["test", "other"], /^error: one STACK too many: other/],
  [[], /^error: STACK is missing/],
])("%j is the user's mistake: exit code 1, for 2 means drift.", async (args, complaint) => {
  writeStack({ "host-a": "unix:///a", "host-b": "unix:///b" });

  const code = await drift.run(args);

  expect(printed("error")).toMatch(complaint);
  expect(code).toBe(1);
});
