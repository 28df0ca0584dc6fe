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
    "const note = (name) => require('fs').writeFileSync('/dev/shm/' + name, '');" +
    "process.stdin.resume().on('end', () => { note('left'); process.exit() }); note('begun')";
  const running = execute(engine, name, ["node", "-e", script], caller.signal);
  const noted = async (file: string) => {
    const seen = await node(`console.log(require('fs').existsSync('/dev/shm/${file}'))`);
    return "stdout" in seen && seen.stdout;
  };
  await expect.poll(() => noted("begun"), { timeout: 120_000 }).toBe("true\n");
  caller.abort();

  await expect(running).rejects.toThrow("aborted");
  await expect.poll(() => noted("left"), { timeout: 120_000 }).toBe("true\n");
});

test("A container that does not run, or is not there, is refused in the engine's words.", async () => {
  name = await startContainer();
  await command(name, "stop?t=0");

  const stopped = await node("");
  const absent = await execute(engine, "ascend-pd-no-such-container", ["node"]);

  expect(stopped).toEqual({ status: 409, refusal: expect.stringContaining("is not running") });
  expect(absent).toEqual({ status: 404, refusal: expect.stringContaining("No such container") });
});
