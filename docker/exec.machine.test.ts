import { expect, test } from "vitest";
import { execute } from "./exec.ts";
import { command, engine, startContainer } from "./testing/containers.ts";

let name: string;

const node = (script: string, ...args: string[]) => execute(engine, name, ["node", "-e", script, ...args]);

test("It gives what a command writes, whole and in order, and its exit code; arguments are data.", async () => {
  name = await startContainer();
  const argument = "$(id) 'ü' \n\\";

  const result = await node(
    "const [, text] = process.argv; console.error('!'); process.stdout.write(text + 'x'.repeat(100_000)); process.exitCode = 7",
    argument,
  );

  expect(result).toEqual({ exitCode: 7, stdout: argument + "x".repeat(100_000), stderr: "!\n" });
});

test("Standard input stays open while the command runs.", async () => {
  name = await startContainer();

  const result = await node(
    "process.stdin.resume().on('end', () => console.log('ended')); setTimeout(() => process.exit(), 500)",
  );

  expect(result).toEqual({ exitCode: 0, stdout: "", stderr: "" });
});

test("When the caller goes away, the command's standard input ends.", async () => {
  name = await startContainer();
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
  name = await startContainer();
  await command(name, "stop?t=0");

  const stopped = await node("");
  const absent = await execute(engine, "ascend-pd-no-such-container", ["node"]);

  expect(stopped).toEqual({ status: 409, refusal: expect.stringContaining("is not running") });
  expect(absent).toEqual({ status: 404, refusal: expect.stringContaining("No such container") });
});
