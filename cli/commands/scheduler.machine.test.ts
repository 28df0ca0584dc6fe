import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { command, logOf, startContainer } from "../../docker/testing/containers.ts";
import { adminSocket } from "../../planning/engines/scheduler.ts";
import { readStackFile } from "../stack-file.ts";
import { inProjectFolder, keepConsole, printed } from "../testing/run-command.ts";
import { scheduler } from "./scheduler.ts";

// `--stack`, with containers that stand in for the scheduler's.
inProjectFolder();
keepConsole();
const stack = `machine-${randomUUID()}`;

function writeStack(changes: object): void {
  const deployment = { ...(readStackFile("sim-1p1d").deployment as object), ...changes };
  writeFileSync(`stacks/Pulumi.${stack}.yaml`, stringify({ config: { "ascend-pd:deployment": deployment } }));
}

test("An instance can be named by its container: the scheduler's own names may be others by then.", async () => {
  writeStack({ decode: [{ host: "local", devices: [6, 7], port: 18999 }] });
  const container = await startContainer(
    `require("http").createServer((request, response) => {
      request.on("data", (body) => console.log("asked " + request.url + body));
      response.end('{"instance":"decode-3","drained":true}');
    }).listen("${adminSocket}", () => console.log("listening"))`,
    { name: `${stack}-scheduler` },
  );
  await expect.poll(() => logOf(container), { timeout: 120_000 }).toContain("listening");

  const code = await scheduler.run(["drain", `${stack}-decode-0`, "--stack", stack, "--deadline=1"]);

  expect(await logOf(container)).toContain(
    'asked /drain{"instance":"127.0.0.1:18999","force":false,"deadline":1}',
  );
  expect([code, printed("log")]).toEqual([0, "decode-3 is drained: nothing needs it any more"]);
});

test.each([
  ["there is none", async () => {}, `No such container: ${stack}-scheduler`],
  ["it has stopped", (name: string) => start(name, "stop?t=0"), "is not running"],
  ["it is paused", (name: string) => start(name, "pause"), "is paused"],
  [
    "another program runs in it",
    (name: string) => startContainer(undefined, { name }),
    "there is no such socket",
  ],
])("Where no scheduler answers because %s, the command that says more is named.", async (_, begin, why) => {
  writeStack({});
  await begin(`${stack}-scheduler`);

  const code = await scheduler.run(["state", "--stack", stack, "--json"]);

  expect(JSON.parse(printed("log"))).toEqual({
    error: {
      code: "unreachable",
      message: expect.stringMatching(
        `^no scheduler can be administered in ${stack}-scheduler on local: .*${why}`,
      ),
      fix: `\`ascend-pd drift ${stack}\` says what is not as planned there, and what mends it`,
    },
  });
  expect(code).toBe(1);
});

async function start(name: string, verb: string): Promise<void> {
  await startContainer(undefined, { name });
  await command(name, verb);
}
