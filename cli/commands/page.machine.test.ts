import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { expect, onTestFinished, test, vi } from "vitest";
import { stringify } from "yaml";
import { command, logOf, startContainer } from "../../docker/testing/containers.ts";
import { snapshot } from "../../page/testing/snapshots.ts";
import { adminSocket } from "../../planning/engines/scheduler.ts";
import { readStackFile } from "../stack-file.ts";
import { inProjectFolder } from "../testing/run-command.ts";

// With a container that stands in for the scheduler's.
inProjectFolder();
const cli = new URL("../main.ts", import.meta.url).pathname;
const until = (met: () => boolean | Promise<boolean>) => vi.waitUntil(met, { timeout: 50_000 });

function newStack(): string {
  const stack = `page-${randomUUID()}`;
  const deployment = readStackFile("sim-1p1d").deployment;
  writeFileSync(`stacks/Pulumi.${stack}.yaml`, stringify({ config: { "ascend-pd:deployment": deployment } }));
  return stack;
}

/** A scheduler's administration, which says when somebody begins and ceases to watch. */
function administration(stack: string, line: string): Promise<string> {
  return startContainer(
    `require("http").createServer((request, response) => {
      console.log("asked " + request.url);
      const timer = setInterval(() => response.write(${JSON.stringify(`${line}\n`)}), 100);
      response.on("close", () => { clearInterval(timer); console.log("left"); });
    }).listen("${adminSocket}", () => console.log("listening"))`,
    { name: `${stack}-scheduler` },
  );
}

/** The page's address, once the command has told it. Ends with the test. */
async function served(stack: string): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, [cli, "page", stack]);
  onTestFinished(async () => {
    child.kill();
    await once(child, "close");
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text) => (output += text));
  await until(() => output.includes("shows"));
  return /http:\S+/.exec(output)?.[0] ?? "";
}

/** What the page's feed tells, until the test or `leave`. */
async function viewer(url: string) {
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  const answer = await fetch(`${url}feed`, { signal: leaving.signal });
  let heard = "";
  void (async () => {
    for await (const piece of answer.body ?? []) heard += Buffer.from(piece).toString();
  })().catch(() => {});
  return { heard: () => heard, leave: () => leaving.abort() };
}

test("A stack is shown by what its scheduler says inside its container, while somebody looks, and no longer.", async () => {
  const stack = newStack();
  const container = await administration(stack, JSON.stringify(snapshot(1, { models: ["Modell für alle"] })));
  await until(async () => (await logOf(container)).includes("listening"));
  const url = await served(stack);
  expect(await (await fetch(url)).text()).toContain("<title>ascend-pd</title>");
  expect(await logOf(container)).not.toContain("asked");

  const eye = await viewer(url);
  await until(() => eye.heard().includes("event: snapshot"));
  expect(eye.heard()).toContain(`"stack":"${stack}"`);
  expect(eye.heard()).toContain("Modell für alle");
  eye.leave();

  await until(async () => (await logOf(container)).includes("left"));
  expect((await logOf(container)).match(/asked/g)).toHaveLength(1);
});

test("What keeps a stack from being shown is told, and once it is gone the stack is shown.", async () => {
  const stack = newStack();
  const eye = await viewer(await served(stack));
  await until(() => eye.heard().includes("event: trouble"));
  expect(eye.heard()).toContain(`${stack}-scheduler on local tells nothing: No such container`);

  const container = await administration(stack, '{"of":"another version"}');
  await until(() => eye.heard().includes("says what this version does not understand"));
  await command(container, "kill");
  await until(() => eye.heard().includes("is not running"));
  expect(eye.heard()).not.toContain("event: snapshot");
});
