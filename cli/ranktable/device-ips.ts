import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { readHccnConf } from "../../host-checks/tools/hccn-conf.ts";
import { readDeviceIp } from "../../host-checks/tools/hccn-tool.ts";
import { type Reading, unreadable } from "../../host-checks/tools/reading.ts";
import { error, type Problem } from "../../problems/problem.ts";
import { repeated } from "../../problems/repeated.ts";
import { isUnicast } from "../../rank-tables/addresses.ts";
import { onPath } from "../../system/programs.ts";

/** Where the driver puts them. */
export const driverPaths = {
  hccnTool: "/usr/local/Ascend/driver/tools/hccn_tool",
  hccnConf: "/etc/hccn.conf",
};

export interface DeviceIps {
  readonly ipOf: (device: number) => string;
  readonly warnings: readonly string[];
}

/** What one source says of an NPU: its address, or in words why there is none. */
type Answer = { readonly ip: string } | { readonly none: string };

/**
 * Addresses of the NPUs' own network ports: those that `hccn_tool` reports, which the NPUs have now; else those of
 * /etc/hccn.conf, which they are given at boot. Problems: the NPUs that have none which can be used.
 */
export async function deviceIps(
  devices: readonly number[],
  paths = driverPaths,
): Promise<DeviceIps | { readonly problems: readonly Problem[] }> {
  const tool = existsSync(paths.hccnTool) ? paths.hccnTool : await onPath("hccn_tool");
  const conf = readConf(paths.hccnConf);
  const ips = new Map<number, string>();
  const warnings: string[] = [];
  const problems: Problem[] = [];
  if (tool === undefined) warnings.push(`hccn_tool is neither ${paths.hccnTool} nor on PATH`);
  for (const device of devices) {
    const now = tool === undefined ? { none: "hccn_tool was not found" } : asked(tool, device);
    const boot = answer(conf(device), paths.hccnConf);
    const chosen = "ip" in now ? now : boot;
    if ("none" in chosen) {
      problems.push(noAddress(device, [now, boot], tool ?? "hccn_tool"));
      continue;
    }
    ips.set(device, chosen.ip);
    if ("none" in now) {
      warnings.push(`NPU ${device}: ${chosen.ip} is from ${paths.hccnConf} (${now.none}); is it in force?`);
    } else if ("ip" in boot && boot.ip !== now.ip) {
      warnings.push(
        `NPU ${device}: hccn_tool says ${now.ip}, which is used; ${paths.hccnConf} says ${boot.ip}`,
      );
    }
  }
  for (const [[device, ip], [first]] of repeated([...ips], ([, ip]) => ip)) {
    const message = `has ${ip}, as NPU ${first} has`;
    const fix = "give each NPU an address of its own: `hccn_tool -i N -ip -s address … netmask …`";
    problems.push(error("PD123", `NPU ${device}`, message, fix));
  }
  if (problems.length > 0) return { problems };
  return { ipOf: (device) => ips.get(device) ?? "", warnings };
}

/** Ten seconds are a hundred times what it takes. No shell: a device id must stay one argument. */
function asked(tool: string, device: number): Answer {
  const args = ["-i", String(device), "-ip", "-g"];
  const {
    stdout,
    stderr,
    error: failure,
    status,
  } = spawnSync(tool, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 10_000,
    killSignal: "SIGKILL",
    maxBuffer: 64 * 1024,
  });
  if (failure !== undefined) {
    const isSlow = "code" in failure && failure.code === "ETIMEDOUT";
    return { none: `${tool}: ${isSlow ? "no answer within 10 seconds" : failure.message}` };
  }
  const reading = status === 0 || stdout.trim() !== "" ? readDeviceIp(stdout) : unreadable(stderr);
  return answer(reading, "hccn_tool");
}

function answer(reading: Reading<string | undefined>, source: string): Answer {
  if ("unreadable" in reading) return { none: `${source}: ${reading.unreadable}` };
  if (reading.value === undefined) return { none: `${source} has no address for it` };
  if (!isUnicast(reading.value)) return { none: `${source} has ${reading.value}, which leads nowhere` };
  return { ip: reading.value };
}

function readConf(path: string): (device: number) => Reading<string | undefined> {
  try {
    const addresses = readHccnConf(readFileSync(path, "utf8"));
    return (device) => addresses.get(device) ?? { value: undefined };
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === "ENOENT";
    const unread = { unreadable: isAbsent ? "there is no such file" : (error as Error).message };
    return () => unread;
  }
}

function noAddress(device: number, answers: readonly Answer[], tool: string): Problem {
  const reasons = answers.flatMap((one) => ("none" in one ? [one.none] : []));
  return error(
    "PD122",
    `NPU ${device}`,
    `has no known address: ${reasons.join("; ")}`,
    `as root, see what \`${tool} -i ${device} -ip -g\` and \`grep address_${device}= /etc/hccn.conf\` print`,
  );
}
