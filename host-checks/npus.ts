import { failed, type HostCheck, noNpus, ofEachNpu, ok, on, seeing, unseen, type Verdict } from "./check.ts";
import { type HostFacts, through } from "./facts.ts";
import { mayBeListed, npuInfoOf, npuOf } from "./npu-readings.ts";
import { healthOf, type NpuDevice } from "./tools/npu-smi-info.ts";
import { readBoard } from "./tools/npu-smi-lists.ts";
import { field, type Reading, unreadable } from "./tools/reading.ts";
import { isNpuSmi } from "./wanted.ts";

export const npuSmiFound: HostCheck = {
  code: "HC301",
  severity: "error",
  guardsUp: true,
  title: "npu-smi is where it is mounted from",
  why: "Releases put it below /usr/local/sbin or /usr/local/bin; Docker refuses to mount what is not there.",
  source: "the manual, step two: `-v /usr/local/sbin/npu-smi:/usr/local/sbin/npu-smi`",
  check: (host) => {
    if (host.wanted.npus.length === 0) return noNpus;
    const mounted = host.wanted.mounts.find(isNpuSmi)?.source;
    return seeing(host.said("npu-smi"), (output) => {
      const path = output.trim();
      if (path === "") return failed("it is nowhere", `install the NPU driver ${on(host)}`);
      if (mounted === undefined || path === mounted) return ok(path);
      return seeing(host.kind(mounted), (kind) => {
        if (kind !== "missing") return ok(mounted);
        return failed(`it is ${path}`, `\`ln -s ${path} ${mounted}\` ${on(host)}`);
      });
    });
  },
};

export const hccnToolFound: HostCheck = {
  code: "HC302",
  severity: "warning",
  title: "hccn_tool is on the host",
  why: "Without it nothing tells whether addresses, links and encryption of the NPUs' own network are right.",
  source: "the manual, step one: `device_ip` is what hccn_tool says",
  check: (host) => {
    if (host.wanted.npus.length === 0) return noNpus;
    return seeing(host.said("hccn_tool"), (output) => {
      const path = output.trim();
      if (path !== "") return ok(path);
      return failed("it is nowhere", `install the whole driver ${on(host)}, with its tools folder`);
    });
  },
};

/** What npu-smi says of an NPU of the stack. */
const ofEachListed = (host: HostFacts, judge: (device: NpuDevice, id: number) => Verdict): Verdict =>
  ofEachNpu(host, ({ id }) => seeing(npuOf(host, id), (device) => judge(device, id)));

export const npuListed: HostCheck = {
  code: "HC303",
  severity: "error",
  title: "npu-smi lists every NPU of the stack",
  why: "A device node may outlive its NPU: one that npu-smi does not list cannot be used.",
  source: "AscendCloud-LLM guide, checks of a host: `npu-smi info`",
  check: (host) =>
    ofEachNpu(host, ({ id }) =>
      seeing(npuInfoOf(host), (info) => {
        const device = info.devices.find((one) => one.id === id);
        if (device !== undefined) return ok(device.name);
        const doubt = mayBeListed(info);
        if (doubt !== undefined) return unseen(doubt);
        const known = info.devices.flatMap((one) => one.id ?? []).join(", ");
        const fix = `look for it with \`npu-smi info -m\` and \`dmesg\` ${on(host)}, or take another NPU in the stack file`;
        return failed(`no NPU ${id} among ${known || "none"}`, fix);
      }),
    ),
};

export const npuWithoutAlarm: HostCheck = {
  code: "HC304",
  severity: "error",
  title: "no NPU of the stack is in alarm",
  why: "The driver has found a fault that stops work on that NPU, or soon will.",
  source: "npu-smi, `Health`: OK, Warning, Alarm, Critical, UNKNOWN",
  check: (host) =>
    ofEachListed(host, (device, id) => {
      const { health, npu } = device;
      switch (healthOf(device)) {
        case "untold":
          return unseen(`npu-smi does not tell its health: ${health}`);
        case "fault": {
          const fix = `\`npu-smi info -t health -i ${npu}\` ${on(host)} names the fault; take another NPU until it is mended`;
          return failed(`NPU ${id}: ${health}`, fix);
        }
        default:
          return ok(health);
      }
    }),
};

export const npuWithoutWarning: HostCheck = {
  code: "HC305",
  severity: "warning",
  title: "npu-smi warns of no NPU of the stack",
  why: "It still works; heat, memory errors or the like are near a limit. A word of npu-smi's that is not known here counts as one.",
  source: "npu-smi, `Health`: OK, Warning, Alarm, Critical, UNKNOWN",
  check: (host) =>
    ofEachListed(host, (device, id) => {
      const { health, npu } = device;
      if (healthOf(device) === "untold") return unseen(`npu-smi does not tell its health: ${health}`);
      if (healthOf(device) !== "warning") return ok(health);
      return failed(
        `NPU ${id}: ${health}`,
        `\`npu-smi info -t health -i ${npu}\` ${on(host)} names the reason`,
      );
    }),
};

export const firmwareFits: HostCheck = {
  code: "HC306",
  severity: "warning",
  title: "driver and firmware fit",
  why: "Servers start on a mismatch, and fail later with errors that do not name it.",
  source: "npu-smi, `info -t board`: Compatibility",
  check: (host) => {
    if (host.wanted.npus.length === 0) return noNpus;
    return seeing(through(host.said("board"), readBoard), ({ software, firmware, compatibility }) => {
      const seen = `driver ${software}, firmware ${firmware}`;
      if (compatibility === undefined) return unseen(`this release does not say; ${seen}`);
      if (compatibility === "OK") return ok(seen);
      const fix = `install the driver and the firmware of one release ${on(host)}`;
      return failed(`${seen}: ${compatibility}`, fix);
    });
  },
};

/** The driver's own file tells, where npu-smi does not. */
function driverVersion(host: HostFacts): Reading<{ readonly version: string; readonly by: string }> {
  const board = through(host.said("board"), readBoard);
  if ("value" in board) return { value: { version: board.value.software, by: "" } };
  return through(host.said("version.info"), (output) => {
    const version = /^Version=(\S+)$/m.exec(output)?.[1] ?? field(output, "Version");
    const by = `, by its version.info alone: npu-smi does not tell, ${board.unreadable}`;
    return version ? { value: { version, by } } : unreadable(output);
  });
}

export const driversEqual: HostCheck = {
  code: "HC307",
  severity: "warning",
  title: "every host has the same driver",
  why: "Prefill and decode exchange KV cache through their drivers; releases are tested with themselves.",
  source: "vllm-project/vllm-ascend, issue 2406: versions that differ",
  check: (host, all) => {
    if (host.wanted.npus.length === 0) return noNpus;
    return seeing(driverVersion(host), ({ version, by }) => {
      for (const other of all.filter(({ wanted }) => wanted.npus.length > 0)) {
        const theirs = driverVersion(other);
        if ("value" in theirs && theirs.value.version !== version) {
          const seen = `driver ${version}${by}, while ${other.wanted.name} has ${theirs.value.version}${theirs.value.by}`;
          return failed(seen, "install one release on all hosts");
        }
      }
      return ok(`driver ${version}${by}`);
    });
  },
};
