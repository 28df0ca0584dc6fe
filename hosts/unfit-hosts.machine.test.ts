import { expect, test } from "vitest";
import { startContainer } from "../docker/testing/containers.ts";
import { serveEngine } from "../docker/testing/servers.ts";
import { wantedHosts } from "../host-checks/wanted.ts";
import { plan } from "../planning/make-plan.ts";
import { unfitHosts } from "./unfit-hosts.ts";

const stack = "first-container";

/** One prefill and one decode instance on this machine, which has no weights. */
function deployment(engine: object) {
  return {
    engine,
    model: { path: "/models/test", servedName: "test", maxModelLen: 4096, maxNumBatchedTokens: 4096 },
    hosts: {
      local: {
        address: "127.0.0.1",
        deviceIps: { 4: "29.0.0.4", 5: "29.0.0.5", 6: "29.0.0.6", 7: "29.0.0.7" },
      },
    },
    prefill: [{ host: "local", devices: [4, 5], port: 28088 }],
    decode: [{ host: "local", devices: [6, 7], port: 28089 }],
    scheduler: { host: "local", port: 29000 },
  };
}

const ascend = deployment({
  kind: "ascendcloud",
  image: "ascend-vllm:1",
  workDir: { source: "/none/models", target: "/models" },
});

function unfit(input: object): Promise<string[]> {
  const planned = plan(stack, input);
  if ("problems" in planned) throw new Error("the stack breaks a rule");
  return unfitHosts(wantedHosts(planned));
}

test("A host on which nothing is in the way is not mentioned.", async () => {
  expect(await unfit(deployment({ kind: "simulated" }))).toEqual([]);
});

test("What is certain to keep a host's first container from starting is named, with the check and the fix.", async () => {
  const messages = await unfit(ascend);

  expect(messages).toContainEqual(
    expect.stringMatching(/^local: there is no \/none\/models \(HC501\)\nfix: put it there, or correct /),
  );
  expect(messages).toContainEqual(expect.stringContaining("there is no /none/models/test (HC503)\nfix: "));
});

test("Where containers of the stack run already, nothing is looked at.", async () => {
  await startContainer(undefined, { labels: { "ascend-pd.stack": stack } });

  expect(await unfit(ascend)).toEqual([]);
});

test("What an engine says in place of an answer is no command to a terminal.", async () => {
  const docker = await serveEngine((_request, response) =>
    response.writeHead(500).end('{"message": "\\u001b[2J\\u009b31m\\u202e"}'),
  );

  const messages = await unfit({ ...ascend, hosts: { local: { ...ascend.hosts.local, docker } } });

  expect(messages).toEqual([expect.stringContaining(": \\u001b[2J\\u009b31m\\u202e")]);
});

test("An engine that is gone meanwhile is named, without a stack.", async () => {
  const gone = {
    ...ascend,
    hosts: { local: { ...ascend.hosts.local, docker: "unix:///nowhere/docker.sock" } },
  };

  const messages = await unfit(gone);

  expect(messages).toEqual([
    expect.stringContaining("the Docker Engine of local (unix:///nowhere/docker.sock) failed"),
  ]);
});
