import { expect, test } from "vitest";
import { logOf, startContainer } from "../../docker/testing/containers.ts";
import { deadUrl, serve } from "../../docker/testing/servers.ts";
import { runProbe } from "../testing/probes.ts";

function awaitReady(container: string, url: string, timeoutSeconds = 30, docker?: string) {
  const host = { name: "host-a", address: "127.0.0.1", ...(docker !== undefined && { docker }) };
  return runProbe("await-ready", { host, container, url, timeoutSeconds });
}

test("It succeeds once the container answers on its port.", async () => {
  const { container, url } = await startListening("response.end()");

  const { code, stdout } = await awaitReady(container, url);

  expect(stdout).toBe(`${container} ready\n`);
  expect(code).toBe(0);
});

test("It waits until the container that answers says that it is ready.", async () => {
  const { container, url } = await startListening("response.writeHead(++asked < 3 ? 503 : 200).end()");

  const { code } = await awaitReady(container, url);

  expect(code).toBe(0);
  expect(await (await fetch(`${url}/asked`)).text()).toBe("3");
});

test("What is known of a container's log is told with it: the root cause and its fix.", async () => {
  const lines = "OSError: [Errno 98] Address already in use\\nEngineCore failed to start.";
  const container = await startContainer(`console.error('${lines}'); process.exitCode = 1`);

  const { stderr } = await awaitReady(container, await deadUrl());

  expect(stderr).toMatch(
    /\n {2}EngineCore failed to start\.\nLS401, a port is in use: On the host's network/,
  );
  expect(stderr).toMatch(/\nfix: `ss -ltnp .*, and run `pulumi up` again; it goes on from here\n$/);
});

test("It fails with the exit code and the last words of a container that has died.", async () => {
  const container = await startContainer("console.error('loading\\nNPU 4 is lost'); process.exitCode = 7");

  const { code, stderr } = await awaitReady(container, await deadUrl());

  expect(stderr).toBe(`${container} on host-a ended with exit code 7 before it was ready
its last words:
  loading
  NPU 4 is lost
fix: mend the cause and run \`pulumi up\` again; it goes on from here
`);
  expect(code).toBe(1);
});

test("Another process that answers on the port is named, and its answer is not believed.", async () => {
  const container = await startContainer();
  const url = await serve((_request, response) => response.end());

  const { code, stderr } = await awaitReady(container, url);

  const { port } = new URL(url);
  expect(stderr).toContain(
    `host-a: port ${port} of ${container} is held by process ${process.pid} (${process.execPath})`,
  );
  expect(stderr).toContain("\nfix: stop that on host-a, or give ");
  expect(code).toBe(1);
});

test("A container that holds the port of another is named.", async () => {
  const { container: holder, url } = await startListening("response.end()");
  const container = await startContainer("process.exitCode = 1", {
    hostConfig: { RestartPolicy: { Name: "unless-stopped" } },
  });

  const { code, stderr } = await awaitReady(container, url);

  expect(stderr).toContain(`node) of container ${holder}\nfix: `);
  expect(code).toBe(1);
});

test("It gives up on a container that Docker restarts again and again.", async () => {
  const container = await startContainer("console.log('no rank table'); process.exitCode = 1", {
    hostConfig: { RestartPolicy: { Name: "unless-stopped" } },
  });

  const { code, stderr } = await awaitReady(container, await deadUrl());

  expect(stderr).toMatch(/on host-a ended \d+ times before it was ready\n.*\n {2}no rank table/);
  expect(code).toBe(1);
});

test("Last words are whole, however long a line is and whatever bytes its length has.", async () => {
  // A line's length is in front of it, in bytes: 10 is a line feed, 200 alone is no UTF-8, above 16384 it is cut.
  const lines = ["ten chars", "ü".repeat(99), "x".repeat(40_000), "語".repeat(67), "", "end"];
  const container = await startContainer(`console.log(${JSON.stringify(lines.join("\n"))})`);

  const { stderr } = await awaitReady(container, await deadUrl());

  const words = stderr.slice(stderr.indexOf("words:\n") + 7, stderr.indexOf("\nfix:"));
  expect(words.split("\n")).toEqual(lines.map((line) => `  ${line}`));
});

test("Last words are no command to a terminal.", async () => {
  const words = "\u001b]0;title\u0007\u001b[2J\u009b31mred\u202e\r\n\tat line 2\rover";
  const container = await startContainer(`process.stderr.write(${JSON.stringify(words)})`);

  const { stderr } = await awaitReady(container, await deadUrl());

  expect(stderr).toContain(
    "words:\n  \\u001b]0;title\\u0007\\u001b[2J\\u009b31mred\\u202e\n  \tat line 2\\rover\nfix: ",
  );
});

test("When time is up it names the address and what came from it last.", async () => {
  const { container, url } = await startListening("response.writeHead(503).end()");

  const { code, stderr } = await awaitReady(container, `${url}/health`, 1);

  expect(stderr).toContain(`${container} on host-a was not ready within 1 s: ${url}/health gave HTTP 503\n`);
  expect(code).toBe(1);
});

test("A container that is not there is reported as such.", async () => {
  const { code, stderr } = await awaitReady("ascend-pd-no-such-container", await deadUrl());

  expect(stderr).toContain("No such container: ascend-pd-no-such-container\nfix: ");
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(code).toBe(1);
});

test("The engine that the Plan names is asked, not the one of DOCKER_HOST.", async () => {
  const { code, stderr } = await awaitReady("any", await deadUrl(), 30, "unix:///nowhere/docker.sock");

  expect(stderr).toContain("unix:///nowhere/docker.sock");
  expect(code).toBe(1);
});

/** A container that answers each request by a statement of JavaScript, and tells at /asked how many there were. */
async function startListening(answer: string) {
  const container = await startContainer(`
    let asked = 0;
    const server = require("http").createServer((request, response) => {
      if (request.url === "/asked") return response.end(String(asked));
      ${answer};
    });
    server.listen(0, "127.0.0.1", () => console.log("port", server.address().port, ""));`);
  await expect.poll(() => logOf(container), { timeout: 120_000 }).toContain("port");
  const port = /port (\d+) /.exec(await logOf(container))?.[1];
  return { container, url: `http://127.0.0.1:${port}` };
}
