import { isIPv6 } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bracketed, canonical, isIpv6, isLoopback, isUnicast } from "./addresses.ts";

test.each([
  ["2001:DB8:0:0::1", "2001:db8::1"],
  ["2001:db8:0:0:0:0:0:1", "2001:db8::1"],
  ["2001:0db8:0001::0:1", "2001:db8:1::1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["::FFFF:10.0.0.18", "10.0.0.18"],
  ["::ffff:a00:12", "10.0.0.18"],
  ["::10.0.0.18", "::a00:12"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["10.0.0.18", "10.0.0.18"],
  ["localhost", "localhost"],
  ["fe80::1%eth0", "fe80::1%eth0"],
  ["not:an:address", "not:an:address"],
])("%s is written %s.", (text, expected) => {
  expect(canonical(text)).toBe(expected);
});

test("However an IPv6 address is written, it is written one way, and stays the same address.", () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const written = canonical(address);
      expect(canonical(written)).toBe(written);
      expect(canonical(address.toUpperCase())).toBe(written);
      if (isIpv6(written)) expect(new URL(`http://${bracketed(address)}`).hostname).toBe(`[${written}]`);
    }),
  );
});

test("What is an IPv6 address, Node says too, but for zones.", () => {
  const text = fc.oneof(fc.ipV6(), fc.ipV4(), fc.stringMatching(/^[0-9a-f:.%]{1,40}$/));
  fc.assert(
    fc.property(text, (one) => {
      expect(isIpv6(one)).toBe(isIPv6(one) && !one.includes("%"));
    }),
  );
});

test.each([
  ["127.0.0.1", true, false],
  ["localhost", true, false],
  ["::1", true, false],
  ["0:0::1", true, false],
  ["::ffff:127.0.0.1", true, false],
  ["10.0.0.18", false, true],
  ["2001:db8::1", false, true],
  ["fd00::1", false, true],
  ["::", false, false],
  ["0.0.0.0", false, false],
  ["fe80::1", false, false],
  ["FEBF::1", false, false],
  ["fec0::1", false, true],
  ["ff02::1", false, false],
  ["::ffff:169.254.0.1", false, false],
])("%s: loopback %s, reached from other machines %s.", (address, loopback, unicast) => {
  expect([isLoopback(address), isUnicast(address)]).toEqual([loopback, unicast]);
});

test("An IPv6 address stands in brackets in a URL, and nothing else does.", () => {
  expect(["::1", "10.0.0.18", "host-a"].map(bracketed)).toEqual(["[::1]", "10.0.0.18", "host-a"]);
});
