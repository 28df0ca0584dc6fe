import { expect, test } from "vitest";
import { sampleAnswer } from "../docker/testing/sample-answer.ts";
import { serveEngine } from "../docker/testing/servers.ts";
import { sampleHosts } from "../host-checks/testing/sample-report.ts";
import { look } from "./look.ts";
import { droppingSsh } from "./testing/dropping-ssh.ts";

const [wanted] = sampleHosts();
if (wanted === undefined) throw new Error("the sample has two hosts");
const version = { Version: "28.0", ApiVersion: "1.48", Arch: "arm64" };
const info = { DockerRootDir: "/var/lib/docker" };
const empty = { "/version": version, "/info": info, "/containers/json?all=1": [] };

/** What is seen of an engine, a stand-in, that answers so by path, and what else it was asked. */
const seen = async (answers: Readonly<Record<string, unknown>>) => {
  const asked: string[] = [];
  const docker = await serveEngine(({ url = "" }, response) => {
    if (Object.hasOwn(answers, url)) return response.end(JSON.stringify(answers[url]));
    asked.push(url);
    response.writeHead(404).end('{"message":"there is no such thing"}');
  });
  const { engine } = await look({ ...wanted, docker });
  return { engine, asked };
};

test("A container that goes while the engine is asked is left out; an image that is not there is none.", async () => {
  const { engine } = await seen({
    ...empty,
    "/containers/json?all=1": [
      { Id: "1", State: "running" },
      { Id: "2", State: "paused" },
    ],
    "/containers/2/json": sampleAnswer("two"),
  });

  expect(engine).toMatchObject({ value: { alive: [{ Name: "/two" }], images: new Map() } });
});

test("Those that run, are paused or are restarting are looked at, and no others.", async () => {
  const states = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];

  const { asked } = await seen({
    ...empty,
    "/containers/json?all=1": states.map((State) => ({ Id: State, State })),
  });

  expect(asked.filter((path) => path.startsWith("/containers/"))).toEqual([
    "/containers/running/json",
    "/containers/paused/json",
    "/containers/restarting/json",
  ]);
});

test.each([
  ["/containers/json?all=1", { message: "no" }, "the list of containers is not as Docker says it"],
  ["/containers/json?all=1", [null], "the list of containers.0 is not as Docker says it"],
  ["/info", "<html>", "the information is not as Docker says it"],
])("An engine that says of %s %j is none, in words.", async (path, answer, why) => {
  const { engine } = await seen({ ...empty, [path]: answer });

  expect(engine).toEqual({ unreadable: expect.stringContaining(`failed GET ${path}: ${why}`) });
});

test("An engine that does not answer is none, in words.", async () => {
  const { engine } = await look({ ...wanted, docker: "unix:///nowhere/docker.sock" });

  expect(engine).toEqual({ unreadable: expect.stringContaining("connect ENOENT") });
});

test("Over SSH, a host that drops connections is asked again.", async () => {
  const docker = await serveEngine(({ url = "" }, response) =>
    url in empty
      ? response.end(JSON.stringify(empty[url as keyof typeof empty]))
      : response.writeHead(404).end("{}"),
  );
  const started = await droppingSsh(docker);

  const { engine, reached } = await look({ ...wanted, docker: "ssh://root@10.0.0.18" });

  expect(engine).toMatchObject({ value: { version } });
  expect(reached).toBe(true);
  expect((await started()).filter((kind) => kind === "sh")).toHaveLength(2);
});
