import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { engineReport, runScript } from "./host-report.ts";

const local = "unix:///nowhere/docker.sock";
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ascend-pd-report-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("What a script prints comes back, with the time around it.", async () => {
  const { output, failure, sent, answered } = await runScript(local, "echo one; echo two");

  expect([output, failure]).toEqual(["one\ntwo\n", undefined]);
  expect(answered).toBeGreaterThanOrEqual(sent);
});

test("A script that fails says why, in its own words.", async () => {
  expect(await runScript(local, "echo half; echo why >&2; exit 3")).toMatchObject({
    output: "half\n",
    failure: "why",
  });
  expect(await runScript(local, "exit 3")).toMatchObject({ output: "", failure: "exit code 3" });
});

test("A flood ends, and what came until then is kept.", async () => {
  const { output, failure } = await runScript(local, "yes; true");

  expect(failure).toBe("it printed too much");
  expect(output.length).toBeLessThan(8 * 1024 * 1024);
});

test("A host that says nothing is given up.", async () => {
  expect(await runScript(local, "sleep 15")).toMatchObject({
    output: "",
    failure: "no answer within 10 s",
  });
});

test("Behind tcp:// no command can run, and none runs here instead.", async () => {
  expect(await runScript("tcp://10.0.0.18:2375", "echo here")).toMatchObject({
    output: "",
    failure: "tcp://10.0.0.18:2375 lets no command run on its host; ssh:// does",
  });
});

/** A stand-in for a Docker Engine, for what a real one does not do at will. */
async function engine(name: string, listener: RequestListener) {
  const path = join(folder, name);
  const server = createServer(listener).listen(path);
  await once(server, "listening");
  return { address: `unix://${path}`, [Symbol.dispose]: () => server.close() };
}

test("A container that goes while the engine is asked is left out; an image that is not there is none.", async () => {
  using docker = await engine("gone.sock", ({ url = "" }, response) => {
    if (url === "/containers/json?all=1") {
      return response.end(
        '[{"Id":"1","State":"running"},{"Id":"2","State":"exited"},{"Id":"3","State":"running"}]',
      );
    }
    if (url === "/containers/1/json")
      return response.writeHead(404).end('{"message":"No such container: 1"}');
    if (url.startsWith("/images/")) return response.writeHead(404).end('{"message":"No such image: vllm:1"}');
    return response.end(JSON.stringify({ url }));
  });

  const report = await engineReport(docker.address, ["vllm:1"]);

  expect(report).toMatchObject({ running: [{ url: "/containers/3/json" }], images: { "vllm:1": undefined } });
});

test.each(['{"message":"no"}', "[null, 7]"])(
  "A list of containers like %s brings nothing down.",
  async (body) => {
    using docker = await engine("odd.sock", (_request, response) => response.end(body));

    expect(await engineReport(docker.address, [])).toMatchObject({ listed: JSON.parse(body), running: [] });
  },
);

test("An answer that is no JSON is a failure in words.", async () => {
  using docker = await engine("page.sock", (_request, response) => response.end("<html>"));

  expect(await engineReport(docker.address, [])).toEqual({ failure: expect.stringContaining("JSON") });
});

test("An engine that does not answer is a failure in words.", async () => {
  expect(await engineReport(local, [])).toEqual({
    failure: expect.stringContaining("GET /version: connect ENOENT"),
  });
});
