import fc from "fast-check";
import { expect, test } from "vitest";
import { members } from "./json.ts";
import { mismatch, transferParams } from "./transfer.ts";

const issue = (): string =>
  transferParams(
    { kvConnector: "NixlConnector", kvHost: "10.0.0.18", port: 8088, tensorParallelSize: 2, blockSize: 16 },
    "engine",
    "cmpl-1-0-ab",
    [3, 4],
    30,
  );

const kv = { promptHash: "hash", sampleHash: "", content: "", blocks: [] };
const leaseOf = (text: string) => ({ blocks: [3, 4], kv, params: members(text) });

test("Parameters that come back as they were issued are accepted, whatever is added or moved.", () => {
  const issued = issue();
  const returned = members(`{"extra": 1, ${issued.slice(1)}`);

  expect(mismatch(leaseOf(issued), "hash", returned)).toBeUndefined();
});

test("Parameters that were parsed and serialised again are refused: transfer_id has lost digits.", () => {
  fc.assert(
    fc.property(fc.constant(null), () => {
      const issued = issue();
      const returned = members(JSON.stringify(JSON.parse(issued)));

      expect(mismatch(leaseOf(issued), "hash", returned)).toMatch(
        /^transfer_id was \d{19}, came back as \d+$/,
      );
    }),
  );
});

test.each([...members(issue()).keys()].filter((name) => name !== "remote_host" && name !== "remote_port"))(
  "A changed or missing %s is refused by name.",
  (name) => {
    const issued = issue();
    const changed = new Map(members(issued)).set(name, "7");
    const missing = new Map(members(issued));
    missing.delete(name);

    expect(mismatch(leaseOf(issued), "hash", changed)).toContain(`${name} was `);
    expect(mismatch(leaseOf(issued), "hash", missing)).toContain(`${name} was `);
  },
);

test("Another address of the same instance is accepted.", () => {
  const issued = issue();
  const returned = new Map(members(issued)).set("remote_host", `"host-a"`).set("remote_port", "9");

  expect(mismatch(leaseOf(issued), "hash", returned)).toBeUndefined();
});

test("Another prompt is refused.", () => {
  const issued = issue();

  expect(mismatch(leaseOf(issued), "other", members(issued))).toContain("another prompt");
});
