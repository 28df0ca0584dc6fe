import { expect, test } from "vitest";
import { startContainer } from "../docker/testing/containers.ts";
import { type LogLine, readLines } from "./follow.ts";

const host = { name: "local", address: "127.0.0.1" };

function read(container: string, follow: boolean, until: (lines: LogLine[]) => boolean = () => false) {
  const lines: LogLine[] = [];
  const stop = new AbortController();
  const done = readLines(host, container, { tail: 20, follow, signal: stop.signal }, (line) => {
    lines.push(line);
    if (until(lines)) stop.abort();
  });
  return done.then(() => lines);
}

test("The last lines of a container that has ended are read, of both streams, as they were written.", async () => {
  const container = await startContainer(
    // Of two streams the engine keeps no order but that of their coming.
    "for (let i = 0; i < 30; i++) console.log('line', i); setTimeout(() => console.error('語 at the end'), 1000)",
  );
  const last = async () => (await read(container, false)).at(-1)?.stream;
  await expect.poll(last, { timeout: 120_000 }).toBe("stderr");

  const lines = await read(container, false);

  expect(lines.at(-1)).toMatchObject({ stream: "stderr", text: "語 at the end" });
  expect(lines[0]).toMatchObject({ stream: "stdout", text: "line 11" });
  expect(lines.every(({ time }) => /^\d{4}-\d\d-\d\dT/.test(time))).toBe(true);
});

test("A container is followed over its restarts, each line once.", async () => {
  const container = await startContainer("console.log('run', Date.now())", {
    hostConfig: { RestartPolicy: { Name: "unless-stopped" } },
  });

  const lines = await read(container, true, (seen) => seen.length === 4);

  const texts = lines.map(({ text }) => text);
  expect(new Set(texts).size).toBe(4);
  expect(texts.every((text) => text.startsWith("run "))).toBe(true);
});

test("A container that is not there is an error in the engine's words, also when it was to be followed.", async () => {
  await expect(read("ascend-pd-none", true)).rejects.toThrow("No such container: ascend-pd-none");
});
