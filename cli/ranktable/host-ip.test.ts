import type { NetworkInterfaceInfo } from "node:os";
import { expect, test } from "vitest";
import { UserError } from "../user-error.ts";
import { hostIp } from "./host-ip.ts";

const ipv4 = (address: string): NetworkInterfaceInfo[] => [
  {
    address,
    family: "IPv4",
    netmask: "255.255.255.0",
    mac: "",
    internal: address.startsWith("127."),
    cidr: null,
  },
];
const lo = ipv4("127.0.0.1");

test("The only address is taken; loopback, link-local and Docker's bridges are none.", () => {
  const interfaces = { lo, eth0: ipv4("10.0.0.18"), eth1: ipv4("169.254.0.7"), docker0: ipv4("172.17.0.1") };

  expect(hostIp(undefined, interfaces)).toEqual({ ip: "10.0.0.18", warnings: [] });
});

test("Of several none is taken: each is shown as what to type.", () => {
  const interfaces = { lo, eth0: ipv4("10.0.0.18"), eth1: ipv4("192.168.7.18") };

  expect(() => hostIp(undefined, interfaces)).toThrow(UserError);
  expect(() => hostIp(undefined, interfaces)).toThrow(
    /several addresses\n.*\n {2}--host-ip 10\.0\.0\.18 {3}\(eth0\)\n {2}--host-ip 192\.168\.7\.18 {3}\(eth1\)$/,
  );
});

test("With loopback alone, there is none.", () => {
  expect(() => hostIp(undefined, { lo })).toThrow(/no IPv4 address .*\nfix: .*--host-ip ADDRESS/);
});

test.each([
  ["127.0.0.1", /does not lead here/],
  ["0.0.0.0", /does not lead here/],
  ["169.254.0.7", /does not lead here/],
  ["localhost", /is not an IPv4 address/],
  ["10.**.**.18", /is not an IPv4 address/],
  ["10.0.0", /is not an IPv4 address/],
  ["", /is not an IPv4 address/],
  ["fd00::2", /is not an IPv4 address/],
])("--host-ip %s is refused, with the address there is.", (given, message) => {
  const interfaces = { lo, eth0: ipv4("10.0.0.18") };

  expect(() => hostIp(given, interfaces)).toThrow(message);
  expect(() => hostIp(given, interfaces)).toThrow(/--host-ip 10\.0\.0\.18 {3}\(eth0\)/);
});

test("A given address is taken as it is; on no interface, with a warning.", () => {
  const interfaces = { lo, eth0: ipv4("10.0.0.18") };

  expect(hostIp("10.0.0.18", interfaces)).toEqual({ ip: "10.0.0.18", warnings: [] });
  expect(hostIp("10.0.0.19", interfaces)).toMatchObject({
    ip: "10.0.0.19",
    warnings: [expect.stringContaining("on no interface")],
  });
});
