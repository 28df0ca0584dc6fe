import { randomUUID } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { defaultHost, expectEngine } from "./docker-api.ts";
import { execute } from "./docker-exec.ts";

const engine = process.env.DOCKER_HOST || defaultHost;
let name: string;

afterEach(() => expectEngine(engine, `/containers/${name}?force=1`, { method: "DELETE" }));

async function startIdle(): Promise<void> {
  name = `ascend-pd-exec-${randomUUID()}`;
  await expectEngine(engine, `/containers/create?name=${name}`, {
    method: "POST",
    json: {
      Image: process.env.ASCEND_PD_NODE_IMAGE,
      Entrypoint: ["node", "-e", "setInterval(() => {}, 1000)"],
      HostConfig: { NetworkMode: "host" },
    },
  });
  await expectEngine(engine, `/containers/${name}/start`, { method: "POST" });
}

const node = (script: string, ...args: string[]) => execute(engine, name, ["node", "-e", script, ...args]);

test("It gives what a command writes, whole and in order, and its exit code; arguments are data.", async () => {
  await startIdle();
  const argument = "$(id) 'ü' \n\\";

  const result = await node(
    "const [, text] = process.argv; console.error('!'); process.stdout.write(text + 'x'.repeat(100_000)); process.exitCode = 7",
    argument,
  );

  expect(result).toEqual({ exitCode: 7, stdout: argument + "x".repeat(100_000), stderr: "!\n" });
});

test("Standard input stays open while the command runs.", async () => {
  await startIdle();

  const result = await node(
    "process.stdin.resume().on('end', () => console.log('ended')); setTimeout(() => process.exit(), 500)",
  );

  expect(result).toEqual({ exitCode: 0, stdout: "", stderr: "" });
});

test("When the caller goes away, the command's standard input ends.", async () => {
  await startIdle();
  const caller = new AbortController();
  const script =
    "process.stdin.resume().on('end', () => { require('fs').writeFileSync('/dev/shm/left', ''); process.exit() })";
  const running = execute(engine, name, ["node", "-e", script], caller.signal);
  setTimeout(() => caller.abort(), 500);

  await expect(running).rejects.toThrow("aborted");

  const seen = "console.log(require('fs').existsSync('/dev/shm/left'))";
  await expect
    .poll(() => node(seen), { timeout: 30_000 })
    .toEqual({ exitCode: 0, stdout: "true\n", stderr: "" });
});

test("A container that does not run, or is not there, is refused in the engine's words.", async () => {
  await startIdle();
  await expectEngine(engine, `/containers/${name}/stop?t=0`, { method: "POST" });

  const stopped = await node("");
  const absent = await execute(engine, "ascend-pd-no-such-container", ["node"]);

  expect(stopped).toEqual({ status: 409, refusal: expect.stringContaining("is not running") });
  expect(absent).toEqual({ status: 404, refusal: expect.stringContaining("No such container") });
});
