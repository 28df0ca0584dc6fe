import fc from "fast-check";
import type { FilePlan } from "../../planning/plan.ts";
import { hostGroups, hostRankTables, parseServerLists } from "../ranktable/tables/host-layout.ts";

/** A deployment as a whole and as what each of its hosts is told, for property tests. */
export interface SampleDeployment {
  /** A valid `ascend-pd:deployment`. */
  readonly input: object;
  /** Host by host, in the order of the instances. */
  readonly hosts: readonly SampleHost[];
}

export interface SampleHost {
  readonly ip: string;
  readonly prefill: readonly number[][];
  readonly decode: readonly number[][];
  readonly apiServer: boolean;
}

const ids = Array.from({ length: 16 }, (_, id) => id);

/** A host's NPUs in any order, cut into instances of `size`. */
const hostOf = (prefillSize: number, decodeSize: number) =>
  fc
    .record({
      shuffled: fc.shuffledSubarray(ids, { minLength: 16, maxLength: 16 }),
      prefill: fc.nat(2),
      decode: fc.nat(2),
    })
    .map(({ shuffled, prefill, decode }) => {
      const cut = (count: number, size: number, from: number) =>
        Array.from({ length: count }, (_, index) =>
          shuffled.slice(from + index * size, from + (index + 1) * size),
        );
      return {
        prefill: cut(prefill, prefillSize, 0),
        decode: cut(decode, decodeSize, prefill * prefillSize),
      };
    });

/** One to three hosts with up to two prefill and two decode instances each, of one to four NPUs. */
export const deployments: fc.Arbitrary<SampleDeployment> = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }))
  .chain(([prefillSize, decodeSize]) =>
    fc.tuple(fc.array(hostOf(prefillSize, decodeSize), { minLength: 1, maxLength: 3 }), fc.nat(2)),
  )
  .map(([layouts, schedulerAt]) =>
    layouts.map((layout, index) => ({
      ...layout,
      ip: `10.0.0.${index + 1}`,
      apiServer: index === Math.min(schedulerAt, layouts.length - 1),
    })),
  )
  // A host without instances and scheduler has no table; the manual's file names can clash.
  .filter((hosts) => hosts.every((host) => host.apiServer || host.prefill.length + host.decode.length > 0))
  .filter((hosts) => hosts.some(({ prefill }) => prefill.length > 0))
  .filter((hosts) => hosts.some(({ decode }) => decode.length > 0))
  .filter((hosts) => hosts.every((host) => "layout" in parseServerLists(typed(host))))
  .map((hosts) => ({ input: inputOf(hosts), hosts }));

const typed = ({ prefill, decode }: SampleHost) => ({
  prefill: prefill.map((devices) => devices.join(",")),
  decode: decode.map((devices) => devices.join(",")),
});

const deviceIp = (hostIp: string, device: number) => `29.0.${hostIp.split(".")[3]}.${device + 1}`;

/** What `ranktable gen` writes on `host`, the global table last. */
export function generated(host: SampleHost): FilePlan[] {
  return hostRankTables(
    host.ip,
    hostGroups(host.ip, host, (device) => deviceIp(host.ip, device)),
  );
}

function inputOf(hosts: readonly SampleHost[]) {
  const name = (ip: string) => `host-${ip.split(".")[3]}`;
  const instances = (role: "prefill" | "decode", firstPort: number) =>
    hosts
      .flatMap((host) => host[role].map((devices) => ({ host: name(host.ip), devices })))
      .map((instance, index) => ({ ...instance, port: firstPort + index }));
  return {
    engine: { kind: "ascendcloud", image: "i:1", workDir: { source: "/data", target: "/data" } },
    model: { path: "/data/m", servedName: "m", maxModelLen: 4096, maxNumBatchedTokens: 4096 },
    hosts: Object.fromEntries(
      hosts.map(({ ip }) => [
        name(ip),
        {
          address: ip,
          docker: `ssh://root@${ip}`,
          hostKey: "ssh-ed25519 AAAA",
          npus: 16,
          deviceIps: Object.fromEntries(ids.map((device) => [device, deviceIp(ip, device)])),
        },
      ]),
    ),
    prefill: instances("prefill", 8100),
    decode: instances("decode", 8200),
    scheduler: { host: name(hosts.find(({ apiServer }) => apiServer)?.ip ?? ""), port: 9000 },
  };
}
