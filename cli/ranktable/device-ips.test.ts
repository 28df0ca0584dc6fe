import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatProblems } from "../../problems/problem.ts";
import { fakeHccnTool, ipaddr } from "../testing/hccn-tool.ts";
import { inTemporaryFolder } from "../testing/temporary-folder.ts";
import { deviceIps } from "./device-ips.ts";

const folder = inTemporaryFolder();

/** What is found with these answers of hccn_tool and this hccn.conf; undefined: it is not there. */
function ask(answers: Readonly<Record<number, string>> | undefined, conf: string | undefined, devices = [4]) {
  const hccnTool = answers === undefined ? join(folder(), "absent") : fakeHccnTool(folder(), answers);
  const hccnConf = join(folder(), "hccn.conf");
  if (conf !== undefined) writeFileSync(hccnConf, conf);
  return deviceIps(devices, { hccnTool, hccnConf });
}

/** The same, where nothing is refused. */
async function addresses(...args: Parameters<typeof ask>) {
  const result = await ask(...args);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result;
}

/** The text of the refusal. */
async function refusal(...args: Parameters<typeof ask>): Promise<string> {
  const result = await ask(...args);
  return "problems" in result ? formatProblems("gen", result.problems) : "";
}

test("hccn_tool is asked once for each NPU, without a shell, and believed.", async () => {
  const { ipOf, warnings } = await addresses(
    { 4: ipaddr("29.0.0.22"), 5: ipaddr("29.0.0.23") },
    "address_4=29.0.0.22\naddress_5=29.0.0.23\n",
    [4, 5],
  );

  expect([ipOf(4), ipOf(5)]).toEqual(["29.0.0.22", "29.0.0.23"]);
  expect(warnings).toEqual([]);
  expect(readFileSync(join(folder(), "calls"), "utf8")).toBe("-i 4 -ip -g\n-i 5 -ip -g\n");
});

test("Where hccn.conf differs, hccn_tool's address is used and the difference told.", async () => {
  const { ipOf, warnings } = await addresses({ 4: ipaddr("29.0.0.22") }, "address_4=29.0.0.99\n");

  expect(ipOf(4)).toBe("29.0.0.22");
  expect(warnings).toEqual([
    expect.stringMatching(
      /^NPU 4: hccn_tool says 29\.0\.0\.22, which is used; .*hccn\.conf says 29\.0\.0\.99$/,
    ),
  ]);
});

test.each([
  ["has no address", "", /hccn_tool has no address for it/],
  ["prints a blank", ipaddr("-.-.-.-"), /it printed "ipaddr:-\.-\.-\.-"/],
  ["prints a masked address", ipaddr("29.**.**.22"), /it printed "ipaddr:29/],
  ["prints a loopback address", ipaddr("127.0.0.1"), /127\.0\.0\.1, which leads nowhere/],
  ["fails", "sh:echo 'open device: permission denied' >&2; exit 13", /permission denied/],
  ["fails with a colon in its complaint", "sh:echo 'error: cause: 29.0.0.77'; exit 1", /error: cause/],
  ["prints without end", "sh:yes 29.0.0.22", /ENOBUFS/],
  ["dies", "sh:kill -9 $$", /it printed nothing/],
])("Where hccn_tool %s, hccn.conf is used, with a warning that tells why.", async (_, answer, reason) => {
  const { ipOf, warnings } = await addresses({ 4: answer }, "address_4=29.0.0.99\n");

  expect(ipOf(4)).toBe("29.0.0.99");
  expect(warnings).toEqual([expect.stringMatching(/^NPU 4: 29\.0\.0\.99 is from .*is it in force\?$/)]);
  expect(warnings[0]).toMatch(reason);
});

test("Without hccn_tool, hccn.conf is used, and that is told.", async () => {
  const { ipOf, warnings } = await addresses(undefined, "address_4=29.0.0.22\n");

  expect(ipOf(4)).toBe("29.0.0.22");
  expect(warnings[0]).toMatch(/^hccn_tool is neither .*absent nor on PATH$/);
});

test("An NPU without a usable address is refused with what both said; others do not hide it.", async () => {
  const answers = { 4: "", 5: ipaddr("0.0.0.0"), 6: ipaddr("29.0.0.24") };

  const text = await refusal(answers, "address_5=-.-.-.-\n", [4, 5, 6]);

  expect(text).toMatch(/PD122 NPU 4 .*hccn_tool has no address for it; .*hccn\.conf has no address/);
  expect(text).toMatch(/PD122 NPU 5 .*0\.0\.0\.0, which leads nowhere; .*it has "-\.-\.-\.-"/);
  expect(text).toMatch(/fix: as root, see what `.*hccn_tool -i 4 -ip -g`/);
  expect(text).not.toMatch(/NPU 6/);
});

test("With neither source, both are named.", async () => {
  expect(await refusal(undefined, undefined)).toMatch(
    /hccn_tool was not found; .*hccn\.conf: there is no such file/,
  );
});

test("Two NPUs with one address are refused.", async () => {
  const text = await refusal({ 4: ipaddr("29.0.0.22"), 5: ipaddr("29.0.0.22") }, undefined, [4, 5]);

  expect(text).toMatch(/PD123 NPU 5 {2}has 29\.0\.0\.22, as NPU 4 has/);
});
