import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { tryRun } from "../system/programs.ts";
import { callEngine, tryEngine } from "./api.ts";
import { relayingSsh } from "./testing/relaying-ssh.ts";
import { serveEngine } from "./testing/servers.ts";

// Each of its own name, for what is kept is kept by the address.
let count = 0;
const someHost = () => `ssh://root@host-${count++}`;
const isGone = (pid: number) => !existsSync(`/proc/${pid}`);

test("Calls one after the other to the engine of a host share one connection.", async () => {
  const paths: string[] = [];
  const started = await relayingSsh(
    await serveEngine((request, response) => {
      paths.push(request.url ?? "");
      response.writeHead(request.url === "/2" ? 404 : 200).end("{}");
    }),
  );
  const host = someHost();

  const statuses = [];
  for (const path of ["/1", "/2", "/3"]) statuses.push((await callEngine(host, path)).status);
  await tryEngine(host, "/4", { method: "POST", json: { a: 1 } });

  expect(statuses).toEqual([200, 404, 200]);
  expect(paths).toEqual(["/1", "/2", "/3", "/4"]);
  expect(await started()).toHaveLength(1);
});

test("Calls at once have a connection each, and so have those that `ssh` reaches otherwise.", async () => {
  const started = await relayingSsh(await serveEngine((_request, response) => response.end("{}")));
  const host = someHost();

  await Promise.all([callEngine(host, "/"), callEngine(host, "/")]);
  await callEngine({ host, sshOptions: ["-o", "HostKeyAlias=other"] }, "/");

  expect(await started()).toHaveLength(3);
});

test("A connection that has ended since the last call is not used for the next one.", async () => {
  const started = await relayingSsh(await serveEngine((_request, response) => response.end("{}")));
  const host = someHost();
  await callEngine(host, "/");
  const [first = 0] = await started();
  process.kill(first);
  await expect.poll(() => isGone(first), { timeout: 60_000 }).toBe(true);

  const { status } = await callEngine(host, "/");

  expect(status).toBe(200);
  expect(await started()).toHaveLength(2);
});

test("A connection that an engine closes after its answer is not used for the next call.", async () => {
  const engine = await serveEngine((request, response) => {
    response.end("{}").on("finish", () => request.socket.end());
  });
  const started = await relayingSsh(engine);
  const host = someHost();
  await callEngine(host, "/");
  const [first = 0] = await started();
  await expect.poll(() => isGone(first), { timeout: 60_000 }).toBe(true);

  expect((await callEngine(host, "/")).status).toBe(200);
});

test("A question that meets the end of a kept connection is asked anew, an order is not.", async () => {
  const served = new WeakSet<object>();
  const engine = await serveEngine((request, response) => {
    if (served.has(request.socket)) return request.socket.destroy();
    served.add(request.socket);
    return response.end("{}");
  });
  const started = await relayingSsh(engine);
  const host = someHost();
  const ask = (method: "GET" | "POST") =>
    callEngine(host, "/", { method }).then(
      ({ status }) => status,
      () => "lost",
    );

  const answers = [await ask("GET"), await ask("GET"), await ask("POST"), await ask("POST")];

  expect(answers).toEqual([200, 200, "lost", 200]);
  expect(await started()).toHaveLength(3);
});

test("A call that is given up takes its connection along.", async () => {
  const abort = new AbortController();
  const started = await relayingSsh(await serveEngine(() => abort.abort()));

  await expect(callEngine(someHost(), "/", { signal: abort.signal })).rejects.toThrow("aborted");

  const [pid = 0] = await started();
  await expect.poll(() => isGone(pid), { timeout: 60_000 }).toBe(true);
});

test("What is put aside keeps no process alive, and ends with it, also where its host hangs.", async () => {
  const engine = await serveEngine((_request, response) => response.end("{}"));
  const started = await relayingSsh(engine, { hangs: true });
  const script = `
    import { readFileSync } from "node:fs";
    import { callEngine } from ${JSON.stringify(resolve("docker/api.ts"))};
    await callEngine("${someHost()}", "/");
    const children = () => readFileSync("/proc/self/task/" + process.pid + "/children", "utf8");
    process.on("beforeExit", () => console.log(children()));`;

  const { stdout } = await tryRun(process.execPath, ["--input-type=module-typescript", "--eval", script]);

  const [pid = 0] = await started();
  // It had nothing to do any more while its `ssh` was there.
  expect(stdout.trim()).toBe(String(pid));
  await expect.poll(() => isGone(pid), { timeout: 60_000 }).toBe(true);
});
