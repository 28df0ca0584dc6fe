import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import type { Membership } from "./arguments.ts";
import { logOf, runProbe, serve, startContainer, stopContainer } from "./test-support.ts";

const idle = "setInterval(() => {}, 1000)";
const conflict = { status: 409, error: { code: "conflict", message: "it is the last one" } };
const unknown = { status: 404, error: { code: "unknown_instance", message: "there is no such instance" } };
const known = { instances: [{ name: "decode-0", inFlight: 3, kvHeld: 1 }] };

/**
 * A container whose administration gives these answers, by path, the last one again and again; null is none. It writes
 * what it is asked.
 */
async function administration(answers: Record<string, readonly unknown[]>): Promise<string> {
  const name = await startContainer(`
    const answers = ${JSON.stringify({ "/state": [known], ...answers })};
    require("http").createServer(async (request, response) => {
      let body = "";
      for await (const piece of request) body += piece;
      console.log("asked " + request.url + " " + body);
      const list = answers[request.url];
      const answer = list.length > 1 ? list.shift() : list[0];
      if (answer === null) return;
      response.writeHead(answer.status ?? 200).end(JSON.stringify(answer) + "\\n");
    }).listen("/dev/shm/admin.sock", () => console.log("listening"));
  `);
  await expect.poll(() => logOf(name), { timeout: 30_000 }).toContain("listening");
  return name;
}

const asked = async (container: string) =>
  [...(await logOf(container)).matchAll(/asked (\/(?:drain|join) .*)/g)].map(([, request]) => request);

function member(container: string, { address = "127.0.0.1:1", url = "", docker = "" } = {}): Membership {
  const host = { name: "host-a", address: "127.0.0.1", ...(docker !== "" && { docker }) };
  return {
    scheduler: { host, container, socket: "/dev/shm/admin.sock" },
    role: "decode",
    instance: "decode-0",
    address,
    api: "openai",
    model: "m",
    ready: { host, container, url, timeoutSeconds: 30 },
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
  [unknown, 0, "there is no scheduler to tell"],
  [{ status: 500, error: { code: "internal_error", message: "a bug" } }, 1, "is not drained: a bug"],
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
  await expect.poll(() => asked(container), { timeout: 30_000 }).toHaveLength(1);

  child.kill("SIGKILL");

  await expect
    .poll(() => asked(container), { timeout: 30_000 })
    .toContain('/join {"instance":"127.0.0.1:1","deadline":0}');
});

test("Where no scheduler runs that can be asked, there is nothing to drain and nothing to join.", async () => {
  const withoutSocket = await startContainer(idle);
  const stopped = await startContainer(idle);
  await stopContainer(stopped);
  const without = await administration({ "/state": [{ instances: [] }] });

  for (const container of ["ascend-pd-no-such-container", withoutSocket, stopped, without]) {
    for (const probe of ["drain", "join"] as const) {
      const { code, stdout } = await runProbe(probe, member(container));
      expect(stdout).toBe(`${container}: there is no scheduler to tell\n`);
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

/** An instance that is ready, and answers a question so. */
const instance = (status: number, answer: string, questions: string[] = []) =>
  serve(async (request, response) => {
    if (request.method === "POST") questions.push(await text(request));
    response.writeHead(request.method === "POST" ? status : 200).end(answer);
  });

test("An instance joins once it has answered a question itself; prefill is asked for one token.", async () => {
  const container = await administration({ "/join": [{ joined: true, ended: "healthy" }] });
  const questions: string[] = [];
  const url = await instance(200, '{"choices": [{"text": "Hello."}]}', questions);
  const { host: address } = new URL(url);

  const { code, stdout } = await runProbe("join", {
    ...member(container, { url, address }),
    role: "prefill",
  });

  expect(stdout).toBe(`${container} answers and gets requests\n`);
  expect(questions).toEqual([expect.stringContaining('"max_tokens":1,')]);
  expect(await asked(container)).toEqual([`/join {"instance":"${address}"}`]);
  expect(code).toBe(0);
});

test("An instance that is ready and does not answer is not joined.", async () => {
  const container = await administration({});
  const url = await instance(500, "NPU 4 is lost");

  const { code, stderr } = await runProbe("join", member(container, { url, address: new URL(url).host }));

  expect(stderr).toContain(
    `the first completion on ${container} itself came back without text (HTTP 500): NPU 4 is lost\nfix: `,
  );
  expect(await asked(container)).toEqual([]);
  expect(code).toBe(1);
});

test.each([
  [unknown, 0, "answers; it gets requests when the scheduler has restarted"],
  [{ joined: false, ended: "deadline" }, 1, "does not send it requests: deadline\nfix: "],
])("A join that ends with %j is told.", async (answer, exitCode, words) => {
  const container = await administration({ "/join": [answer] });
  const url = await instance(200, '{"choices": [{"text": "Hello."}]}');

  const result = await runProbe("join", member(container, { url, address: new URL(url).host }));

  expect(result.stdout + result.stderr).toContain(words);
  expect(result.code).toBe(exitCode);
});
