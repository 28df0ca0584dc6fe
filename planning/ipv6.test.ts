import { expect, test } from "vitest";
import { plan } from "./make-plan.ts";
import type { Plan } from "./plan.ts";
import { sshEndpoint } from "./ssh-endpoint.ts";
import { changedInput, onVllmAscend } from "./testing/sample-input.ts";

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA";
const onIpv6 = {
  "hosts.host-a.address": "2001:DB8:0:0::18",
  "hosts.host-a.docker": "ssh://root@[2001:DB8:0:0::18]",
  "hosts.host-b.address": "2001:db8::19",
  "hosts.host-b.docker": "ssh://root@[2001:db8::19]:2222",
  "hosts.host-b.hostKey": key,
};

function planned(changes: object): Plan {
  const result = plan("2p2d", changedInput({ ...changes }));
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

const problemsOf = (changes: object) => {
  const result = plan("2p2d", changedInput({ ...changes }));
  return "problems" in result ? result.problems.map(({ code, path }) => [code, path]) : [];
};

test("Addresses and endpoints are written one way, whichever way the stack file writes them.", () => {
  const { hosts, endpoint, rankTables } = planned({ ...onVllmAscend(), ...onIpv6 });

  expect(hosts.map(({ address, docker }) => [address, docker])).toEqual([
    ["2001:db8::18", "ssh://root@[2001:db8::18]"],
    ["2001:db8::19", "ssh://root@[2001:db8::19]:2222"],
  ]);
  expect(endpoint).toBe("http://[2001:db8::18]:9000");
  expect(rankTables.global.content).toContain('"server_ip": "2001:db8::18"');
  expect(rankTables.global.content).not.toMatch(/DB8|\[2001/);
});

test("vllm-ascend is told of the family, and listens at all addresses.", () => {
  const [prefill] = planned({ ...onVllmAscend(), ...onIpv6 }).containers;

  expect(prefill?.env).toMatchObject({
    HCCL_IF_IP: "2001:db8::18",
    VLLM_HOST_IP: "2001:db8::18",
    HCCL_SOCKET_FAMILY: "AF_INET6",
  });
  expect(prefill?.command).toContain("--host=::");
  expect(planned(onVllmAscend()).containers[0]?.env).not.toHaveProperty("HCCL_SOCKET_FAMILY");
});

test("No proxy stands before an address, with brackets or without.", () => {
  const allowed = { allow: [{ code: "PD153", reason: "tried" }], "scheduler.runtime": "ascendcloud" };

  const { env } = planned({ ...onIpv6, ...allowed }).containers.at(-1) ?? {};

  expect(env?.no_proxy).toBe("localhost,127.0.0.1,2001:db8::18,[2001:db8::18],2001:db8::19,[2001:db8::19]");
});

test("An IPv6 loopback address is listened at alone, and is one host's alone.", () => {
  const { containers } = planned({
    engine: { kind: "vllm" },
    hosts: { local: { address: "0:0::1" } },
    prefill: [{ host: "local", port: 8088 }],
    decode: [{ host: "local", port: 8089 }],
    scheduler: { host: "local", port: 9000 },
  });

  expect(containers.map(({ command }) => command.includes("--host=::1"))).toEqual([true, true, true]);
  expect(containers[0]?.env.VLLM_NIXL_SIDE_CHANNEL_HOST).toBe("::1");
  expect(problemsOf({ ...onVllmAscend(), ...onIpv6, "hosts.host-b.address": "::1" })).toContainEqual([
    "PD120",
    "hosts.host-b.address",
  ]);
});

test.each([
  [{ "hosts.host-b.address": "2001:db8:0:0:0:0:0:18" }, "PD121", "hosts.host-b.address"],
  [{ "hosts.host-b.docker": "ssh://root@[2001:0db8::0:18]" }, "PD151", "hosts.host-b.docker"],
  [{ "hosts.host-b.address": "fe80::1" }, "PD120", "hosts.host-b.address"],
  [{ "hosts.host-b.address": "ff02::1" }, "PD120", "hosts.host-b.address"],
  [{ "hosts.host-b.address": "::ffff:10.0.0.19" }, "PD152", "hosts.host-b.address"],
  [
    { "decode[1].extraEnv": { VLLM_NIXL_SIDE_CHANNEL_HOST: "2001:db8::18" } },
    "PD129",
    "decode[1].extraEnv.VLLM_NIXL_SIDE_CHANNEL_HOST",
  ],
  [
    { "decode[1].extraEnv": { NCCL_SOCKET_IFNAME: "2001:db8:1:2:3:4:5:6" } },
    "PD139",
    "decode[1].extraEnv.NCCL_SOCKET_IFNAME",
  ],
  [{ "hosts.host-b.hostKey": undefined }, "PD150", "hosts.host-b.hostKey"],
])("%j is %s.", (changes, code, path) => {
  expect(problemsOf({ ...onVllmAscend(), ...onIpv6, ...changes })).toEqual(
    expect.arrayContaining([[code, path]]),
  );
});

test("An instance's own address is that of its host, however it is written.", () => {
  const changes = {
    ...onVllmAscend(),
    ...onIpv6,
    "decode[1].extraEnv": { VLLM_NIXL_SIDE_CHANNEL_HOST: "2001:DB8:0::19" },
  };

  expect(problemsOf(changes)).toEqual([]);
});

test("An address that stands for an IPv4 one is that.", () => {
  const mapped = planned({ "hosts.host-a.address": "::ffff:10.0.0.18" });

  expect(mapped).toEqual(planned({}));
});

test.each([
  ["ssh://root@[2001:DB8::1]:22", { user: "root", host: "2001:db8::1", port: "22" }],
  ["ssh://[::1]", { user: undefined, host: "::1", port: undefined }],
  ["ssh://ops@host-a", { user: "ops", host: "host-a", port: undefined }],
  ["ssh://root@10.0.0.18:2222", { user: "root", host: "10.0.0.18", port: "2222" }],
  ["ssh://root@2001:db8::1", undefined],
  ["ssh://root@[10.0.0.18]", undefined],
  ["ssh://root@[fe80::1%25eth0]", undefined],
  ["ssh://root@[::1]x", undefined],
  ["unix:///run/docker.sock", undefined],
])("The endpoint %s has the parts %j.", (endpoint, parts) => {
  expect(sshEndpoint(endpoint)).toEqual(parts);
});
