import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { deadUrl } from "../docker/testing/servers.ts";
import { reasonOf } from "./ready-path.ts";

test("The reason of a failed fetch is its cause, and of several addresses the last one's.", async () => {
  const url = await deadUrl();
  const { port } = new URL(url);
  const oneAddress: Error = await fetch(url).catch((error) => error);
  // As `localhost` is where it has an IPv6 address too.
  const socket = connect({
    port: Number(port),
    lookup: (_name, _options, found) =>
      found(null, [
        { address: "127.0.0.2", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ]),
  });
  const [cause] = await once(socket, "close").catch((error) => [error]);

  const reasons = [reasonOf(oneAddress), reasonOf(new TypeError("fetch failed", { cause }))];

  expect(cause).toBeInstanceOf(AggregateError);
  expect(reasons).toEqual([
    `connect ECONNREFUSED 127.0.0.1:${port}`,
    `connect ECONNREFUSED 127.0.0.1:${port}`,
  ]);
});
