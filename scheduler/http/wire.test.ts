import { expect, test } from "vitest";
import { client, get } from "../testing/client.ts";
import type { EngineCall } from "../testing/engine.ts";
import { startRig } from "../testing/rig.ts";
import { WIRE_CASES } from "../testing/wire-cases.ts";

test("Every case has its own name.", () => {
  const ids = WIRE_CASES.map(({ id }) => id);

  expect(new Set(ids).size).toBe(ids.length);
});

/** What an engine sees of any of them: whatever a client writes into its request makes nothing of this another. */
function expectMadeNew({ method, path, head, body, header }: EngineCall): void {
  const names = head
    .split("\r\n")
    .slice(1)
    .map((line) => line.slice(0, line.indexOf(":")).toLowerCase());
  expect([method, path]).toEqual(["POST", "/v1/completions"]);
  expect(names.toSorted()).toEqual(["content-length", "content-type", "host", "x-request-id"]);
  expect(header("content-length")).toEqual([String(Buffer.byteLength(body))]);
}

test.for(WIRE_CASES)("The wire case $id ($clause) ends as it should.", async (one) => {
  const { port, prefill } = await startRig();
  const connection = await client(port);
  const statuses: number[] = [];

  connection.send(Buffer.from(one.bytes, "latin1"));
  for (const _ of one.answers) statuses.push((await connection.answer()).status);
  connection.send(get("/livez"));
  const then = one.keeps ? (await connection.answer()).status : await connection.ended();

  expect(statuses).toEqual(one.answers);
  expect(then).toEqual(one.keeps ? 200 : "");
  expect(prefill[0]?.calls).toHaveLength(one.reaches);
  for (const call of prefill[0]?.calls ?? []) expectMadeNew(call);
});

const SHORT_CASES = WIRE_CASES.filter(({ bytes }) => bytes.length <= 600);

test.for(SHORT_CASES)("The wire case $id ends the same when it comes byte by byte.", async (one) => {
  const { port, prefill } = await startRig();
  const connection = await client(port);
  const statuses: number[] = [];

  for (const byte of Buffer.from(one.bytes, "latin1")) {
    connection.send(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const _ of one.answers) {
    const { status } = await connection.answer();
    statuses.push(status === 100 ? (await connection.answer()).status : status);
  }

  expect(statuses).toEqual(one.answers);
  expect(prefill[0]?.calls).toHaveLength(one.reaches);
});
