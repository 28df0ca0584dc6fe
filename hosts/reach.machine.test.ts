import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { deadUrl } from "../docker/testing/servers.ts";
import { unreachableHosts } from "./reach.ts";

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6GE0bSjXCpjpmUqc8vRmqL3rTLTBSrvJsQ/UIoTn0Z";
const local = { name: "local", address: "127.0.0.1" };

test("A host whose Docker Engine answers is not mentioned.", async () => {
  expect(await unreachableHosts([local])).toEqual([]);
});

test("Each host without an engine is named, with the endpoint and the reason.", async () => {
  const hosts = ["host-a", "host-b"].map((name) => ({
    ...local,
    name,
    docker: `unix:///nowhere/${name}.sock`,
  }));

  const messages = await unreachableHosts(hosts);

  expect(messages).toEqual(
    hosts.map(({ name, docker }) =>
      expect.stringMatching(`^${name}: no Docker Engine answers at ${docker}: .*ENOENT.*\nfix: `),
    ),
  );
});

const withSsh = test.skipIf(!existsSync("/usr/bin/ssh"));

withSsh("When nobody listens behind ssh://, what `ssh` said is told, and how to try by hand.", async () => {
  const { port } = new URL(await deadUrl());
  const docker = `ssh://root@127.0.0.1:${port}`;

  const [message] = await unreachableHosts([{ ...local, name: "host-a", docker, hostKey }]);

  expect(message).toContain(
    `host-a: no Docker Engine answers through ${docker}: ssh: connect to host 127.0.0.1 port ${port}`,
  );
  expect(message).toContain(`\`ssh ${docker} docker version\``);
});

withSsh("A host that accepts a connection and then says nothing is given up.", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.once("listening", resolve));
  const address = silent.address();
  const docker = `ssh://root@127.0.0.1:${typeof address === "object" && address?.port}`;

  const [message] = await unreachableHosts([{ ...local, name: "host-a", docker, hostKey }]);

  expect(message).toContain(`host-a: no Docker Engine answers through ${docker}: `);
  expect(message).not.toContain("\r");
  silent.close();
});
