import { createServer, type Server } from "node:http";
import { afterEach, expect, test } from "vitest";
import { command, logOf, startContainer } from "../docker/testing/containers.ts";
import { serveEngine } from "../docker/testing/servers.ts";
import type { ContainerPlan } from "../planning/plan.ts";
import { lookAtLog } from "./logs.ts";

const local = { name: "local", address: "127.0.0.1" };
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

const planned = (name: string, port = 1): ContainerPlan => ({
  name,
  role: "prefill",
  host: "local",
  image: { kind: "reference", name: "x" },
  command: [],
  env: {},
  npus: [],
  devices: [],
  mounts: [],
  files: [],
  restricted: false,
  port,
  readyPath: "/health",
  startTimeoutSeconds: 1800,
  stopTimeoutSeconds: 10,
});

const stays = "setInterval(() => {}, 1000);";
const says = (text: string) => `process.stdout.write(${JSON.stringify(text)});`;

async function found(name: string, port?: number) {
  const look = await lookAtLog(local, planned(name, port));
  if ("unreadable" in look) throw new Error(look.unreadable);
  return { ...look, codes: look.findings.map(({ code }) => code) };
}

const written = (name: string, text: string) =>
  expect.poll(() => logOf(name), { timeout: 60_000 }).toContain(text);

test("A running container's lines of both streams are searched, colours, long lines and progress bars included.", async () => {
  const name = await startContainer(`
    ${says("Loading: 0%\rLoading: 100%\r\n")}
    process.stderr.write("\\u001b[1;36m(Worker)\\u001b[0;0m NPU out of \\u001b[31mmemory. Tried to allocate 2 GiB\\n");
    console.log("x".repeat(300_000) + " Mooncake transfer failed, ret: -1");
    console.log("the end");
    ${stays}`);
  await written(name, "the end");

  const { codes, findings, state } = await found(name);

  expect(codes).toEqual(["LS301", "LS701"]);
  expect(findings).toMatchObject([
    { quotes: ["NPU out of memory"], first: expect.stringMatching(/^20\d\d-.*Z$/) },
    { quotes: ["Mooncake transfer failed, ret: -1"], count: 1, follows: "LS301" },
  ]);
  expect(state).toMatchObject({ status: "running", restarts: 0 });
});

test("An instance that serves has nothing found; what clients say is nothing.", async () => {
  const server = createServer((_, response) => response.end());
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const name = await startContainer(
    `${says("Received request cmpl-1: prompt: 'why NPU out of memory? EI0006'\n")} ${stays}`,
  );
  await written(name, "Received");

  expect(await found(name, port)).toMatchObject({ codes: [], state: { answer: "ready" } });
});

test("A container that ended is read too, and how it ended is told.", async () => {
  const name = await startContainer(
    `${says("OSError: [Errno 98] Address already in use\nEngineCore failed to start.\n")} process.exit(3);`,
  );
  await expect.poll(async () => (await found(name)).state.status, { timeout: 60_000 }).toBe("exited");

  const { codes, findings } = await found(name);

  expect(codes).toEqual(["LS401", "LS801", "LS906"]);
  expect(findings.map(({ follows }) => follows)).toEqual([undefined, "LS401", "LS401"]);
  expect(findings.at(-1)?.quotes).toEqual(["exited, exit code 3"]);
});

test("Of one that Docker starts again and again the runs before are read.", async () => {
  const name = await startContainer(
    `${says("RuntimeError: Cannot find any model weights with `/models/x`\n")} process.exit(1);`,
    { hostConfig: { RestartPolicy: { Name: "always" } } },
  );
  await expect.poll(async () => (await found(name)).state.restarts, { timeout: 60_000 }).toBeGreaterThan(3);
  await command(name, "stop?t=0");

  const { codes, findings } = await found(name);

  expect(codes).toEqual(["LS208", "LS905", "LS906"]);
  expect(findings[0]?.count).toBeGreaterThan(3);
});

test("Of a log that is too long the end is read, in bounded time and memory, and that is said.", async () => {
  const name = await startContainer(`
    const line = "x".repeat(15_000) + "\\n";
    const write = (left) => {
      if (left === 0) return console.log("Mooncake transfer failed, ret: -1\\nthe end");
      process.stdout.write(line.repeat(20), () => write(left - 1));
    };
    console.log("NPU out of memory");
    write(300);
    ${stays}`);
  await expect
    .poll(async () => (await found(name)).codes, { timeout: 240_000, interval: 3000 })
    .toEqual(["LS701"]);

  const { partly, bytes } = await found(name);

  expect(partly).toBe("only its last 500 lines, since more are too long");
  expect(bytes).toBeLessThan(64 * 1024 * 1024);
}, 300_000);

test("A log that cannot be read says why.", async () => {
  const name = await startContainer(stays, { hostConfig: { LogConfig: { Type: "none" } } });
  const docker = await serveEngine((_request, response) =>
    response.writeHead(500).end('{"message":"\\u001b[2J"}'),
  );

  expect(await lookAtLog(local, planned(name))).toEqual({
    unreadable: expect.stringMatching(/^the log of its container was not given: .*log/),
  });
  expect(await lookAtLog(local, planned("ascend-pd-no-such-container"))).toEqual({
    unreadable: "there is no container ascend-pd-no-such-container on local",
  });
  expect(await lookAtLog({ ...local, docker }, planned("x"))).toEqual({
    unreadable: expect.stringContaining("failed GET /containers/x/json"),
  });
});
