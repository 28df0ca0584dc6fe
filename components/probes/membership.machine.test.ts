import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { command, logOf, startContainer } from "../../docker/testing/containers.ts";
import { runProbe } from "../testing/probes.ts";
import type { Membership } from "./arguments.ts";

const conflict = { status: 409, error: { code: "conflict", message: "it is the last one", fix: "" } };
const unknown = {
  status: 404,
  error: { code: "unknown_instance", message: "there is no such instance", fix: "" },
};
const known = { role: "decode", address: "127.0.0.1:1", leaving: false, inFlight: 3, kvHeld: 1 };

const answering = { status: 200, text: '{"choices": [{"text": "Hello."}]}' };

/**
 * A container that is an instance, too, which is ready and answers so. Its administration gives these answers, by path, the last one again and again; null is none. It writes
 * what it is asked.
 */
async function administration(
  answers: Record<string, readonly unknown[]>,
  instance: { status: number; text: string } = answering,
): Promise<string> {
  const name = await startContainer(`
    const answers = ${JSON.stringify({ "/state": [{ instances: [known] }], ...answers })};
    require("http").createServer(async (request, response) => {
      let body = "";
      for await (const piece of request) body += piece;
      console.log("asked " + request.url + " " + body);
      const list = answers[request.url];
      const answer = list.length > 1 ? list.shift() : list[0];
      if (answer === null) return;
      response.writeHead(answer.status ?? 200).end(JSON.stringify(answer) + "\\n");
    }).listen("/dev/shm/admin.sock");
    const { status, text } = ${JSON.stringify(instance)};
    require("http").createServer(async (request, response) => {
      let body = "";
      for await (const piece of request) body += piece;
      if (body) console.log("question " + body);
      response.writeHead(body ? status : 200).end(text);
    }).listen(0, "127.0.0.1", function () {
      const { port } = this.address();
      for (const role of ["prefill", "decode"])
        answers["/state"][0].instances.push({ role, address: "127.0.0.1:" + port });
      console.log("port", port, "");
    });
  `);
  await expect.poll(() => logOf(name), { timeout: 120_000 }).toContain("port ");
  return name;
}

const asked = async (container: string) =>
  [...(await logOf(container)).matchAll(/asked (\/(?:drain|join) .*)/g)].map(([, request]) => request);

function member(container: string, { address = "127.0.0.1:1", url = "", docker = "" } = {}): Membership {
  const host = { name: "host-a", address: "127.0.0.1", ...(docker !== "" && { docker }) };
  return {
    scheduler: { host, container, socket: "/dev/shm/admin.sock" },
    role: "decode",
    address,
    api: "openai",
    model: "m",
    ready: { host, container, url, timeoutSeconds: 300 },
  };
}

test("A drain waits for the scheduler's word that nothing is left.", async () => {
  const container = await administration({ "/drain": [{ ended: "idle", inFlight: 0, kvHeld: 0 }] });

  const { code, stdout } = await runProbe("drain", member(container));

  expect(stdout).toBe(
    `draining ${container}: 3 requests in flight, 1 KV cache held\n${container} is drained\n`,
  );
  expect(await asked(container)).toEqual(['/drain {"instance":"127.0.0.1:1"}']);
  expect(code).toBe(0);
});

test("The last one of a role is drained all the same, and what that means is said.", async () => {
  const container = await administration({ "/drain": [conflict, { ended: "idle" }] });

  const { code, stdout } = await runProbe("drain", member(container));

  expect(stdout).toContain(
    `${container} is the last decode instance: requests are answered 503 until one is back\n`,
  );
  expect(await asked(container)).toEqual([
    '/drain {"instance":"127.0.0.1:1"}',
    '/drain {"instance":"127.0.0.1:1","force":true}',
  ]);
  expect(code).toBe(0);
});

test.each([
  [
    { ended: "deadline", inFlight: 2, kvHeld: 0 },
    0,
    "is stopped with 2 requests in flight, 0 KV caches held",
  ],
  [{ ended: "joined", inFlight: 2, kvHeld: 0 }, 1, "has joined"],
  [unknown, 0, "no scheduler sends it requests"],
  [{ status: 500, error: { code: "internal_error", message: "a bug", fix: "" } }, 1, "is not drained: a bug"],
])("A drain that ends with %j is told.", async (answer, exitCode, words) => {
  const container = await administration({ "/drain": [answer] });

  const { code, stdout, stderr } = await runProbe("drain", member(container));

  expect(stdout + stderr).toContain(words);
  expect(code).toBe(exitCode);
});

test("A drain that is killed is taken back.", async () => {
  const container = await administration({ "/drain": [null], "/join": [{ joined: true }] });
  const PROBE = JSON.stringify(member(container));
  const child = spawn(process.execPath, ["components/probes/drain.ts"], { env: { ...process.env, PROBE } });
  await expect.poll(() => asked(container), { timeout: 120_000 }).toHaveLength(1);

  child.kill("SIGKILL");

  await expect
    .poll(() => asked(container), { timeout: 120_000 })
    .toContain('/join {"instance":"127.0.0.1:1","deadline":0}');
});

test("Where no scheduler runs that can be asked, there is nothing to drain and nothing to join.", async () => {
  const withoutSocket = await startContainer();
  const stopped = await startContainer();
  await command(stopped, "stop?t=0");
  const without = await administration({ "/state": [{ instances: [] }] });

  for (const container of ["ascend-pd-no-such-container", withoutSocket, stopped, without]) {
    for (const [probe, words] of [
      ["drain", "no scheduler sends it requests"],
      ["join", "there is no scheduler to tell"],
    ] as const) {
      const { code, stdout } = await runProbe(probe, member(container));
      expect(stdout).toBe(`${container}: ${words}\n`);
      expect(code).toBe(0);
    }
  }
});

test.each(["drain", "join"] as const)(
  "A %s that cannot ask the scheduler's host fails, and says what to do.",
  async (probe) => {
    const { code, stderr } = await runProbe(probe, member("pd", { docker: "unix:///nowhere/docker.sock" }));

    expect(stderr).toContain(
      "the scheduler pd on host-a (unix:///nowhere/docker.sock) could not be asked for /state: ",
    );
    expect(stderr).toContain("\nfix: ");
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
  },
);

async function instanceIn(container: string): Promise<Membership> {
  const address = `127.0.0.1:${/port (\d+) /.exec(await logOf(container))?.[1]}`;
  return member(container, { url: `http://${address}/health`, address });
}

test("An instance joins once it has answered a question itself; prefill is asked for one token.", async () => {
  const container = await administration({ "/join": [{ joined: true, ended: "healthy" }] });
  const instance = await instanceIn(container);

  const { code, stdout } = await runProbe("join", { ...instance, role: "prefill" });

  expect(stdout).toBe(`${container} answers and gets requests\n`);
  expect(await logOf(container)).toMatch(/question \{.*"max_tokens":1,/);
  expect(await asked(container)).toEqual([`/join {"instance":"${instance.address}"}`]);
  expect(code).toBe(0);
});

test("An instance that is ready and does not answer is not joined.", async () => {
  const container = await administration({}, { status: 500, text: "NPU 4 is lost" });

  const { code, stderr } = await runProbe("join", await instanceIn(container));

  expect(stderr).toContain(
    `the first completion on ${container} itself came back without text (HTTP 500): NPU 4 is lost\nfix: `,
  );
  expect(await asked(container)).toEqual([]);
  expect(code).toBe(1);
});

test.each([
  [unknown, "there is no such instance"],
  [{ joined: false, ended: "deadline" }, "deadline"],
])("A join that ends with %j has failed.", async (answer, why) => {
  const container = await administration({ "/join": [answer] });

  const { code, stderr } = await runProbe("join", await instanceIn(container));

  expect(stderr).toContain(`does not send it requests: ${why}\nfix: `);
  expect(code).toBe(1);
});
