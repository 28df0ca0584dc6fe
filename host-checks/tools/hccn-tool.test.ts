import { expect, test } from "vitest";
import { readHccnConf } from "./hccn-conf.ts";
import { readDeviceIp, readLink, readLinkChanges, readNetHealth, readTls, readVnic } from "./hccn-tool.ts";

test.each([
  ["ipaddr:29.0.0.22\nnetmask:255.255.255.0\n", "29.0.0.22"],
  ["ipaddr: 29.0.0.22\r\nnetmask: 255.255.0.0\r\n", "29.0.0.22"],
  ["", undefined],
  ["Get ipconf failed, because no ip was preset there!\n", undefined],
])("-ip -g printed %j: the address is %s.", (output, value) => {
  expect(readDeviceIp(output)).toEqual({ value });
});

test.each([
  ["ipaddr:-.-.-.-\n", 'it printed "ipaddr:-.-.-.-"'],
  ["ipaddr:10.**.**.22\n", 'it printed "ipaddr:10.**.**.22"'],
  ["ipaddr:\n", 'it printed "ipaddr:"'],
  ["ipaddr:29.0.0.256\n", 'it printed "ipaddr:29.0.0.256"'],
  ["[ERROR] open device: permission denied\n", 'it printed "[ERROR] open device: permission denied"'],
  ["ipv6_address:fd00::1\nprefix_length:64\n", 'it printed "ipv6_address:fd00::1"'],
])("-ip -g printed %j: that is no address, and is quoted.", (output, reason) => {
  expect(readDeviceIp(output)).toEqual({ unreadable: reason });
});

test("A link is up or down, and nothing else.", () => {
  expect(readLink("link status: UP\n")).toEqual({ value: "UP" });
  expect(readLink("link status: DOWN\n")).toEqual({ value: "DOWN" });
  expect(readLink("link status: up?\n")).toEqual({ unreadable: 'it printed "link status: up?"' });
});

test.each([
  ["Success", "good"],
  ["Socket fail", "fault"],
  ["Socket failed", "fault"],
  ["Receive timeout", "fault"],
  ["Unreachable", "fault"],
  ["Fault", "fault"],
  ["Detect ip set", "fault"],
  ["Init", "unclear"],
  ["Something new", "unclear"],
])("A net health of %s is judged as %s.", (status, verdict) => {
  expect(readNetHealth(`net health status: ${status}\n`)).toEqual({ value: { status, verdict } });
});

test.each([
  ["dev_id:0, tls switch[0](0:disable, 1:enable), tls alarm time threshold[60]days\n", false],
  ["dev_id:3, tls switch[1](0:disable, 1:enable), tls preconfigured[1](0:non-preset, 1:preset)\n", true],
  ["rs_ssl_init(1529) : TLS SWITCH (1)\n", true],
])("-tls -g printed %j: encryption is %s.", (output, value) => {
  expect(readTls(output)).toEqual({ value });
});

test("Where -tls -g is not supported, its answer is quoted.", () => {
  expect(readTls("Command execute failed!\n")).toEqual({
    unreadable: 'it printed "Command execute failed!"',
  });
});

test("The port inside an A3 host has a link and an address.", () => {
  const output = "vnic link status: UP\nvnic ipaddr: 192.168.2.199\nvnic netmask: 255.255.255.0\n";

  expect(readVnic(output)).toEqual({ value: { link: "UP", address: "192.168.2.199" } });
  expect(readVnic("vnic link status: UP\n")).toEqual({ unreadable: 'it printed "vnic link status: UP"' });
});

test.each(["devid", "device"])("What happened to a link is read, the latest first (%s).", (word) => {
  const output = `[${word} 0]current time        : Tue Oct 28 21:46:46 2025
[${word} 0]link up count       : 2
[${word} 0]link down count     : 1
[${word} 0]link change records :
[${word} 0]    Sun Oct  5 10:13:51 2025    LINK UP
[${word} 0]    Sun Oct  5 10:13:50 2025    LINK DOWN
`;

  expect(readLinkChanges(output)).toEqual({
    value: [
      { link: "UP", at: "Sun Oct  5 10:13:51 2025" },
      { link: "DOWN", at: "Sun Oct  5 10:13:50 2025" },
    ],
  });
});

test("A report without changes is empty; no report is unreadable.", () => {
  expect(readLinkChanges("[devid 0]link up count       : 0\n")).toEqual({ value: [] });
  expect(readLinkChanges("")).toEqual({ unreadable: "it printed nothing" });
});

test("/etc/hccn.conf is read by NPU, whatever the order of its lines.", () => {
  const text = `address_1=29.0.0.23
netmask_0=255.255.255.0
 address_0 = 29.0.0.22
gateway_0=29.0.0.1
#address_7=29.0.0.99
send_arp_status_0=1
`;

  expect([...readHccnConf(text)]).toEqual([
    [1, { value: "29.0.0.23" }],
    [0, { value: "29.0.0.22" }],
  ]);
});

test("In /etc/hccn.conf, what is no address or has several is unreadable.", () => {
  const conf = readHccnConf(
    "address_0=-.-.-.-\naddress_1=29.0.0.1\naddress_1=29.0.0.2\naddress_1=29.0.0.2\n",
  );

  expect(conf.get(0)).toEqual({ unreadable: 'it has "-.-.-.-"' });
  expect(conf.get(1)).toEqual({ unreadable: "it has several different addresses" });
});
