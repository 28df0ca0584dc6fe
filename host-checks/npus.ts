import { failed, type HostCheck, noNpus, ofEachNpu, ok, on, seeing, unseen, type Verdict } from "./check.ts";
import { type HostFacts, through } from "./facts.ts";
import { npuSmiPath } from "./script.ts";
import { type NpuDevice, type NpuInfo, readNpuInfo } from "./tools/npu-smi-info.ts";
import { readBoard } from "./tools/npu-smi-lists.ts";
import { field, type Reading, unreadable } from "./tools/reading.ts";

export const npuSmiFound: HostCheck = {
  code: "HC301",
  severity: "error",
  guardsUp: true,
  title: "npu-smi is where it is mounted from",
  why: "Releases put it below /usr/local/sbin or /usr/local/bin; Docker refuses to mount what is not there.",
  source: "the manual, step two: `-v /usr/local/sbin/npu-smi:/usr/local/sbin/npu-smi`",
  check: (host) => {
    if (host.wanted.npus.length === 0) return noNpus;
    return seeing(host.said("npu-smi"), (output) => {
      const path = output.trim();
      if (path === npuSmiPath) return ok(path);
      if (path === "") return failed("it is nowhere", `install the NPU driver ${on(host)}`);
      return failed(`it is ${path}`, `\`ln -s ${path} ${npuSmiPath}\` ${on(host)}`);
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

/** The table of npu-smi. */
export const npuInfoOf = ({ said }: HostFacts): Reading<NpuInfo> =>
  through(said("npu-smi"), (path) =>
    path.trim() === "" ? { unreadable: "there is no npu-smi" } : through(said("npu-smi info"), readNpuInfo),
  );

/** What npu-smi says of an NPU of the stack. */
function ofEachListed(host: HostFacts, judge: (device: NpuDevice, id: number) => Verdict): Verdict {
  return ofEachNpu(host, ({ id }) =>
    seeing(npuInfoOf(host), ({ devices }) => {
      const device = devices.find((one) => one.id === id);
      return device === undefined ? unseen(`npu-smi lists no NPU ${id}`) : judge(device, id);
    }),
  );
}

export const npuListed: HostCheck = {
  code: "HC303",
  severity: "error",
  title: "npu-smi lists every NPU of the stack",
  why: "A device node may outlive its NPU: one that npu-smi does not list cannot be used.",
  source: "AscendCloud-LLM guide, checks of a host: `npu-smi info`",
  check: (host) =>
    ofEachNpu(host, ({ id }) =>
      seeing(npuInfoOf(host), ({ devices }) => {
        const device = devices.find((one) => one.id === id);
        if (device !== undefined) return ok(device.name);
        const known = devices.flatMap((one) => one.id ?? []).join(", ");
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
  source: "npu-smi, `Health`: OK, Warning, Alarm, Critical",
  check: (host) =>
    ofEachListed(host, ({ health, npu }, id) => {
      if (["OK", "Warning"].includes(health)) return ok(health);
      const fix = `\`npu-smi info -t health -i ${npu}\` ${on(host)} names the fault; take another NPU until it is mended`;
      return failed(`NPU ${id}: ${health}`, fix);
    }),
};

export const npuWithoutWarning: HostCheck = {
  code: "HC305",
  severity: "warning",
  title: "npu-smi warns of no NPU of the stack",
  why: "It still works; heat, memory errors or the like are near a limit.",
  source: "npu-smi, `Health`: OK, Warning, Alarm, Critical",
  check: (host) =>
    ofEachListed(host, ({ health, npu }, id) => {
      if (health !== "Warning") return ok(health);
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
function driverVersion(host: HostFacts): Reading<string> {
  const board = through(host.said("board"), readBoard);
  if ("value" in board) return { value: board.value.software };
  return through(host.said("version.info"), (output) => {
    const version = /^Version=(\S+)$/m.exec(output)?.[1] ?? field(output, "Version");
    return version ? { value: version } : unreadable(output);
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
    return seeing(driverVersion(host), (version) => {
      for (const other of all.filter(({ wanted }) => wanted.npus.length > 0)) {
        const theirs = driverVersion(other);
        if ("value" in theirs && theirs.value !== version) {
          const seen = `driver ${version}, while ${other.wanted.name} has ${theirs.value}`;
          return failed(seen, "install one release on all hosts");
        }
      }
      return ok(`driver ${version}`);
    });
  },
};
