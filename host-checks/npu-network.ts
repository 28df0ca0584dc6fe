import {
  failed,
  type HostCheck,
  noNpus,
  noted,
  ofEachNpu,
  ok,
  on,
  seeing,
  unseen,
  type Verdict,
} from "./check.ts";
import { type HostFacts, through } from "./facts.ts";
import { hccn } from "./npu-readings.ts";
import { readHccnConf } from "./tools/hccn-conf.ts";
import type { Reading } from "./tools/reading.ts";

const addressAtBoot = (host: HostFacts, id: number): Reading<string | undefined> =>
  through(host.said("hccn.conf"), (text): Reading<string | undefined> => {
    if (/No such file/.test(text)) return { unreadable: "there is no /etc/hccn.conf" };
    if (/denied/i.test(text))
      return { unreadable: "/etc/hccn.conf cannot be read by the user of that connection" };
    return readHccnConf(text).get(id) ?? { value: undefined };
  });

export const deviceIps: HostCheck = {
  code: "HC401",
  severity: "error",
  title: "the device IPs of the stack file are those that the NPUs have",
  why: "They stand in every rank table. A wrong one shows only when the first KV cache is sent, as a time-out.",
  source: "the manual, step one: `device_ip` is what hccn_tool says",
  check: (host) =>
    ofEachNpu(host, ({ id, deviceIp }) => {
      const now = hccn(host, id, "ip");
      const place = `hosts.${host.wanted.name}.deviceIps.${id}`;
      if ("value" in now) return addressFits(host, id, now.value, deviceIp, "hccn_tool");
      const boot = addressAtBoot(host, id);
      if ("unreadable" in boot || (boot.value === undefined && deviceIp === undefined))
        return unseen(now.unreadable);
      const verdict = addressFits(host, id, boot.value, deviceIp, "/etc/hccn.conf");
      if (verdict.status !== "ok") return verdict;
      const conf = `/etc/hccn.conf alone says ${boot.value}, what it gets at boot`;
      // Where the tool is and did not answer, what the NPU has now stays unseen.
      const tool = host.said("hccn_tool");
      const isThere = "value" in tool && tool.value.trim() !== "";
      if (isThere) return unseen(`${now.unreadable}; ${conf}`);
      return deviceIp === undefined ? verdict : ok(`NPU ${id}: ${conf}, and is ${place} (${now.unreadable})`);
    }),
};

function addressFits(
  host: HostFacts,
  id: number,
  address: string | undefined,
  deviceIp: string | undefined,
  source: string,
): Verdict {
  const place = `hosts.${host.wanted.name}.deviceIps.${id}`;
  if (deviceIp === undefined || address === deviceIp) return ok(`NPU ${id} ${address ?? "none"}`);
  if (address === undefined) {
    const fix = `give it one: \`hccn_tool -i ${id} -ip -s address ${deviceIp} netmask …\` ${on(host)}`;
    const by = source === "hccn_tool" ? "" : ` by ${source}`;
    return failed(`NPU ${id} has no address${by}, while ${place} is ${deviceIp}`, fix);
  }
  const seen = `${source} says ${address} of NPU ${id}, while ${place} is ${deviceIp}`;
  return failed(seen, `put ${address} into ${place}, if that is the address it should have`);
}

export const bootAddress: HostCheck = {
  code: "HC402",
  severity: "warning",
  title: "/etc/hccn.conf has the addresses that the NPUs have",
  why: "At the next boot the NPU gets the one of that file. An engine that reads the file fails already now.",
  source: "vllm-project/vllm-ascend, pull request 16847: one NPU of 32 differed",
  check: (host) =>
    ofEachNpu(host, ({ id }) =>
      seeing(hccn(host, id, "ip"), (now) =>
        seeing(addressAtBoot(host, id), (boot) => {
          if (now === boot) return ok(`NPU ${id} ${now ?? "none"}`);
          const seen = `NPU ${id} has ${now ?? "no address"}, /etc/hccn.conf says ${boot ?? "nothing of it"}`;
          return failed(
            seen,
            `make address_${id} in that file and \`hccn_tool -i ${id} -ip -g\` the same ${on(host)}`,
          );
        }),
      ),
    ),
};

/** Between NPUs of one host KV cache takes no network port: hosts of that kind have often no optics. */
const stays = "no traffic of the stack leaves this host";

export const linkUp: HostCheck = {
  code: "HC403",
  severity: "error",
  title: "the link of every NPU's network port is up",
  why: "KV cache between hosts goes through that port.",
  source: "HCCL error codes, EJ0002: network port down",
  check: (host) =>
    ofEachNpu(host, ({ id }) =>
      seeing(hccn(host, id, "link"), (link) => {
        if (link === "UP") return ok("UP");
        if (host.wanted.isAlone) return noted(`NPU ${id} DOWN`, stays);
        const fix = `check cable, optics and switch port; \`hccn_tool -i ${id} -link_stat -g\` ${on(host)} tells since when`;
        return failed(`the link of NPU ${id} is DOWN`, fix);
      }),
    ),
};

export const netHealthy: HostCheck = {
  code: "HC404",
  severity: "error",
  title: "the network health of no NPU is a fault",
  why: "The port cannot reach its detection address: a link that is up leads nowhere.",
  source: "hccn_tool, `-net_health -g`; the words that mindcluster's fault diagnosis takes for faults",
  check: (host) =>
    ofEachNpu(host, ({ id }) =>
      seeing(hccn(host, id, "net_health"), ({ status, verdict }) => {
        if (verdict !== "fault") return ok(status);
        if (host.wanted.isAlone) return noted(`NPU ${id} ${status}`, stays);
        const fix = `\`hccn_tool -i ${id} -netdetect -g\` ${on(host)} shows the address that it must reach`;
        return failed(`NPU ${id}: ${status}`, fix);
      }),
    ),
};

export const netChecked: HostCheck = {
  code: "HC405",
  severity: "warning",
  title: "the network health of every NPU is known to be good",
  why: "`Init` and the like say that nothing has been detected yet, good or bad.",
  source: "hccn_tool, `-net_health -g`",
  check: (host) =>
    ofEachNpu(host, ({ id }) =>
      seeing(hccn(host, id, "net_health"), ({ status, verdict }) => {
        if (verdict !== "unclear") return ok(status);
        if (host.wanted.isAlone) return noted(`NPU ${id} ${status}`, stays);
        const fix = `set a detection address: \`hccn_tool -i ${id} -netdetect -s address …\` ${on(host)}, then look again`;
        return failed(`NPU ${id}: ${status}`, fix);
      }),
    ),
};

export const tlsEqual: HostCheck = {
  code: "HC406",
  severity: "error",
  title: "TLS is on for all NPUs of the stack, or for none",
  why: "An NPU with TLS and one without get no connection, and HCCL waits for it until its time-out.",
  source: "HCCL error codes, EI0006; vllm-project/vllm-ascend, issue 10224",
  check: (host, all) => {
    if (host.wanted.npus.length === 0) return noNpus;
    const everywhere = all.flatMap((one) =>
      one.wanted.npus.map(({ id }) => ({
        place: `NPU ${id} of ${one.wanted.name}`,
        tls: hccn(one, id, "tls"),
      })),
    );
    const where = (value: boolean) =>
      everywhere.flatMap(({ place, tls }) => ("value" in tls && tls.value === value ? [place] : []));
    const [on, off] = [where(true), where(false)];
    if (on.length > 0 && off.length > 0) {
      const fix = "set one value on all, as root, e.g. `hccn_tool -i N -tls -s enable 0`";
      return failed(`it is on for ${few(on)}, and off for ${few(off)}`, fix);
    }
    const hidden = everywhere.find(({ tls }) => "unreadable" in tls);
    if (hidden !== undefined && "unreadable" in hidden.tls)
      return unseen(`${hidden.place}: ${hidden.tls.unreadable}`);
    return ok(on.length > 0 ? "on" : "off");
  },
};

const few = (places: readonly string[]): string =>
  places.length > 3 ? `${places.slice(0, 2).join(", ")} and ${places.length - 2} more` : places.join(", ");
