import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { readStackFile } from "../stack-file.ts";
import { inProjectFolder, keepConsole, printed } from "../testing/run-command.ts";
import { scheduler } from "./scheduler.ts";

// `--stack`, without a stack that is up; test/hosts.test.ts has that.
inProjectFolder();
keepConsole();
const stack = `unit-${randomUUID()}`;

function writeStack(changes: object): void {
  const deployment = { ...(readStackFile("sim-1p1d").deployment as object), ...changes };
  writeFileSync(`stacks/Pulumi.${stack}.yaml`, stringify({ config: { "ascend-pd:deployment": deployment } }));
}

test("The manual's scheduler cannot be administered, which is the stack file's to change.", async () => {
  const { scheduler: ours, ...rest } = readStackFile("1p1d").deployment as { scheduler: object };
  writeStack({ ...rest, scheduler: { ...ours, runtime: "ascendcloud" } });

  const state = () => scheduler.run(["state", "--stack", stack]);

  await expect(state).rejects.toThrow(
    `stacks/Pulumi.${stack}.yaml: the manual's own scheduler (runtime: ascendcloud) cannot be administered\nfix: `,
  );
});

test("A host whose Docker Engine does not answer is named.", async () => {
  writeStack({ hosts: { local: { address: "127.0.0.1", docker: "unix:///nowhere/docker.sock" } } });

  const code = await scheduler.run(["drain", "decode-0", "--stack", stack]);

  expect(printed("error")).toMatch(
    /^error: local: no Docker Engine answers at unix:\/\/\/nowhere\/docker\.sock: .*ENOENT.*\nfix: start it/,
  );
  expect([code, printed("log")]).toEqual([1, ""]);
});

const hostile = "\u001b]0;title\u0007\u001b[2J\u009b31m\u202e";
const shown = "\\u001b]0;title\\u0007\\u001b[2J\\u009b31m\\u202e";

/** What stands in for a scheduler, and is not to be trusted; gives its port as an option. */
async function answering(status: number, answer: object): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end(JSON.stringify(answer)));
  onTestFinished(() => void server.close().closeAllConnections());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `--port=${(server.address() as AddressInfo).port}`;
}

const state = {
  ready: true,
  draining: false,
  requests: hostile,
  instances: [
    {
      name: `${hostile}\ndecode-7`,
      address: hostile,
      healthy: true,
      inFlight: hostile,
      served: 1,
      failures: 0,
    },
  ],
};

test("What a scheduler answers is no command to a terminal, and no instance adds a line to the table.", async () => {
  const port = await answering(200, state);

  const code = await scheduler.run(["state", port]);

  const [, row = "", ...rest] = printed("log").split("\n");
  expect(row).toContain(`${shown}\\ndecode-7  ${shown}  `);
  expect(rest).toEqual(["", `ready, ${shown} requests in flight`]);
  expect(code).toBe(0);
});

test.each([
  [
    "drain",
    { instance: hostile, ended: "deadline", inFlight: hostile, kvHeld: 0 },
    `${shown} gets nothing new`,
  ],
  ["join", { instance: hostile, ended: hostile }, `${shown} does not answer`],
  ["reload", { added: [hostile], leaving: [], kept: [] }, `added: ${shown}\n`],
])("What a scheduler answers to %s is no command to a terminal.", async (action, answer, said) => {
  const port = await answering(200, answer);

  await scheduler.run([action, ...(action === "reload" ? [] : ["decode-0"]), port]);

  expect(printed("log")).toContain(said);
  expect(printed("log")).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
});

test("Why a scheduler refuses something is no command to a terminal.", async () => {
  const one = { code: hostile, message: hostile, fix: hostile };
  const port = await answering(422, { error: { ...one, problems: [one] } });

  await scheduler.run(["reload", port]);

  expect(printed("error")).toBe(`error: ${shown}\n  ${shown}\n    fix: ${shown}\nfix: ${shown}`);
});

test.each([
  [200, state],
  [409, { error: { code: hostile, message: hostile, fix: hostile } }],
])(
  "As JSON an answer of status %i has the same value, and is no command to a terminal.",
  async (status, answer) => {
    const port = await answering(status, answer);

    await scheduler.run(["state", port, "--json"]);

    expect(JSON.parse(printed("log"))).toEqual(answer);
    expect(printed("log")).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
  },
);
