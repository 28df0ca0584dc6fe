import { expect, test } from "vitest";
import { serveEngine } from "../docker/testing/servers.ts";
import { plan } from "../planning/make-plan.ts";
import { obstacles } from "./obstacles.ts";

/** A plan for a host whose engine, a stand-in, answers so by path. */
async function planOn(answers: Readonly<Record<string, string>>) {
  const docker = await serveEngine(({ url = "" }, response) => {
    const body = answers[url];
    response.writeHead(body === undefined ? 500 : 200).end(body ?? JSON.stringify({ message: hostile }));
  });
  const result = plan("obstacles", {
    engine: { kind: "simulated" },
    model: { path: "/models/test", servedName: "test", maxModelLen: 4096, maxNumBatchedTokens: 4096 },
    hosts: { local: { address: "127.0.0.1", docker, deviceIps: { 4: "29.0.0.4", 5: "29.0.0.5" } } },
    prefill: [{ host: "local", devices: [4], port: 28188 }],
    decode: [{ host: "local", devices: [5], port: 28189 }],
    scheduler: { host: "local", port: 29100 },
  });
  if ("problems" in result) throw new Error("the stack breaks a rule");
  return result.plan;
}

const hostile = "\u001b[2J\u009bred\u202e\nfix: run this";
const shown = "\\u001b[2J\\u009bred\\u202e";
const version = { "/version": '{"Version":"28.0"}' };

test("A container that has the name of ours is shown, and can neither command a terminal nor add a line.", async () => {
  const other = {
    Id: hostile,
    Names: ["/obstacles-prefill-0"],
    Image: hostile,
    Labels: null,
    State: "running",
  };
  const onHost = await planOn({ ...version, "/containers/json?all=1": JSON.stringify([other]) });

  const messages = await obstacles(onHost);

  expect(messages).toEqual([
    expect.stringContaining(
      `not of this stack: ${shown}\\nfi, image ${shown}\\nfix: run this\nfix: on local`,
    ),
  ]);
});

test("What an engine says in place of an answer is no command to a terminal.", async () => {
  const messages = [await obstacles(await planOn({})), await obstacles(await planOn(version))];

  expect(messages).toEqual([
    [expect.stringContaining(`: ${shown}\nfix: run this`)],
    [expect.stringContaining(`: ${shown}\nfix: run this`)],
  ]);
});
